"""Makes up for a fault of the library (0.1.3), which could end the process."""

import ctypes
import sys

from auditor.json import Json


def return_nulls(value: Json) -> None:
    """Takes the references to None that the library (0.1.3) forgot to take, one for each null in the value.

    Before Python 3.12 None can be freed, and the process would end after some thousands of nulls.
    """
    if sys.version_info >= (3, 12):
        return
    match value:
        case None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
        case list():
            for each in value:
                return_nulls(each)
        case dict():
            for each in value.values():
                return_nulls(each)
