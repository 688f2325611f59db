"""Each format read back as its readers do: which findings it holds, by fingerprint and result."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import yaml

Found = set[tuple[str, str]]


def from_json(text: str) -> Found:
    return {(each["fingerprint"], each["result"]) for each in json.loads(text)["findings"]}


def from_yaml(text: str) -> Found:
    document = yaml.load(text, yaml.CSafeLoader)
    return {(each["fingerprint"], each["result"]) for each in document["findings"]}


def from_sarif(text: str) -> Found:
    (run,) = json.loads(text)["runs"]
    return {(each["partialFingerprints"]["auditor/v1"], each["properties"]["result"]) for each in run["results"]}


def from_junit(text: str) -> Found:
    return set(_read_cases(ET.fromstring(text.encode())))  # noqa: S314 our own


def _read_cases(root: ET.Element) -> Iterator[tuple[str, str]]:
    for case in root.iter("testcase"):
        told = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        if told:
            yield told["fingerprint"], told["result"]


def from_github(text: str) -> Found:
    return {(found[2], found[1]) for line in text.split("\n") if (found := re.search(r"%0A\[(\w+) (\w+)\]$", line))}


def from_gitlab(text: str) -> Found:
    return {(each["fingerprint"], each["result"]) for each in json.loads(text)}


def from_markdown(text: str) -> Found:
    rows = (re.match(r"\| \S+(?: \(known\))? <!-- (\w+) (\w+) --> \|", line) for line in text.split("\n"))
    return {(found[2], found[1]) for found in rows if found}


def from_html(text: str) -> Found:
    found: Found = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            told = dict(attrs)
            if "data-fingerprint" in told:
                found.add((str(told["data-fingerprint"]), str(told["data-result"])))

    Reader().feed(text)
    return found


def from_csv(text: str) -> Found:
    return {(row["fingerprint"], row["result"]) for row in csv.DictReader(io.StringIO(text, newline=""))}


def from_report(text: str) -> Found:
    reports = [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]
    return {(row["properties"]["resultID"], row["result"]) for report in reports for row in report["results"]}


READERS: dict[str, Callable[[str], Found]] = {
    "json": from_json,
    "yaml": from_yaml,
    "sarif": from_sarif,
    "junit": from_junit,
    "github": from_github,
    "gitlab": from_gitlab,
    "markdown": from_markdown,
    "html": from_html,
    "csv": from_csv,
    "report": from_report,
}
