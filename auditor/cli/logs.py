"""Logs go to standard error, as text for people or as one JSON object a line for machines: docs/logs.md."""

import json
import logging
from datetime import UTC, datetime

from auditor import tracing

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def set_up_logging(verbose: int, form: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=LEVELS[min(verbose, len(LEVELS) - 1)], handlers=[handler], force=True)


class TextFormatter(logging.Formatter):
    """Names and messages come from objects: none of them looks like a line of its own, or acts on a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - so it is called
        return super().formatMessage(record).replace("\n", "\n  ")

    def format(self, record: logging.LogRecord) -> str:
        from auditor.intake.printable import clean  # not before there is something to say: completion says nothing

        return clean(super().format(record))


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if isinstance(record.msg, str):
            line["event"] = record.msg  # the message without its values: of one sort of lines it is the same
        decision = getattr(record, "decision", None)  # of the door: all that is known of it, by name
        if decision is not None:
            line["decision"] = decision
        trace = tracing.current_trace()
        if trace:
            line["trace"] = trace
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        from auditor.intake.printable import quiet

        return quiet(json.dumps(line, ensure_ascii=False))  # somebody looks at it in a terminal, too
