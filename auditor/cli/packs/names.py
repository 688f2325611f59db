"""The name of a pack as an argument, which shells complete."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class PackType(click.ParamType):  # type: ignore[type-arg] # not generic in the oldest click that we allow
    """The text itself: the command finds the pack, or says which there are."""

    name = "pack"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        from auditor.intake.packs.folder import pack_names

        if "/" in incomplete or incomplete.startswith("."):
            return [CompletionItem(incomplete, type="dir")]
        return [CompletionItem(each) for each in pack_names() if each.startswith(incomplete)]
