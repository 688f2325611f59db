"""A history as an earlier release left it: the tables of its revision, with rows in all of them."""

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


def make_0001(url: str) -> None:
    database = Database(url)
    try:
        with database.writing(MIGRATION_LOCK) as connection:
            upgrade_to(connection, "0001")
            at = START.timestamp() * 1e6
            for statement in ROWS_0001.format(at=int(at)).split(";"):
                connection.execute(text(statement.replace(":", "\\:")))
            if not database.is_sqlite:  # numbers were given by hand: the next come after them
                for table in ("clusters", "findings", "turns", "policy_changes", "coverage"):
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
