"""The page policies/controls.md, made of the policies. To write it again: python -m tests.unit.packs.controls"""

from auditor.intake.packs import packs_directory
from auditor.intake.packs.facts import map_controls
from auditor.intake.packs.frameworks import FRAMEWORKS
from auditor.intake.packs.pack import list_packs

PAGE = packs_directory() / "controls.md"
HEAD = """\
# Controls

Which rules of the packs give evidence for which controls of public frameworks, by the identifiers of those. A rule that
passes on all objects is evidence for a part of a control, never for the whole of it: what people do is not seen here.

What is true stands in the field `controls` of the policies and of their rules; this page is generated from it, and a
test fails where it differs. `auditor packs show PACK --controls` says the same of one pack.

| prefix | framework | edition | controls with rules |
|---|---|---|---|
"""


def render() -> str:
    mapped = map_controls(list_packs())
    by_framework = {each: [control for control in mapped if each.has(control)] for each in FRAMEWORKS}
    parts = [HEAD]
    for framework, controls in by_framework.items():
        parts.append(f"| `{framework.prefix}` | {framework.name} | {framework.edition} | {len(controls)} |\n")
    for framework, controls in by_framework.items():
        if not controls:
            continue
        parts.append(f"\n## {framework.name} ({framework.edition})\n\n| control | rules |\n|---|---|\n")
        for control in controls:
            rules = ", ".join(f"{rule.name}" for _, rule in mapped[control])
            parts.append(f"| {control} | {rules} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
