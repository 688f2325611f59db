"""What is wrong with a policy, all at once: which policy, where in it, and what to do."""

from dataclasses import replace
from typing import Self

from auditor.dataclass import dataclass
from auditor.errors import AuditorError, CompileError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """`line` and `column` are those inside an expression; the file's are for who read it from a file, and its column
    is known only where the mistake itself could be found in the text."""

    policy: str
    pointer: str
    message: str
    rule: str = ""
    line: int = 0
    column: int = 0
    file: str = ""
    file_line: int = 0
    file_column: int = 0
    warning: bool = False
    """Not an error: it is told, and the policy works."""
    kind: str = ""
    """Where names of several kinds can be meant: a binding is often named as its policy."""

    @classmethod
    def of(cls, problem: Problem, *, policy: str, pointer: str, rule: str = "", warning: bool = False) -> Self:
        return cls(
            policy=policy,
            pointer=pointer,
            message=problem.message,
            rule=rule,
            line=problem.line,
            column=problem.column,
            warning=warning,
        )

    def at(self, file: str, line: int, column: int = 0) -> Self:
        return replace(self, file=file, file_line=line, file_column=column)

    def __str__(self) -> str:
        column = f":{self.file_column}" if self.file_column else ""
        place = f"{self.file}:{self.file_line}{column}: " if self.file else ""
        rule = f", rule {self.rule}" if self.rule else ""
        inside = f" at {self.line}:{self.column}" if self.line and not column else ""
        pointer = f" {self.pointer}{inside}:" if self.pointer else ""
        return f"{place}{self.kind or 'Policy'} {self.policy}{rule}:{pointer} {self.message}"


class PolicyError(AuditorError):
    """Policies that do not compile. Its exit code is that of configuration."""

    http_code = 422

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(map(str, mistakes)))


def collect(error: CompileError, *, policy: str, pointer: str, rule: str = "") -> list[Mistake]:
    return [Mistake.of(problem, policy=policy, pointer=pointer, rule=rule) for problem in error.problems]
