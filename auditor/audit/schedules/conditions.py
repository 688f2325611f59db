"""What a person who looks at a ReportSchedule is told of it, beside what became of its deliveries."""

from auditor.audit.dispatch.times import tell_time
from auditor.audit.schedules.spec import Schedule
from auditor.audit.schedules.state import Plan, Runs
from auditor.cluster.conditions import Condition


def find_ready(schedule: Schedule, standing: Runs) -> Condition:
    if schedule.suspended:
        return Condition(
            "Ready", "False", "Suspended", "Nothing becomes due while it is suspended.", schedule.generation
        )
    said = "" if standing.next is None else f"The next report is due at {tell_time(standing.next)}."
    return Condition("Ready", "True", "Scheduled", said, schedule.generation)


def find_complete(schedule: Schedule, plan: Plan) -> Condition:
    """Of the last run, until the next one."""
    if plan.remark:
        return Condition("Complete", "False", "LeftOut", plan.remark, schedule.generation)
    return Condition(
        "Complete", "True", "Begun", "The last run was begun for all who are to have it.", schedule.generation
    )
