"""What mkdocs is told beside mkdocs.yml: pages from elsewhere in the repository, and their links.

Pages are written for those who read them in the repository, too. So links lead from file to file there, and are turned
here: to the page that a file has become, or, where it is none, to nothing but its text.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = Path(__file__).parents[1]
ELSEWHERE = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/vulnerabilities.md",
    "policies/controls.md": "packs/controls.md",
} | {
    f"policies/{each.parent.name}/README.md": f"packs/{each.parent.name}.md"
    for each in TOP.glob("policies/*/README.md")
}
"""File of the repository to page of the site; those of docs/ have the same path in both."""
FILES = {page: file for file, page in ELSEWHERE.items()}

CODE = re.compile(r"(^```.*?^```$|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
MARK = re.compile(r"^<!-- .* -->\n", re.MULTILINE)
"""Those of generators. What follows them is a table, and would be taken for a part of the comment's paragraph."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for file, page in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(TOP / file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 (mkdocs calls it by these names)
    here = page.file.src_uri
    folder = posixpath.dirname(FILES.get(here, f"docs/{here}"))

    def turn(link: re.Match[str]) -> str:
        text, target, anchor = link[1], link[2], link[3] or ""
        file = posixpath.normpath(posixpath.join(folder, target))
        there = ELSEWHERE.get(file, file.removeprefix("docs/") if file.startswith("docs/") else "")
        if there and files.get_file_from_path(there) is not None:
            return f"[{text}]({posixpath.relpath(there, posixpath.dirname(here) or '.')}{anchor})"
        if (TOP / file).exists():
            return text
        return link[0]  # mkdocs says that it leads nowhere

    parts = CODE.split(MARK.sub("", markdown))
    return "".join(part if number % 2 else LINK.sub(turn, part) for number, part in enumerate(parts))
