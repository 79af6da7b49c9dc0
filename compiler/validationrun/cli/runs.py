"""What the verbs on runs share: finding a run on its cluster, waiting for it, and showing it."""

import enum
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from validationrun.cli.common import usage_error, use_color
from validationrun.diagnostics import printable

if TYPE_CHECKING:
    from validationrun.cluster import Cluster

VERDICT_EXITS: Final = {"Passed": 0, "Failed": 1}
"""Everything else is 2: Error, Cancelled, a run that is gone."""

_POLL_SECONDS: Final = 1.0
_NOT_FOUND: Final = 404
_COLORS: Final = {"Passed": "32", "Succeeded": "32", "Failed": "31", "Error": "33", "Cancelled": "33"}


class StatusOutput(enum.StrEnum):
    """How a status is printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run: its Workflow's name.")]
ContextOption = Annotated[
    str | None, typer.Option("--context", help="Context of the kubeconfig; else its current one.", show_default=False)
]
RunNamespaceOption = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; else that of the context.", show_default=False)
]
StatusOutputOption = Annotated[StatusOutput, typer.Option("--output", "-o", help="Form of the status.")]
TimeoutOption = Annotated[
    str | None,
    typer.Option("--timeout", help="Give up waiting after this, such as 2h; the run goes on.", show_default=False),
]


@contextmanager
def cluster_errors() -> Iterator[None]:
    """A fault of the cluster becomes one line and exit 2."""
    from validationrun.cluster import ClusterError, NoClusterError
    from validationrun.record import RecordError

    try:
        yield
    except (ClusterError, NoClusterError, RecordError) as error:
        raise usage_error(_explain(error)) from None


def _explain(error: Exception) -> str:
    """The API server's own words, and the way out where they do not say it."""
    text = str(error)
    if getattr(error, "status", None) == _NOT_FOUND and "requested resource" in text:
        return f"{text}: is Argo Workflows installed on this cluster?"
    return text


def open_cluster(context: str | None, namespace: str | None) -> "Cluster":
    from validationrun.cluster import Cluster

    return Cluster.outside(context, namespace)


def read_status(cluster: "Cluster", name: str) -> tuple[dict[str, Any], bool] | None:
    """The run's status and whether it has ended; None when there is no such Workflow."""
    from validationrun.cluster import WORKFLOWS
    from validationrun.record import Identity, Record
    from validationrun.status import has_ended, run_status

    workflow = cluster.get(WORKFLOWS, name)
    if workflow is None:
        return None
    identity = Identity(name, workflow["metadata"]["uid"], cluster.namespace)
    return run_status(identity, workflow, Record.read(cluster, identity)), has_ended(workflow)


def wait_for(cluster: "Cluster", name: str, timeout_s: float | None) -> dict[str, Any]:
    """
    The status of the run once its Workflow has ended, clean-up included. Progress goes to standard error.

    Raises:
        typer.Exit: with 2, when the run is gone or the time is over.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    told = ""
    while True:
        found = read_status(cluster, name)
        if found is None:
            raise usage_error(f"run {name} in {cluster.namespace} is gone: deleted before it had a verdict")
        status, ended = found
        if ended:
            return status
        line = f"{status['phase']}: {status['message']}"
        if line != told:
            print(f"{time.strftime('%H:%M:%S')} {printable(line)}", file=sys.stderr)
            told = line
        if until is not None and time.monotonic() > until:
            raise usage_error(f"run {name} has no verdict within --timeout; it goes on")
        time.sleep(_POLL_SECONDS)


def timeout_seconds(text: str | None) -> float | None:
    """Raises typer.Exit with 2 for what is no duration."""
    from validationrun.api.v1alpha1.types import parse_duration

    if text is None:
        return None
    try:
        return float(parse_duration(text))
    except ValueError:
        raise usage_error(f"--timeout must be a duration such as 90s or 2h; got {text!r}") from None


def print_status(status: dict[str, Any], output: StatusOutput) -> None:
    if output is StatusOutput.JSON:
        print(json.dumps(status, indent=2, ensure_ascii=False))
    elif output is StatusOutput.YAML:
        from validationrun.emit import yaml

        print(yaml.dump(status), end="")
    else:
        for line in _lines(status):
            print(printable(line) if not use_color(sys.stdout) else _colored(printable(line), status))


def _colored(line: str, status: dict[str, Any]) -> str:
    word = status["phase"]
    return line.replace(word, f"\033[{_COLORS.get(word, '36')}m{word}\033[0m", 1) if word in line else line


def _lines(status: dict[str, Any]) -> Iterator[str]:
    """The verdict first, then what it rests on."""
    took = f" after {status['duration']}" if status["duration"] else ""
    yield f"{status['runId']} in {status['namespace']}: {status['phase']}{took}"
    if status["reason"]:
        yield f"  reason   {status['reason']}"
    yield f"  message  {status['message']}"
    if status["chain"]:
        states = ", ".join(f"{one['name']} {one['phase'] or 'gone'}" for one in status["chain"]["deployments"])
        yield f"  chain    {status['chain']['chainId']}" + (f" ({states})" if states else "")
    if status["load"]:
        codes = ", ".join(
            "none" if one["exitCode"] is None else str(one["exitCode"]) for one in status["load"]["shards"]
        )
        yield f"  load     {status['load']['jobName']}" + (f" (shards ended {codes})" if codes else "")
    width = max((len(rule["name"]) for rule in status["rules"]), default=0)
    for index, rule in enumerate(status["rules"]):
        words = " ".join(part for part in (rule["reason"], rule["message"]) if part)
        yield f"  {'rules' if index == 0 else '':<8} {rule['name']:<{width}}  {rule['verdict']:<7}  {words}".rstrip()
