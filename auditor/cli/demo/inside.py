"""The chapters on what happens inside: the watcher, drift, and reports."""

import time
from importlib import resources

from auditor.cli.demo.services import Service
from auditor.cli.demo.stage import Stage

FILES = resources.files("auditor") / "cli" / "demo" / "files"
REPORTS = resources.files("auditor") / "crds" / "reports" / "openreports.yaml"
TOLD = "-o=jsonpath={range .items[*].results[*]}{.policy}/{.rule}: {.message}{'\\n'}{end}"
PLACES = "-o=jsonpath={range .items[*].results[*]}{.policy} at {.properties.path}: {.message}{'\\n'}{end}"
COUNT = "-o=jsonpath={.items[*].scope.name}"
SECOND = 1.1
"""The API server notes who wrote a field to the second: what is written in the one in which a rule came into force
could have been written before."""


def begin_watching(stage: Stage) -> None:
    stage.begin(
        "Inside",
        "A watcher follows every kind, judges what is stored, and keeps a report for each object with findings.",
    )
    stage.expect("kinds of reports are there", "reports.openreports.io created", "create", "-f", str(REPORTS))


def find_existing(stage: Stage) -> None:
    stage.wait("what was there is reported", "room-to-grow", "get", "reports", TOLD)
    stage.expect("one report an object with findings", "baskets", "get", "reports", COUNT)


def find_bypass(stage: Stage, door: Service) -> None:
    stage.begin(
        "Past the door",
        "While the webhook is down, something gets in that it would have refused (failurePolicy Ignore).",
    )
    stage.expect("policy is accepted", "caches-bounded created", "create", "-f", f"{FILES}/bounded.yaml")
    stage.expect("policy is in force", "condition met", "wait", "--for=condition=Ready", "policy", "caches-bounded")
    huge = ("create", "-f", f"{FILES}/huge.yaml")
    stage.wait("API server has noticed", "caches-bounded", *huge, "--dry-run=server", fails=True)
    stage.expect("the door refuses it", "more than 4Gi", *huge, fails=True)
    time.sleep(SECOND)
    door.stop()
    stage.done("webhook is stopped")
    stage.expect("without a door it gets in", "huge created", *huge)
    stage.wait("it is found, and who wrote it", "kubectl", "get", "reports", TOLD)
    stage.expect("as a bypass, with its writer", "bypass/caches-bounded/bounded", "get", "reports", TOLD)
    patch = ("patch", "caches.v1.demo.auditor.dev", "huge", "--type=merge", "-p", '{"spec":{"memory":"2048Mi"}}')
    stage.expect("it is repaired", "huge patched", *patch)
    stage.wait_gone("its report is gone", "huge", "get", "reports", COUNT)


def tighten_kind(stage: Stage) -> None:
    stage.begin(
        "A kind that is tightened", "Its new schema wants more; of what is stored already the API server says nothing."
    )
    change = '[{"op":"add","path":"%s/memory/pattern","value":"^[1-9][0-9]{3,}Mi$"}]'
    where = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
    patch = ("patch", "crd", "caches.demo.auditor.dev", "--type=json", "-p", change % where)
    stage.expect("CRD is changed", "patched", *patch)
    stage.wait("old object is found invalid", "schema/", "get", "reports", TOLD)
    stage.expect("with the place and the reason", "/spec/memory", "get", "reports", PLACES)
    repair = ("patch", "caches.v1.demo.auditor.dev", "sessions", "--type=merge", "-p", '{"spec":{"memory":"1024Mi"}}')
    stage.expect("it is repaired", "sessions patched", *repair)
    stage.wait_gone("its report is gone", "sessions", "get", "reports", COUNT)


def add_kind(stage: Stage) -> None:
    stage.begin("A kind that comes later", "Installed while all runs; a policy for it was there before.")
    stage.expect("policy waits for its kind", "queues-named created", "create", "-f", f"{FILES}/queues-policy.yaml")
    stage.expect("kind comes", "queues.demo.auditor.dev created", "create", "-f", f"{FILES}/queues.yaml")
    stage.expect(
        "kind is served", "condition met", "wait", "--for=condition=Established", "crd/queues.demo.auditor.dev"
    )
    stage.wait("an object is stored", "created", "create", "-f", f"{FILES}/jobs.yaml")
    stage.wait("it is judged", "queues-named/owner", "get", "reports", TOLD)
    covered = "-o=jsonpath={range .status.coverage[*]}{.resource}: {.evaluated} of {.present}{'\\n'}{end}"
    stage.wait("coverage knows it", "queues: 1 of 1", "get", "auditconfig", "default", covered)
    stage.expect("all that is followed, and how much of it", "queues: 1 of 1", "get", "auditconfig", "default", covered)
