"""The dashboard of `auditor dashboard`, at a moment that does not move and over a cluster that always says the same:
what a browser sees is always the same.
"""

import sys
from typing import Any

from auditor.dashboard import serving
from auditor.dashboard.answers.now import ChangeLine, ObjectNow, WriterLine
from auditor.dashboard.app import Source
from auditor.operations import Listen
from tests.unit.dashboard.world import NOW, START

SEEN = ObjectNow(
    said="It is another object of the same name by now.",
    seen=True,
    value='{\n  "replicas": 4\n}',
    nearest="/spec",
    writers=(
        WriterLine(manager="argocd", operation="Apply", subresource="", at=NOW),
        WriterLine(manager="autoscaler", operation="Update", subresource="scale", at=None),
        WriterLine(manager="kubectl-edit", operation="Update", subresource="", at=START),
    ),
    changes=(
        ChangeLine(path="/spec/replicas", before="4", after="5"),
        ChangeLine(path="/spec/storage/class", before=None, after='"standard"'),
        ChangeLine(path="/metadata/annotations/old", before='"x"', after=None),
    ),
)


class _Cluster:
    def look(self, *_: object) -> ObjectNow:
        return SEEN


def _stand_still(**given: Any) -> Source:
    return Source(**{**given, "objects": _Cluster(), "clock": lambda: NOW})


def _tell(link: str) -> None:
    sys.stdout.write(f"{link}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    vars(serving)["Source"] = _stand_still
    serving.run(serving.DashboardSettings(listen=Listen("127.0.0.1", 0), database=sys.argv[1]), _tell)
