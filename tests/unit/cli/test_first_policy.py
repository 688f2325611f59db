"""docs/first-policy.md, as a person would follow it: each block of commands, and what it says comes out of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "first-policy.md"
BLOCK = re.compile(r"^```(sh)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_is_followed_to_its_end(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "auditor"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m auditor "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    blocks = BLOCK.findall(PAGE.read_text())
    assert sum(kind == "sh" for kind, _ in blocks) == 5
    answer = ""
    for kind, text in blocks:
        if kind == "sh":
            command = ["sh", "-e", "-c", text]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            answer = done.stdout + done.stderr
            assert done.returncode == 0, f"{text}\n{answer}"
        else:
            for line in text.splitlines():
                assert line in answer, f"{line!r} is not in:\n{answer}"
