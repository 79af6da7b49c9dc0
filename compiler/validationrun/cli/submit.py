"""`validationrun submit`: put a spec on the cluster and start a run of it, or a run of what is there; or put a schedule there."""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validationrun.base.text import counted
from validationrun.cli.console import parameters_of, usage_error
from validationrun.cli.emit_flags import EmitFlags
from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    ContextOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    checked_name,
    exit_by,
    open_cluster,
    wait_for,
    waiting_seconds,
)
from validationrun.cli.submit_parts import Parts, compile_parts
from validationrun.cli.verbosity import note, warn

if TYPE_CHECKING:
    from validationrun.compiling.emit.options import EmitOptions
    from validationrun.compiling.pipeline import Compiled
    from validationrun.kube.cluster import Cluster
    from validationrun.kube.objects import Workflow
    from validationrun.runs.submit import Rehearsed

EXAMPLES = """\b
Examples:
  validationrun submit run.yaml
  validationrun submit run.yaml --wait                   # exits 0 Passed, 1 Failed, 2 anything else
  validationrun submit run.yaml --set duration=5m --set image-rpc=registry.example.com/sei/seid:v6.2
  validationrun submit --from nightly -n eng-ada --wait  # what GitOps applied; nothing is compiled
  validationrun submit suite.yaml --wait                 # a suite, with every run that it names
  validationrun submit schedule.yaml                     # a schedule, with the run or suite that it starts
  validationrun submit run.yaml --dry-run=server         # the API server judges every object and keeps none

\b
The accounts and roles of access.yaml must be there: `validationrun compile`, then `kubectl apply -f`.
Without --wait exits 0 once the run is started, or the schedule applied, and 2 otherwise.
"""


class DryRun(enum.StrEnum):
    """Who validates what would be created."""

    CLIENT = "client"
    SERVER = "server"


SpecArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="SPEC", help="A file with one run, or one suite or schedule with its runs; - for standard input."
    ),
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
    Start a run or a suite on the cluster, of a spec or of a template that is there; or apply a schedule.

    Of a spec: creates the bundle, applies the WorkflowTemplate and creates a Workflow. Of a template, by --from: creates a
    Workflow. Of a schedule: applies its run or suite, its alert and its CronWorkflow, and starts nothing itself. Access files are
    left to whoever owns the namespace. Prints the name of the run or schedule on standard output.
    """
    options = emit.checked()
    limit = waiting_seconds(timeout, wait=wait)
    given = parameters_of(settings or [])
    _refuse_contradictions(spec, template, options, waits_for_nothing=dry_run is not None and wait)
    if template is not None:
        with cluster_errors():
            cluster, name = _start_held(open_cluster(context, namespace), template, given, dry_run)
    else:
        parts = compile_parts(str(spec), namespace, options)
        if parts.is_schedule:
            _refuse_run_options(parts.started, given, wait=wait)
            with cluster_errors():
                _apply_schedule(parts.started, parts.members or [], context, dry_run)
            return
        with cluster_errors():
            cluster, name = _start_compiled(parts, context, given, dry_run, options.instance_id)
    if cluster is not None and name is not None:
        _tell(cluster, name, limit, output, wait=wait)


def _tell(cluster: "Cluster", name: str, limit: float | None, output: StatusOutput, *, wait: bool) -> None:
    """Prints the name of what was started; or waits for its verdict, and raises typer.Exit by it."""
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
    if spec is not None and template is not None:
        raise usage_error("SPEC and --from exclude each other")
    if spec is None and template is None:
        raise usage_error("name a SPEC, or a WorkflowTemplate that is on the cluster by --from")
    if template is not None and options != EmitFlags().checked():
        raise usage_error("--from starts what was compiled already: only --set can still change it")


Started = tuple["Cluster | None", str | None]


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
        _print_objects(_texts([compiled]), thin_workflow(compiled, given, instance_id))
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
        _print_objects(_texts([*members, suite]), suite_workflow(suite, instance_id))
        return None, None
    cluster = open_cluster(context, suite.plan.namespace)
    if dry_run is DryRun.SERVER:
        _print_rehearsed(rehearse_suite(cluster, suite, members, instance_id))
        return None, None
    return cluster, submit_suite(cluster, suite, members, instance_id)


def _refuse_run_options(schedule: "Compiled[Any]", given: dict[str, str], *, wait: bool) -> None:
    """Raises typer.Exit with 2: a schedule gives no verdict of its own, and its parameters stand in its file."""
    plan = schedule.plan
    if wait:
        raise usage_error(
            f"--wait has no verdict to wait for: {plan.name} is a schedule, whose runs start later. Leave --wait out, and see "
            f"`validationrun status {plan.name} -n {plan.namespace}`; `validationrun submit --from {plan.started.name} "
            f"-n {plan.namespace} --wait` then starts a run of it at once"
        )
    if given:
        raise usage_error("--set does not apply to a schedule: its parameters stand in its template")


def _apply_schedule(
    schedule: "Compiled[Any]", beneath: "Sequence[Compiled[Any]]", context: str | None, dry_run: DryRun | None
) -> None:
    from validationrun.runs.submit_schedule import apply_schedule, rehearse_schedule

    if dry_run is DryRun.CLIENT:
        _print_objects([*_texts([*beneath, schedule])])
        return
    cluster = open_cluster(context, schedule.plan.namespace)
    if dry_run is DryRun.SERVER:
        _print_rehearsed(rehearse_schedule(cluster, schedule, beneath))
        return
    applied = apply_schedule(cluster, schedule, beneath)
    if applied.no_alert:
        warn(
            "this cluster knows no PrometheusRules: nobody is told when the schedule is overdue, but `validationrun list`"
        )
    if applied.removed_alert:
        note("its alert was deleted, because its spec pauses it")
    print(applied.name)
    note(f"applied; `validationrun status {applied.name} -n {cluster.namespace}` shows when it fires next")


def _texts(compiled: "Sequence[Compiled[Any]]") -> list[str]:
    """The files that are sent, in their order."""
    sent = ("bundle.yaml", "workflowtemplate.yaml", "prometheusrule.yaml", "cronworkflow.yaml")
    return [file.text for each in compiled for name in sent for file in each.files if file.name == name]


def _start_held(cluster: "Cluster", template: str, given: dict[str, str], dry_run: DryRun | None) -> Started:
    from validationrun.contract.parameters import ParameterError
    from validationrun.runs.submit import held_workflow, read_template, rehearse_workflow, start
    from validationrun.runs.submit_suite import held_suite

    held = read_template(cluster, template)
    try:
        body = held_suite(cluster, held, given) if held.suite else held_workflow(cluster, held, given)
    except ParameterError as error:
        raise usage_error(f"--set {error}") from None
    if dry_run is DryRun.CLIENT:
        _print_objects([], body)
        return None, None
    if dry_run is DryRun.SERVER:
        _print_rehearsed([rehearse_workflow(cluster, body)])
        return None, None
    return cluster, start(cluster, body)


def _print_objects(texts: list[str], workflow: "Workflow | None" = None) -> None:
    """The documents that would be sent, as one stream of YAML."""
    from validationrun.compiling.emit import yaml

    documents = [*texts, *([yaml.dump(workflow.object)] if workflow is not None else [])]
    print("---\n".join(documents), end="")
    note(f"{counted(len(documents), 'object')}; nothing was created")


def _print_rehearsed(found: "list[Rehearsed]") -> None:
    for rehearsed in found:
        print(f"{rehearsed.resource.full_name}/{rehearsed.name} {rehearsed.outcome} (server dry run)")
    note("the API server accepts all of it; nothing was created")
