"""The dashboard of `auditor dashboard`, at a moment that does not move: what a browser sees is always the same."""

import sys
from typing import Any

from auditor.dashboard import serving
from auditor.dashboard.app import Source
from auditor.operations import Listen
from tests.unit.dashboard.world import NOW


def _stand_still(**given: Any) -> Source:
    return Source(**given, clock=lambda: NOW)


def _tell(link: str) -> None:
    sys.stdout.write(f"{link}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    vars(serving)["Source"] = _stand_still
    serving.run(serving.DashboardSettings(listen=Listen("127.0.0.1", 0), database=sys.argv[1]), _tell)
