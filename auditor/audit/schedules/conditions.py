"""What a person who looks at a ReportSchedule is told of it, in three conditions."""

from typing import Final

from auditor.audit.schedules.spec import Schedule
from auditor.audit.schedules.state import Plan, Standing, State, tell_time
from auditor.cluster.conditions import Condition

SHOWN: Final = 3
"""Deliveries that a message names; all stand in the list."""


def find_conditions(schedule: Schedule | None, plan: Plan, before: Standing) -> tuple[Condition, ...]:
    """`schedule`: None where only a delivery has ended, which says nothing of it."""
    found = [_delivered(plan.standing)]
    if schedule is not None:
        found.append(_ready(schedule, plan.standing))
        if plan.standing.last != before.last:
            found.append(_on_time(schedule, plan))
    return tuple(found)


def _ready(schedule: Schedule, standing: Standing) -> Condition:
    if schedule.suspended:
        return Condition(
            "Ready", "False", "Suspended", "Nothing becomes due while it is suspended.", schedule.generation
        )
    said = "" if standing.next is None else f"The next report is due at {tell_time(standing.next)}."
    return Condition("Ready", "True", "Scheduled", said, schedule.generation)


def _on_time(schedule: Schedule, plan: Plan) -> Condition:
    """Of the last run, until the next one."""
    if plan.remark:
        return Condition("Complete", "False", "LeftOut", plan.remark, schedule.generation)
    return Condition(
        "Complete", "True", "Begun", "The last run was begun for all who are to have it.", schedule.generation
    )


def _delivered(standing: Standing) -> Condition:
    entries = standing.entries
    wrong = [each for each in entries if each.state is State.GIVEN_UP or (each.is_open and each.error)]
    if wrong:
        told = "; ".join(
            f"{each.name}{f' to {each.audience}' if each.audience else ''}: {each.error}" for each in wrong[:SHOWN]
        )
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        given_up = any(each.state is State.GIVEN_UP for each in wrong)
        return Condition("Delivered", "False", "GivenUp" if given_up else "Retrying", f"{told}{more}")
    waiting = [each for each in entries if each.is_open]
    if waiting or not entries:
        said = f"{len(waiting)} deliveries are under way." if waiting else "Nothing has been due yet."
        return Condition("Delivered", "Unknown", "Waiting" if waiting else "NothingDue", said)
    return Condition("Delivered", "True", "Delivered", "All that was due has arrived.")
