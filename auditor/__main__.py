"""Entry of the `auditor` command."""

import sys

from auditor import __version__


def main() -> None:
    # Answered before click is imported: scripts ask for the version often, and click costs four times the interpreter.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"auditor {__version__}\n")
        return
    from auditor.cli.frame import run

    sys.exit(run())


if __name__ == "__main__":
    main()
