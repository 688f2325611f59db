"""`kubectl auditor`: the same commands, about the cluster of the current context.

kubectl finds its plugins as programs on PATH, `kubectl-auditor` and, for the Tab key, `kubectl_complete-auditor`; and
hands on what stands behind the name of the plugin as it is.
"""

import os
import sys
from typing import Final

PROGRAM: Final = "kubectl auditor"
DEFAULTS: Final = {"scan": {"in_cluster": True}, "explain": {"in_cluster": True}}
"""What is about files elsewhere is here about what is stored."""
NO_FILES, FILES, FOLDERS = 4, 0, 16
"""What the shell shall offer besides, as kubectl's completion (cobra) has it: ShellCompDirective."""


def main() -> None:
    from auditor.cli.frame import run

    sys.exit(run(PROGRAM, DEFAULTS))


def complete() -> None:
    """Called with the words that are typed, the last of them not yet to its end: a line for each that fits."""
    # Whoever presses Tab is asked nothing, and told nothing: see suggestions.
    os.environ.setdefault("_AUDITOR_COMPLETE", "kubectl")
    from click.shell_completion import ShellComplete

    from auditor.cli.frame import auditor

    *words, incomplete = sys.argv[1:] or [""]
    shell = ShellComplete(auditor, {"default_map": DEFAULTS}, PROGRAM, "_AUDITOR_COMPLETE")
    items = shell.get_completions(words, incomplete)
    lines = [f"{each.value}\t{each.help}" if each.help else str(each.value) for each in items if each.type == "plain"]
    types = {each.type for each in items}
    directive = FILES if "file" in types else FOLDERS if "dir" in types else NO_FILES
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, f":{directive}"]))


if __name__ == "__main__":
    main()
