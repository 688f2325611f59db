"""`auditor demo`: the service's main job, on a real control plane, told as a story that checks itself."""

import click


@click.command("demo")
@click.option("--once", is_flag=True, help="Walk the whole story, check each step, and end at the first that fails.")
def command(once: bool) -> int:
    """Show what auditor does, on a real control plane of its own.

    Your own cluster is not touched. All is left running until Ctrl-C; then nothing is left.
    """
    from auditor.cli.demo.story import tell

    return tell(once=once)
