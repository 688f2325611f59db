from tests.unit.report.history.contract import HistoryContract


class TestPostgresql(HistoryContract):
    pass
