"""A file's new text, all of it or none."""

import os
import tempfile
from pathlib import Path

from auditor.errors import InputError
from auditor.intake.fix.fix import Fixed


def store(fixed: Fixed) -> None:
    """In place of the file, with its mode; a link stays a link. Raises InputError, which names the file."""
    if fixed.path is None:
        return
    place = Path(os.path.realpath(fixed.path))
    made = ""
    try:
        if place.read_bytes() != fixed.before:
            raise InputError(f"{fixed.name}: was changed meanwhile: run it again")
        mode = place.stat().st_mode & 0o7777
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as file:
            made = file.name
            file.write(fixed.after)
            file.flush()
            os.fsync(file.fileno())
        Path(made).chmod(mode)
        Path(made).replace(place)
        made = ""
    except OSError as error:
        raise InputError(f"{fixed.name}: cannot be written: {error.strerror}") from error
    finally:
        if made:
            Path(made).unlink(missing_ok=True)
