"""`auditor completion`: the script that teaches a shell to complete our commands."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell: commands, options, formats, policies, kinds, packs.

    \b
    bash:  source <(auditor completion bash)
    zsh:   source <(auditor completion zsh)       after compinit
    fish:  auditor completion fish | source

    These lines in ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish make it last. Names of policies and kinds come from
    the files that are named on the line, else from our packs; kinds also from the cluster, where one is asked.
    """
    from auditor.cli.frame import auditor

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(auditor, {}, "auditor", "_AUDITOR_COMPLETE").source())
