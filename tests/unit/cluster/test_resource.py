"""Where the objects of a kind are found."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.resource import CRDS, EVENTS, NAMESPACES, SECRETS, Resource

WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)


@pytest.mark.parametrize(
    ("resource", "options", "path"),
    [
        (WIDGETS, {}, "/apis/example.com/v1/widgets"),
        (WIDGETS, {"namespace": "shop"}, "/apis/example.com/v1/namespaces/shop/widgets"),
        (WIDGETS, {"namespace": "shop", "name": "a"}, "/apis/example.com/v1/namespaces/shop/widgets/a"),
        (
            WIDGETS,
            {"namespace": "shop", "name": "a", "subresource": "status"},
            "/apis/example.com/v1/namespaces/shop/widgets/a/status",
        ),
        (SECRETS, {"namespace": "shop", "name": "a"}, "/api/v1/namespaces/shop/secrets/a"),
        (NAMESPACES, {"name": "shop"}, "/api/v1/namespaces/shop"),
        (CRDS, {}, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
        (EVENTS, {}, "/apis/events.k8s.io/v1/events"),
    ],
)
def test_paths(resource: Resource, options: dict[str, str], path: str) -> None:
    assert resource.path(**options) == path


@pytest.mark.parametrize(
    ("resource", "options", "said"),
    [
        (NAMESPACES, {"namespace": "x"}, "is not namespaced, and namespace x was asked for"),
        (WIDGETS, {"name": "a"}, "is namespaced: a needs a namespace"),
        (WIDGETS, {"namespace": "shop", "subresource": "status"}, "needs a name"),
    ],
)
def test_paths_that_make_no_sense(resource: Resource, options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        resource.path(**options)


@pytest.mark.parametrize("name", [".", "..", "a/status", "../../../namespaces/shop", "a%2Fstatus", "\ud800"])
def test_names_that_would_lead_elsewhere(name: str) -> None:
    """DELETE of the Secret `..` is the DELETE of its namespace."""
    with pytest.raises(ValueError, match="is no name in Kubernetes"):
        SECRETS.path(namespace="shop", name=name)
    with pytest.raises(ValueError, match="is no name in Kubernetes"):
        SECRETS.path(namespace=name)


letters = st.characters(exclude_characters="/%", exclude_categories=["Cs"])
names = st.text(letters, min_size=1).filter(lambda n: n not in (".", ".."))


@given(names, names)
def test_names_stay_in_their_places(namespace: str, name: str) -> None:
    """Whoever chooses a name does not choose the path."""
    path = WIDGETS.path(namespace=namespace, name=name)
    parts = path.split("/")
    assert len(parts) == 8
    assert (unquote(parts[5]), unquote(parts[7])) == (namespace, name)
    assert "?" not in path
    assert "#" not in path


def test_two_are_the_same_by_group_version_and_plural() -> None:
    same = Resource("example.com", "v1", "widgets", "Other", namespaced=False, short_names=("w",))
    assert same == WIDGETS
    assert hash(same) == hash(WIDGETS)
    assert Resource("example.com", "v2", "widgets", "Widget", namespaced=True) != WIDGETS


def test_as_people_write_it() -> None:
    assert (WIDGETS.name, WIDGETS.api_version) == ("widgets.example.com", "example.com/v1")
    assert (SECRETS.name, SECRETS.api_version) == ("secrets", "v1")
