"""`auditor completion`: the script that teaches a shell to complete our commands."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  source <(auditor completion bash)
    zsh:   source <(auditor completion zsh)
    fish:  auditor completion fish | source
    """
    from auditor.cli.frame import auditor

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(auditor, {}, "auditor", "_AUDITOR_COMPLETE").source())
