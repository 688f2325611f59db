from pathlib import Path

import pytest

from tests.unit.report.delivery.receivers import Trust, make_trust


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return make_trust(Path(tmp_path_factory.mktemp("trust")))
