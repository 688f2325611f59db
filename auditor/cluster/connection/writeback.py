"""New tokens into the kubeconfig that the old ones came from. Only for OpenID Connect: nothing else is ever written."""

import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from auditor.cluster.access import dig_list, dig_object
from auditor.cluster.connection.kubeconfig import Choice, read_file
from auditor.errors import ConnectionConfigError

log = logging.getLogger(__name__)


def write_tokens(choice: Choice, tokens: Mapping[str, str]) -> None:
    """Under kubectl's lock. Where that cannot be done, the tokens serve this process, and the log says so."""
    if choice.user_file is None:
        return
    path = choice.user_file.resolve()  # a link stays one
    lock = path.with_name(f"{path.name}.lock")
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        _complain(choice, f"{lock} says that another process is writing; remove it if none is")
        return
    except OSError as error:
        _complain(choice, error.strerror)
        return
    try:
        _write(path, choice.user_name, tokens)
    except (OSError, ConnectionConfigError) as error:
        _complain(choice, str(error))
    finally:
        lock.unlink(missing_ok=True)


def _write(path: Path, user: str, tokens: Mapping[str, str]) -> None:
    import yaml

    content = read_file(path)
    for entry in dig_list(content, "users"):
        if str(entry.get("name")) == user:
            dig_object(entry, "user", "auth-provider", "config").update(tokens)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            before = path.stat()
            os.fchmod(descriptor, before.st_mode & 0o777)
            with suppress(PermissionError):
                os.fchown(descriptor, before.st_uid, before.st_gid)
            yaml.safe_dump(content, file, sort_keys=False, allow_unicode=True)
            file.flush()
            os.fsync(descriptor)
        Path(unfinished).replace(path)  # whole or not at all
    except BaseException:
        with suppress(OSError):
            Path(unfinished).unlink()
        raise


def _complain(choice: Choice, why: str | None) -> None:
    log.warning(
        "%s: the new tokens could not be written back (%s). If the identity provider takes a refresh token only once, "
        "the next start needs a new login",
        choice.user.place,
        why,
    )
