"""Names, as kubectl understands them; tests/cluster/discovery asks kubectl itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.discovery import Catalog
from auditor.cluster.resource import Resource
from auditor.errors import UnknownKindError
from tests.unit.cluster.discovery.making import make_resource

CATALOG = Catalog(
    [
        make_resource("pods", "Pod", short="po", category="all"),
        make_resource("events", "Event", short="ev"),
        make_resource("storageclasses.storage.k8s.io", "StorageClass", short="sc"),
        make_resource("events.events.k8s.io", "Event", short="ev"),
        make_resource("databases.db.example.com", "Database", version="v2", short="db dbs", category="all data"),
        make_resource("databases.db.example.com", "Database", version="v1", short="db dbs", category="all data"),
        make_resource("backups.db.example.com", "Backup", version="v1", category="data"),
        make_resource("databases.other.io", "Database", version="v1beta1", short="db"),
        make_resource("po.strange.io", "Strange"),
        make_resource("weirdos.strange.io", "UpperKind"),
        make_resource("twins.twin.io", "Twin", short="tw"),
        make_resource("twinsets.twin.io", "Twinset", short="tw"),
    ],
    {"down.example.com/v1": "it does not answer"},
)


@pytest.mark.parametrize(
    ("name", "meant", "version"),
    [
        ("pods", "pods", "v1"),
        ("pod", "pods", "v1"),
        ("Pod", "pods", "v1"),
        ("PODS", "pods", "v1"),
        ("pods.v1.", "pods", "v1"),
        ("sc", "storageclasses.storage.k8s.io", "v1"),
        ("storageclass.storage", "storageclasses.storage.k8s.io", "v1"),
        ("sc.stor", "storageclasses.storage.k8s.io", "v1"),
        ("databases", "databases.db.example.com", "v2"),
        ("dbs", "databases.db.example.com", "v2"),
        ("databases.other.io", "databases.other.io", "v1beta1"),
        ("database.other", "databases.other.io", "v1beta1"),
        ("databases.v1.db.example.com", "databases.db.example.com", "v1"),
        ("Database.v1.db.example.com", "databases.db.example.com", "v1"),
        ("Database.db.example.com", "databases.db.example.com", "v2"),
        ("db.v1.db.example.com", "databases.db.example.com", "v1"),
        ("databases.v1beta1.", "databases.other.io", "v1beta1"),
        ("events", "events", "v1"),
        ("events.events.k8s.io", "events.events.k8s.io", "v1"),
    ],
)
def test_a_name_means_one_kind(name: str, meant: str, version: str) -> None:
    resource = CATALOG.match(name).resource
    assert (resource.name, resource.version) == (meant, version)


def test_a_full_name_goes_before_a_short_one() -> None:
    assert CATALOG.match("po").resource.name == "po.strange.io"


def test_a_kind_is_found_whatever_its_plural() -> None:
    odd = Resource("g.io", "v1", "things", "SomeKind", namespaced=True, singular="thing")
    assert Catalog([odd]).match("SomeKind").resource is odd


@pytest.mark.parametrize("name", ["DBS", "dbs.DB.example.com", "pods.V1.", "nothing", "", ".", "..", "pods.nowhere"])
def test_names_that_mean_nothing(name: str) -> None:
    with pytest.raises(UnknownKindError):
        CATALOG.match(name)


def test_the_first_group_is_meant_and_the_others_are_told() -> None:
    match = CATALOG.match("db")
    assert match.resource.name == "databases.db.example.com"
    assert [other.name for other in match.others] == ["databases.other.io"]
    assert match.note == "databases.db.example.com is meant; the name would fit databases.other.io, too"
    assert CATALOG.match("pods").note == ""


def test_a_whole_group_goes_before_the_beginning_of_another() -> None:
    other, meant = (
        make_resource("deployments.apps.other.io", "Deployment"),
        make_resource("deployments.apps", "Deployment"),
    )
    assert Catalog([other, meant]).match("deployments.apps").resource == meant
    assert Catalog([other, meant]).match("deployments.app").resource == other


def test_two_of_one_group_have_no_order() -> None:
    with pytest.raises(UnknownKindError, match=r"tw may mean twins\.twin\.io, twinsets\.twin\.io"):
        CATALOG.match("tw")


def test_a_version_that_is_asked_for() -> None:
    assert CATALOG.match("databases", version="v1").resource.version == "v1"
    # The first group does not serve that version, a later one does.
    assert CATALOG.match("databases", version="v1beta1").resource.name == "databases.other.io"
    assert CATALOG.match("databases.v1.db.example.com", version="v2").resource.version == "v2"


@pytest.mark.parametrize(("name", "version"), [("dbs", "v9"), ("databases.v9.db.example.com", "")])
def test_a_version_that_is_not_served(name: str, version: str) -> None:
    with pytest.raises(UnknownKindError, match=r"databases\.db\.example\.com is served in v2, v1, not in v9"):
        CATALOG.match(name, version=version)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("databse", r"no kind databse \(did you mean databases\.db\.example\.com, databases\.other\.io"),
        ("StorageClas", r"StorageClas \(did you mean storageclasses\.storage\.k8s\.io\?\)\. Not known"),
        ("databases.nowhere.io", r"databases there is as databases\.db\.example\.com, databases\.other\.io"),
        ("zzz", r"^this cluster has no kind zzz\. Not known are .* down\.example\.com/v1 \(it does not answer\)$"),
        ("things.down.example.com", r"Not known are .* down\.example\.com/v1"),
        ("all", r"all is a category of 2 kinds, not a kind: name one of pods, databases\.db\.example\.com"),
    ],
)
def test_what_is_said_of_an_unknown_name(name: str, said: str) -> None:
    with pytest.raises(UnknownKindError, match=said):
        CATALOG.match(name)


def test_a_broken_group_is_no_excuse_for_the_kinds_of_another() -> None:
    with pytest.raises(UnknownKindError) as caught:
        CATALOG.match("databses.db.example.com")
    assert "down.example.com" not in str(caught.value)


def test_a_category_means_all_of_its_kinds() -> None:
    assert [r.name for r in CATALOG.find_all("data")] == ["databases.db.example.com", "backups.db.example.com"]
    assert [r.name for r in CATALOG.find_all("backup")] == ["backups.db.example.com"]
    with pytest.raises(UnknownKindError):
        CATALOG.find_all("nothing")


def test_by_what_an_object_says_of_itself() -> None:
    assert CATALOG.find_exact("v1", "Event").group == ""
    assert CATALOG.find_exact("events.k8s.io/v1", "Event").group == "events.k8s.io"
    assert CATALOG.find_exact("db.example.com/v1", "Database").version == "v1"


@pytest.mark.parametrize(
    ("api_version", "kind", "said"),
    [
        ("db.example.com/v9", "Database", "Database of db.example.com is served in v2, v1, not in v9"),
        ("v9", "Pod", "Pod of core is served in v1, not in v9"),
        ("db.example.com/v1", "database", "no kind database in db.example.com/v1"),
        ("elsewhere.io/v1", "Pod", "no kind Pod in elsewhere.io/v1. It is a kind of v1"),
        ("down.example.com/v1", "Thing", "down.example.com/v1 (it does not answer)"),
    ],
)
def test_an_object_of_no_kind_that_is_known(api_version: str, kind: str, said: str) -> None:
    with pytest.raises(UnknownKindError) as caught:
        CATALOG.find_exact(api_version, kind)
    assert said in str(caught.value)


def test_each_kind_once_and_all_of_its_versions() -> None:
    assert len(CATALOG.resources()) == len({r.name for r in CATALOG.resources()}) == 11
    assert [r.version for r in CATALOG.versions(CATALOG.match("dbs").resource)] == ["v2", "v1"]
    assert CATALOG.versions(make_resource("nothing.io", "Nothing")) == ()


@given(st.sampled_from(CATALOG.resources()), st.booleans())
def test_every_kind_is_found_by_its_whole_names(resource: Resource, upper: bool) -> None:
    for head in (resource.plural, resource.singular, resource.kind):
        text = head.upper() if upper else head
        for name in (f"{text}.{resource.group}", f"{text}.{resource.version}.{resource.group}"):
            found = CATALOG.match(name).resource
            assert found == resource or not resource.group
