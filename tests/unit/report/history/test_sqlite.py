from tests.unit.report.history.contract import HistoryContract


class TestSqlite(HistoryContract):
    pass
