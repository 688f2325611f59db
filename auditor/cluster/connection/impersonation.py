"""Asking for somebody else: the Impersonate headers."""

from urllib.parse import quote

from auditor.cluster.connection.section import Section
from auditor.cluster.connection.settings import Settings
from auditor.errors import ConnectionConfigError

Headers = tuple[tuple[str, str], ...]

TOKEN_CHARACTERS = "!#$&'*+-.^_`|~"
"""Beside letters and digits, those of a header's name (RFC 9110)."""


def read_impersonation(settings: Settings, user: Section) -> Headers:
    """Whoever names a user in the settings means that one alone, without the groups that the kubeconfig has."""
    if settings.as_user:
        return _make(settings.as_user, settings.as_uid, settings.as_groups, {})
    name = user.text("as")
    groups = settings.as_groups or user.texts("as-groups")
    uid = settings.as_uid or user.text("as-uid")
    more = user.section("as-user-extra")
    extra = {key: more.texts(key) for key in more.fields} if more else {}
    if name:
        return _make(name, uid, groups, extra)
    if groups or uid or extra:
        raise ConnectionConfigError(
            f"{user.locate('as')}: groups, uid or extra of another user are given without the user. Name it with --as"
        )
    return ()


def _make(name: str, uid: str, groups: tuple[str, ...], extra: dict[str, tuple[str, ...]]) -> Headers:
    headers = [("Impersonate-User", name)]
    headers += [("Impersonate-Uid", uid)] if uid else []
    headers += [("Impersonate-Group", group) for group in groups]
    for key, values in extra.items():
        headers += [(f"Impersonate-Extra-{quote(key, safe=TOKEN_CHARACTERS)}", value) for value in values]
    return tuple((header, _encode(header, value)) for header, value in headers)


def _encode(header: str, value: str) -> str:
    if not value.isprintable():
        raise ConnectionConfigError(f"{header}: {value!r} holds characters that no name has. Correct it")
    return value.encode().decode("latin-1")  # http.client sends latin-1, and the API server reads UTF-8
