"""A history as an earlier release left it: the tables of its revision, with rows in all of them."""

from datetime import timedelta
from importlib import resources

from sqlalchemy import Connection, text

from auditor.report.history import Database
from auditor.report.history.migrate import MIGRATION_LOCK
from tests.unit.report.history.cases import START

ROWS_0001 = """
INSERT INTO clusters (id, uid, name, first_seen) VALUES (1, 'old', 'prod', {at});
INSERT INTO findings (id, cluster_id, fingerprint, policy, rule, policy_kind, result, severity, message, path,
  remediation, controls, api_group, api_version, kind, resource, namespace, name, uid, first_seen, opened_at,
  last_seen, turned_at, resolved_at, reopened_count, excused_by, writer)
  VALUES (1, 1, 'f', 'quorum', 'odd', 'Policy', 'fail', 1, 'must be odd', '/spec', 'Use 3.', '["DB-7"]',
  'db.example.com', 'v1', 'Database', 'databases', 'shop', 'orders', 'u', {at}, {at}, {at}, {at}, NULL, 0, '', '');
INSERT INTO turns (id, cluster_id, finding_id, at, turn, result, severity, excused_by)
  VALUES (1, 1, 1, {at}, 'opened', 'fail', 1, '');
INSERT INTO intervals (cluster_id, length, start, api_group, resource, policy, rule, namespace, passes, fails, warns,
  errors, skips, evaluations)
  VALUES (1, 3600, {at}, 'db.example.com', 'databases', 'quorum', 'odd', 'shop', 3, 1, 0, 0, 0, 4);
INSERT INTO doors (cluster_id, length, start, webhook, policy, outcome, count)
  VALUES (1, 3600, {at}, 'validate', '', 'deny', 2);
INSERT INTO policy_changes (id, cluster_id, at, policy, policy_kind, uid, generation, what, rules)
  VALUES (1, 1, {at}, 'quorum', 'Policy', 'u', 1, 'changed', '{{"odd":["DB-7"]}}');
INSERT INTO coverage (id, cluster_id, at, api_group, resource, present, evaluated, not_evaluated, stale, reason)
  VALUES (1, 1, {at}, 'db.example.com', 'databases', 4, 4, 0, false, '')
"""

ROWS_0002 = """
UPDATE policy_changes SET title = 'Quorum', severities = '{{"odd":"high"}}';
INSERT INTO kind_policies (id, cluster_id, at, api_group, resource, policies)
  VALUES (1, 1, {at}, 'db.example.com', 'databases', '{{"quorum":""}}');
INSERT INTO exception_changes (id, cluster_id, at, namespace, name, uid, generation, what, policies, rules, owner,
  reason, expires)
  VALUES (1, 1, {at}, 'shop', 'legacy', 'e', 1, 'changed', '["quorum"]', '[]', 'ana', 'migration', {later});
INSERT INTO releases (id, cluster_id, at, version) VALUES (1, 1, {at}, '0.1.0');
INSERT INTO intervals (cluster_id, length, start, api_group, resource, policy, rule, namespace, passes, fails, warns,
  errors, skips, evaluations)
  VALUES (1, 86400, {before}, 'db.example.com', 'databases', 'quorum', 'odd', 'shop', 1, 1, 0, 0, 0, 9);
INSERT INTO horizons (cluster_id, what, before) VALUES (1, 'hours', {at})
"""
"""Of days, nothing was left but how they ended."""
STEPS = {"0001": ROWS_0001, "0002": ROWS_0002}
"""What each revision could say for the first time."""
_NUMBERED = ("clusters", "findings", "turns", "policy_changes", "coverage")
_NUMBERED_0002 = ("kind_policies", "exception_changes", "releases")


def make_old(url: str, revision: str) -> None:
    """As a program of that revision left it, which had begun with the first."""
    midnight = START.replace(hour=0)
    moments = {"at": START, "later": START + timedelta(days=30), "before": midnight - timedelta(days=1)}
    numbers = {name: int(moment.timestamp() * 1e6) for name, moment in moments.items()}
    database = Database(url)
    try:
        with database.writing(MIGRATION_LOCK) as connection:
            for step in sorted(each for each in STEPS if each <= revision):
                upgrade_to(connection, step)
                for statement in STEPS[step].format(**numbers).split(";"):
                    connection.execute(text(statement.replace(":", "\\:")))
            if not database.is_sqlite:  # numbers were given by hand: the next come after them
                for table in (*_NUMBERED, *(_NUMBERED_0002 if revision >= "0002" else ())):
                    connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1)"))  # ours
    finally:
        database.close()


def upgrade_to(connection: Connection, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    with resources.as_file(resources.files("auditor.report.history") / "migrations") as folder:
        config.set_main_option("script_location", str(folder))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
