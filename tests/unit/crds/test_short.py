"""The short form of our CRDs says what their YAML says."""

import pytest

from auditor import crds
from auditor.crds.__main__ import shorten


@pytest.mark.parametrize(("kind", "name"), crds.kinds().items())
def test_short_form_is_that_of_the_yaml(kind: str, name: str) -> None:
    assert crds.read_short(kind).decode() == shorten(crds.read(name)), "run `python -m auditor.crds`"


def test_every_kind_has_one() -> None:
    assert tuple(sorted(crds.kinds().values())) == crds.names()
