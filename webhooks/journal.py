"""A line in the log for each decision: admissions at DEBUG, denials and rules that err at INFO, faults above it.

The fields of a decision travel as `record.decision`, for formatters that write JSON.
"""

import logging
from typing import Final

from auditor.model.finding import Result
from auditor.webhooks.decisions import Decision
from auditor.webhooks.judge import Fault, Judgement

logger: Final = logging.getLogger("auditor.webhooks")


def choose_level(judgement: Judgement) -> int:
    if judgement.fault is Fault.INTERNAL:
        return logging.ERROR
    if judgement.error or judgement.broke_glass:
        return logging.WARNING
    # Controllers write what is audited or mutated again and again: a line for each would be all that the log holds.
    erred = any(each.result is Result.ERROR for each in judgement.findings)
    return logging.DEBUG if judgement.allowed and not erred else logging.INFO


def write(decision: Decision, level: int) -> None:
    if not logger.isEnabledFor(level):
        return
    where = f"{decision.namespace}/{decision.name}" if decision.namespace else decision.name
    how = " by break-glass" if decision.broke_glass else " (dry run)" if decision.dry_run else ""
    logger.log(
        level,
        "%s: %s %s %s %s%s",
        decision.id,
        decision.operation,
        decision.kind,
        where,
        decision.outcome,
        how,
        extra={"decision": decision.describe()},
    )
