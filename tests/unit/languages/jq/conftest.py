from collections.abc import Iterator

import pytest

from auditor.languages.jq import Limits, Pool


@pytest.fixture(scope="session")
def shared() -> Iterator[Pool]:
    """For rules that behave: what they leave behind does not matter."""
    with Pool(processes=1) as pool:
        yield pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    """For rules that do not."""
    with Pool(processes=1, limits=Limits(seconds=0.1)) as pool:
        yield pool
