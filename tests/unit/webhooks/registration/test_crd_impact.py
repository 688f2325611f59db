"""The webhook for updates of CRDs is there where it is asked for, and for nothing else."""

from dataclasses import replace

from auditor.json import JsonObject
from auditor.webhooks.registration import Address, Installation
from auditor.webhooks.registration.configurations import make_configurations
from auditor.webhooks.serving.assembly import install
from auditor.webhooks.serving.crds import PATH
from auditor.webhooks.serving.settings import CrdReview, ServingSettings

INSTALLATION = Installation(address=Address(authorities=b"pem", url="https://door"))


def webhooks(installation: Installation) -> dict[str, JsonObject]:
    return {each["name"]: each for made in make_configurations([], installation) for each in made["webhooks"]}


def test_off_by_default() -> None:
    assert list(webhooks(INSTALLATION)) == ["own.validate.auditor.dev"]
    assert not install(ServingSettings(), None, None).crd_impact


def test_only_where_a_crd_is_updated_and_is_not_ours() -> None:
    webhook = webhooks(replace(INSTALLATION, crd_impact=True))["crds.validate.auditor.dev"]
    (rule,) = webhook["rules"]
    assert (rule["apiGroups"], rule["resources"], rule["operations"]) == (
        ["apiextensions.k8s.io"],
        ["customresourcedefinitions"],
        ["UPDATE"],
    )
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["timeoutSeconds"] == 10
    assert webhook["clientConfig"]["url"] == f"https://door/{PATH}"
    conditions = {each["name"]: each["expression"] for each in webhook["matchConditions"]}
    assert conditions["not-ours"] == "object.spec.group != 'auditor.dev'"
    assert set(conditions) == {"user", "not-ours", "versions"}


def test_without_excluded_users_there_is_no_condition_on_them() -> None:
    webhook = webhooks(replace(INSTALLATION, crd_impact=True, excluded_users=frozenset()))["crds.validate.auditor.dev"]
    assert [each["name"] for each in webhook["matchConditions"]] == ["not-ours", "versions"]


def test_either_mode_registers_it() -> None:
    for mode in (CrdReview.WARN, CrdReview.DENY):
        assert install(ServingSettings(crd_impact=mode), None, None).crd_impact
