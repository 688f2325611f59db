"""News of findings: what has become of them between two moments of the history, and how a person is told.

A moment is the number of a turn, as turns are numbered in the order in which they are written. Of the same two moments
the history gives the same news again, so nothing has to be kept that is still to be sent.
"""

from auditor.report.news.changes import Change, Interest, Item
from auditor.report.news.letter import write_news
from auditor.report.news.listing import choose_worst, read_lines
from auditor.report.news.window import Window, find_last, find_last_before, read_window

__all__ = [
    "Change",
    "Interest",
    "Item",
    "Window",
    "choose_worst",
    "find_last",
    "find_last_before",
    "read_lines",
    "read_window",
    "write_news",
]
