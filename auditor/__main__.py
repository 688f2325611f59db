"""Entry of the `auditor` command."""

import gc
import sys

from auditor import __version__

COLLECTIONS = (50_000, 10, 10)
"""Objects between two collections: what a start makes stays, and is looked through some 50 times by the default of 700.
What runs for long sets its own."""


def main() -> None:
    # Answered before click is imported: scripts ask for the version often, and click costs four times the interpreter.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"auditor {__version__}\n")
        return
    gc.set_threshold(*COLLECTIONS)
    from auditor.cli.frame import run

    code = run()
    gc.freeze()  # the interpreter's end looks for cycles three times more, in all that is about to go anyway: 30 ms
    sys.exit(code)


if __name__ == "__main__":
    main()
