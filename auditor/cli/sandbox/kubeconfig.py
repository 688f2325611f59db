"""`auditor sandbox kubeconfig`: credentials of any user or service account."""

import click

from auditor.cli.sandbox.options import find, name_option


@click.command("kubeconfig")
@name_option
@click.option("--user", help="A user of this name; it needs not exist.")
@click.option("--group", "groups", multiple=True, help="A group of the user; may be repeated.")
@click.option("--serviceaccount", metavar="NAMESPACE/NAME", help="A service account that exists.")
def kubeconfig(name: str, user: str | None, groups: tuple[str, ...], serviceaccount: str | None) -> None:
    """Print the path of a kubeconfig: of the administrator, a user, or a service account.

    \b
    KUBECONFIG=$(auditor sandbox kubeconfig --user jane --group devs) kubectl get pods
    """
    if user and serviceaccount:
        raise click.UsageError("--user and --serviceaccount exclude each other")
    if groups and not user:
        raise click.UsageError("--group belongs to a --user")
    sandbox = find(name)
    if user:
        path = sandbox.user_kubeconfig(user, groups)
    elif serviceaccount:
        namespace, _, account = serviceaccount.partition("/")
        if not (namespace and account):
            raise click.UsageError("--serviceaccount is NAMESPACE/NAME")
        path = sandbox.service_account_kubeconfig(namespace, account)
    else:
        path = sandbox.kubeconfig
    click.echo(path)
