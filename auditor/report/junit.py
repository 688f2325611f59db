"""Test cases of policies in the form that CI servers read."""

from collections.abc import Sequence
from pathlib import PurePath
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from auditor.intake.cases import Outcome
from auditor.intake.printable import clean


def write_cases(outcomes: Sequence[Outcome]) -> str:
    """A suite for each folder of cases. What XML cannot hold is shown as it is on a terminal."""
    root = Element("testsuites", name="auditor test")
    suites: dict[str, list[Outcome]] = {}
    for each in outcomes:
        suites.setdefault(str(PurePath(each.file).parent), []).append(each)
    for folder, cases in suites.items():
        errors = sum(each.incomplete for each in cases)
        failed = sum(bool(each.problem) for each in cases) - errors
        suite = SubElement(
            root,
            "testsuite",
            name=clean(folder),
            tests=str(len(cases)),
            failures=str(failed),
            errors=str(errors),
            time=f"{sum(each.seconds for each in cases):.3f}",
        )
        for each in cases:
            name = clean(PurePath(each.file).name)
            case = SubElement(
                suite, "testcase", classname=clean(folder), name=name, file=clean(each.file), time=f"{each.seconds:.3f}"
            )
            if each.problem:
                told = SubElement(case, "error" if each.incomplete else "failure")
                told.set("message", clean(each.problem.splitlines()[0]))
                told.text = "\n".join(clean(line) for line in each.problem.splitlines())
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"
