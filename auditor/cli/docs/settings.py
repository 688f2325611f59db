"""The page of settings: what comes from the environment, and where the others are written."""

from collections.abc import Mapping

import click

from auditor.cli import frame
from auditor.cli.docs.commands import PROGRAM, options_of, show_default, show_meaning, walk
from auditor.cli.docs.markdown import code, page, prose, table

# Variables that are not those of an option. A test finds the ones that the program reads, and holds this list to them.
VARIABLES: Mapping[str, str] = {
    "ALL_PROXY": "The proxy for servers of any scheme, where HTTPS_PROXY or HTTP_PROXY does not say it.",
    "FORCE_COLOR": "Colours though the output is no terminal; `0` and `false`: none.",
    "HOME": "Below it are `.kube/config`, `.cache` and `.local/state`, where nothing else names their place.",
    "HTTPS_PROXY": "The proxy to the API server, where the kubeconfig names none; HTTP_PROXY for plain HTTP.",
    "KUBEBUILDER_ASSETS": "The directory with etcd, kube-apiserver and kubectl for `auditor sandbox`.",
    "KUBECONFIG": "The files by which a cluster is found, as kubectl reads them.",
    "KUBERNETES_SERVICE_HOST": "Set in pods: a cluster is found by the account of the pod.",
    "NO_COLOR": "Not empty: no colours, whatever else is said.",
    "NO_PROXY": "Hosts that are reached without a proxy; `auditor sandbox exec` adds its own server.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Where spans go with `--traces`, and the other variables of OpenTelemetry.",
    "OTEL_SERVICE_NAME": "The name of the service in spans. Default: auditor.",
    "PATH": "Where programs are found that are started: go, kubectl.",
    "TERM": "`dumb`: no colours.",
    "XDG_CACHE_HOME": "Where built programs of `auditor sandbox` are kept. Default: `~/.cache`.",
    "XDG_STATE_HOME": "Where sandboxes and the history in SQLite are kept. Default: `~/.local/state`.",
}


def write_settings() -> str:
    return page(
        "Settings",
        "What the command line says goes before the environment. What the watcher follows and checks is no setting of "
        "a process: it is in the [AuditConfig](crds.md#auditconfig) of the cluster.",
        "## Environment",
        table(("Variable", "Meaning"), ((code(name), prose(told)) for name, told in sorted(VARIABLES.items()))),
        *(_describe(name, each) for name, each in walk(frame.auditor, PROGRAM) if _prefix(each)),
    )


def name_variables(command: click.Command, option: click.Option) -> list[str]:
    """The first that is set counts."""
    if option.envvar:
        return [option.envvar] if isinstance(option.envvar, str) else list(option.envvar)
    prefix = _prefix(command)
    return [f"{prefix}_{(option.name or '').upper()}"] if prefix and option.allow_from_autoenv else []


def _prefix(command: click.Command) -> str:
    return str(command.context_settings.get("auto_envvar_prefix") or "")


def _describe(name: str, command: click.Command) -> str:
    rows = []
    for option in options_of(command):
        default = str(option.default).lower() if isinstance(option.default, bool) else show_default(option)
        names = ", ".join(map(code, name_variables(command, option)))
        rows.append((names, code(option.opts[0]), code(default) if default else "", show_meaning(option)))
    told = "What may be repeated is split at spaces."
    return f"## {name}\n\n{told}\n\n{table(('Variable', 'Option', 'Default', 'Meaning'), rows)}"
