"""Every error that a person or a client may see, in one tree.

    AuditorError                 exit 2, HTTP 500
    ├── UsageError               exit 2, HTTP 400   the command or its settings are wrong
    ├── InputError               exit 3, HTTP 400   an object could not be read
    ├── CompileError             exit 2, HTTP 422   a policy, rule or expression is wrong: all its problems at once
    └── SandboxError             exit 2             the control plane on this computer
        ├── AssetsError          the binaries: not there, damaged, not to be built
        └── StartError           a control plane that did not come up, or has ended

Rooms that know nothing of policies raise these too, so the tree stands above the rooms and imports none of them.
"""

from dataclasses import dataclass


class AuditorError(Exception):
    """What went wrong, where, and what to do about it, as one text for people."""

    exit_code = 2
    http_code = 500


class UsageError(AuditorError):
    http_code = 400


class InputError(AuditorError):
    exit_code = 3
    http_code = 400


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a text that somebody wrote; line and column count from 1, 0 where they are not known."""

    message: str
    line: int = 0
    column: int = 0


class CompileError(AuditorError):
    http_code = 422

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(p.message for p in problems))


class SandboxError(AuditorError):
    pass


class AssetsError(SandboxError):
    pass


class StartError(SandboxError):
    pass
