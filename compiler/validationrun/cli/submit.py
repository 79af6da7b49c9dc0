"""`validationrun submit`: put a spec on the cluster and start a run of it, or a run of what is there."""

import enum
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validationrun.base.text import counted
from validationrun.cli.console import Output, parameters_of, print_diagnostics, read_runs, summary, usage_error
from validationrun.cli.emit_flags import EmitFlags, refuse_unknown_locks
from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    checked_name,
    exit_by,
    open_cluster,
    timeout_seconds,
    wait_for,
)
from validationrun.cli.verbosity import note

if TYPE_CHECKING:
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.pipeline import Compiled, CompileResult
    from validationrun.kube.cluster import Cluster, Object
    from validationrun.runs.submit import Rehearsed

EXAMPLES = """\b
Examples:
  validationrun submit run.yaml
  validationrun submit run.yaml --wait                   # exits 0 Passed, 1 Failed, 2 anything else
  validationrun submit run.yaml --set duration=5m --set image-rpc=registry.example.com/sei/seid:v6.2
  validationrun submit --from nightly -n eng-ada --wait  # what GitOps applied; nothing is compiled
  validationrun submit suite.yaml --wait                 # a suite, with every run that it names
  validationrun submit run.yaml --dry-run=server         # the API server judges every object and keeps none

\b
The accounts and roles of access.yaml must be there: `validationrun compile`, then `kubectl apply -f`.
Without --wait exits 0 once the run is started, and 2 otherwise.
"""


class DryRun(enum.StrEnum):
    """Who validates what would be created."""

    CLIENT = "client"
    SERVER = "server"


SpecArgument = Annotated[
    str | None,
    typer.Argument(metavar="SPEC", help="A file with one run, or one suite with its runs; - for standard input."),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="Instead of SPEC: start a run of this WorkflowTemplate, which the cluster has already.",
        show_default=False,
        callback=checked_name,
    ),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace of a spec that names none, or of the template of --from (else that of the context).",
        show_default=False,
        callback=checked_name,
    ),
]
DryRunOption = Annotated[
    DryRun | None,
    typer.Option(
        "--dry-run",
        help="Create nothing. client: print the objects; server: let the API server validate them.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the template; repeatable."),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the verdict, and exit by it.")]


def run(
    *,
    spec: SpecArgument = None,
    template: FromOption = None,
    settings: SetOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    dry_run: DryRunOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
    emit: EmitFlags,
) -> None:
    """
    Start a run or a suite on the cluster, of a spec or of a template that is there.

    Of a spec: creates the bundle, applies the WorkflowTemplate and creates a Workflow. Of a template, by --from: creates a
    Workflow. Access files are left to whoever owns the namespace. Prints the run's name on standard output.
    """
    options = emit.checked()
    limit = timeout_seconds(timeout)
    given = parameters_of(settings or [])
    _refuse_contradictions(spec, template, options, waits_for_nothing=dry_run is not None and wait)
    if template is not None:
        with cluster_errors():
            cluster, name = _start_held(open_cluster(context, namespace), template, given, dry_run)
    else:
        parts = _compile(str(spec), namespace, options)
        with cluster_errors():
            cluster, name = _start_compiled(parts, context, given, dry_run, options.instance_id)
    if cluster is None or name is None:
        return
    if not wait:
        print(name)
        note(f"started; follow it with `validationrun watch {name} -n {cluster.namespace}`")
        return
    note(f"started {name} in {cluster.namespace}")
    with cluster_errors():
        ended = wait_for(cluster, name, limit)
    raise exit_by(ended, output)


def _refuse_contradictions(
    spec: str | None, template: str | None, options: "EmitOptions", *, waits_for_nothing: bool
) -> None:
    """Raises typer.Exit with 2, unless the run is of a spec, or of a template as it was compiled."""
    if waits_for_nothing:
        raise usage_error("--dry-run starts no run that --wait could wait for")
    if (spec is None) == (template is None):
        raise usage_error("name a SPEC, or a WorkflowTemplate that is on the cluster by --from")
    if template is not None and options != EmitFlags().checked():
        raise usage_error("--from starts what was compiled already: only --set can still change it")


Started = tuple["Cluster | None", str | None]


@dataclass(frozen=True, slots=True)
class Parts:
    """
    What is put on the cluster.

    Attributes:
        started: the run or the suite that is started.
        members: the runs of a suite; None for a run.
    """

    started: "Compiled[Any]"
    members: "Sequence[Compiled[Any]] | None" = None


def _start_compiled(
    parts: Parts, context: str | None, given: dict[str, str], dry_run: DryRun | None, instance_id: str
) -> Started:
    if parts.members is not None:
        if given:
            raise usage_error("--set does not apply to a suite: its parameters stand in spec.runs[].parameters")
        return _start_suite(parts.started, parts.members, context, dry_run, instance_id)
    from validationrun.runs.submit import rehearse, submit, thin_workflow

    compiled = parts.started
    if dry_run is DryRun.CLIENT:
        _print_objects(_texts([compiled]), thin_workflow(compiled, given, instance_id).object)
        return None, None
    cluster = open_cluster(context, compiled.plan.namespace)
    if dry_run is DryRun.SERVER:
        _print_rehearsed(rehearse(cluster, compiled, given, instance_id))
        return None, None
    return cluster, submit(cluster, compiled, given, instance_id)


def _start_suite(
    suite: "Compiled[Any]",
    members: "Sequence[Compiled[Any]]",
    context: str | None,
    dry_run: DryRun | None,
    instance_id: str,
) -> Started:
    from validationrun.runs.submit_suite import rehearse_suite, submit_suite, suite_workflow

    if dry_run is DryRun.CLIENT:
        _print_objects(_texts([*members, suite]), suite_workflow(suite, instance_id).object)
        return None, None
    cluster = open_cluster(context, suite.plan.namespace)
    if dry_run is DryRun.SERVER:
        _print_rehearsed(rehearse_suite(cluster, suite, members, instance_id))
        return None, None
    return cluster, submit_suite(cluster, suite, members, instance_id)


def _texts(compiled: "Sequence[Compiled[Any]]") -> list[str]:
    """The files that are sent, in their order."""
    sent = ("bundle.yaml", "workflowtemplate.yaml")
    return [file.text for each in compiled for file in each.files if file.name in sent]


def _start_held(cluster: "Cluster", template: str, given: dict[str, str], dry_run: DryRun | None) -> Started:
    from validationrun.contract.parameters import ParameterError
    from validationrun.runs.submit import held_workflow, read_template, rehearse_workflow, start
    from validationrun.runs.submit_suite import refuse_incomplete

    held = read_template(cluster, template)
    try:
        body = held_workflow(cluster, held, given)
    except ParameterError as error:
        raise usage_error(f"--set {error}") from None
    if held.suite:
        refuse_incomplete(cluster, held)
    if dry_run is DryRun.CLIENT:
        _print_objects([], body.object)
        return None, None
    if dry_run is DryRun.SERVER:
        _print_rehearsed([rehearse_workflow(cluster, body)])
        return None, None
    return cluster, start(cluster, body)


def _print_objects(texts: list[str], body: "Object") -> None:
    """The documents that would be sent, as one stream of YAML."""
    from validationrun.compiling.emit import yaml

    print("---\n".join([*texts, yaml.dump(body)]), end="")
    note(f"{counted(len(texts) + 1, 'object')}; nothing was created")


def _print_rehearsed(found: "list[Rehearsed]") -> None:
    for rehearsed in found:
        print(f"{rehearsed.resource.full_name}/{rehearsed.name} {rehearsed.outcome} (server dry run)")
    note("the API server accepts all of it; nothing was created")


def _compile(spec: str, namespace: str | None, options: Any) -> Parts:
    """The one run, or the one suite, of the file. Raises typer.Exit with 2: submit gives verdicts, and a bad spec is none."""
    from validationrun.compiling.pipeline import compile_all

    files, pass_over = read_runs([spec])
    result = compile_all(files, options, namespace, pass_over)
    print_diagnostics(result.diagnostics, Output.TEXT, sys.stderr)
    if not result.ok:
        raise usage_error(f"{spec}: {summary(result.diagnostics)}; nothing was submitted")
    if result.suites:
        return _suite(spec, result, options)
    if len(result.runs) != 1:
        names = ", ".join(compiled.plan.name for compiled in result.runs) or "none"
        raise usage_error(f"{spec} must hold exactly one run to submit, or one suite with its runs; it holds {names}")
    refuse_unknown_locks(options, result.runs[0].plan.locked)
    return Parts(result.runs[0])


def _suite(spec: str, result: "CompileResult", options: Any) -> Parts:
    """The one suite of the file, and the runs that it names. Raises typer.Exit with 2."""
    if len(result.suites) != 1:
        names = ", ".join(compiled.plan.name for compiled in result.suites)
        raise usage_error(f"{spec} must hold exactly one suite to submit; it holds {names}")
    suite = result.suites[0]
    members = {run.plan.name for run in suite.plan.runs}
    others = ", ".join(compiled.plan.name for compiled in result.runs if compiled.plan.name not in members)
    if others:
        raise usage_error(
            f"{spec} holds suite {suite.plan.name}, which does not name {others}: submit these by themselves"
        )
    refuse_unknown_locks(options, tuple({name for compiled in result.runs for name in compiled.plan.locked}))
    return Parts(suite, result.runs)
