"""All commands of the README and the pages, and who runs which."""

import re
from typing import Final

from tests.unit.docs.pages import Block, blocks, commands, pages

ELSEWHERE: Final = {
    "docs/ci.md": "tests/unit/cli/test_ci_page.py",
    "docs/first-policy.md": "tests/unit/cli/test_first_policy.py",
    "docs/first-ten-minutes.md": "tests/cluster/docs/test_first_ten_minutes.py",
    "docs/install.md": "tests/cluster/deploy/test_manifests.py",
    "docs/kubectl-plugin.md": "tests/cluster/plugin/test_plugin.py",
}
"""Pages that a test of their own follows from the first command to the last."""
RUNBOOKS: Final = "tests/cluster/observability/test_observed.py"
"""Runs those of all runbooks."""

PROCESSES: Final = {
    r"auditor (?:-\S+ (?:json )?)*webhook\b": "tests/cluster/webhooks/serving/test_program.py",
    r"auditor (?:-\S+ (?:json )?)*watch\b": "tests/cluster/audit/test_watchers.py",
    r"auditor run\b": "tests/cluster/docs/test_commands.py",
    r"auditor dashboard\b": "tests/cluster/dashboard/test_serving.py",
    r"auditor sandbox (?:up|exec|down|kubectl)\b": "tests/cluster/sandbox/test_lifecycle.py",
}
"""What stays until it is ended is started by these, with addresses and files of theirs; of the page's the options are
looked at."""

NOT_RUN: Final = {
    "make ": "they are what runs this: that there is such a target is looked at",
    "gcloud ": "it needs a cloud",
    "gh ": "it needs what was released",
    "git checkout v": "there is no release yet",
    "SOURCE_DATE_EPOCH=": "tests/unit/repository/test_release.py builds twice and compares",
    "helm upgrade auditor deploy/chart": "tests/unit/deploy/test_pages.py looks at the values",
    "curl ": "the address is an example: tests/unit/dashboard/test_api.py asks for such paths",
    "jq ": "tests/unit/docs/test_statements.py runs it",
    "kubectl -n auditor-system exec": "there are no pods: tests/unit/docs/test_statements.py runs what it runs",
    "export OTEL_": "it sets what the next line reads",
}
"""By how they begin, with the reason."""


def list_commands() -> list[tuple[Block, str]]:
    """Without the reference, which has forms of commands. Of the packs' pages only the options are looked at: what they
    run is tried for each pack in tests/unit/packs."""
    chosen = (page for page in pages() if "reference" not in page.parts)
    return [(block, command) for page in chosen for block in blocks(page) for command in commands(block)]


def is_elsewhere(page: str) -> bool:
    return page in ELSEWHERE or page.startswith(("docs/runbooks/", "policies/"))


def is_left_out(command: str) -> bool:
    return command.startswith(tuple(NOT_RUN)) or any(re.match(each, command) for each in PROCESSES)


def list_to_run() -> list[tuple[Block, str]]:
    return [
        (block, command)
        for block, command in list_commands()
        if not is_elsewhere(block.page) and not is_left_out(command)
    ]
