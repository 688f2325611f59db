"""Output formats: one small module each, with `write`. All formats of one run hold the same findings."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from auditor.report.results import Results

Write = Callable[[Results], str]

NAMES: Final = ("table", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html", "csv", "report")


class _Formats(Mapping[str, Write]):
    """A format is imported when somebody asks for it: most runs want one of them."""

    def __getitem__(self, name: str) -> Write:
        if name not in NAMES:
            raise KeyError(name)
        write: Write = importlib.import_module(f"{__name__}.{name}").write
        return write

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


FORMATS: Final = _Formats()
