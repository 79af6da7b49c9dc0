"""`validationrun submit`: compile a spec, put it on the cluster, start a run of it."""

import sys
from typing import Annotated, Any

import typer

from validationrun.cli.common import NamespaceOption, Output, print_diagnostics, read_specs, summary, usage_error
from validationrun.cli.options import (
    ClusterDomainOption,
    ExecutorPatchOption,
    InstanceIdOption,
    LabelOption,
    PriorityClassOption,
    PrometheusSecretOption,
    RunnerImageOption,
    SettleOption,
    emit_options,
)
from validationrun.cli.runs import (
    VERDICT_EXITS,
    ContextOption,
    StatusOutput,
    StatusOutputOption,
    TimeoutOption,
    cluster_errors,
    open_cluster,
    print_status,
    timeout_seconds,
    wait_for,
)
from validationrun.conventions import DEFAULT_RUNNER_IMAGE, EXIT_USAGE

EXAMPLES = """\b
Examples:
  validationrun submit run.yaml
  validationrun submit run.yaml --wait                   # exits 0 Passed, 1 Failed, 2 anything else
  validationrun submit run.yaml --set duration=5m --set image-rpc=registry.example.com/sei/seid:v6.2

The accounts and roles of access.yaml must be there: `validationrun compile`, then `kubectl apply -f`.
"""

SpecArgument = Annotated[str, typer.Argument(metavar="SPEC", help="A file with one run, or - for standard input.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the template; may be repeated."),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the verdict and exit by it.")]


def run(
    spec: SpecArgument,
    settings: SetOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    output: StatusOutputOption = StatusOutput.TEXT,
    runner_image: RunnerImageOption = DEFAULT_RUNNER_IMAGE,
    label: LabelOption = True,
    executor_patch: ExecutorPatchOption = True,
    instance_id: InstanceIdOption = "",
    priority_class: PriorityClassOption = "",
    cluster_domain: ClusterDomainOption = "",
    settle: SettleOption = "",
    prometheus_secret: PrometheusSecretOption = "",
) -> None:
    """
    Start a run of a spec on the cluster.

    Creates the bundle, applies the WorkflowTemplate and creates a Workflow. Access files are left to whoever owns the
    namespace. Prints the run's name on standard output.
    """
    from validationrun.submission import Refused, submit

    options = emit_options(
        runner_image,
        label=label,
        executor_patch=executor_patch,
        instance_id=instance_id,
        priority_class=priority_class,
        cluster_domain=cluster_domain,
        settle=settle,
        prometheus_secret=prometheus_secret,
    )
    limit = timeout_seconds(timeout)
    given = _settings(settings or [])
    compiled = _compile(spec, namespace, options)
    with cluster_errors():
        cluster = open_cluster(context, compiled.plan.namespace)
        try:
            name = submit(cluster, compiled, given, instance_id)
        except Refused as refused:
            raise usage_error(str(refused)) from None
        if not wait:
            print(name)
            print(f"started; follow it with `validationrun wait {name} -n {cluster.namespace}`", file=sys.stderr)
            return
        print(f"started {name} in {cluster.namespace}", file=sys.stderr)
        status = wait_for(cluster, name, limit)
    print_status(status, output)
    raise typer.Exit(VERDICT_EXITS.get(status["verdict"], EXIT_USAGE))


def _settings(texts: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise usage_error(f"--set must be NAME=VALUE; got {text!r}")
        if name in given:
            raise usage_error(f"--set {name} is given twice")
        given[name] = value
    return given


def _compile(spec: str, namespace: str | None, options: Any) -> Any:
    """The one run of the file. Raises typer.Exit with 2: submit gives verdicts, and a bad spec is none."""
    from validationrun.pipeline import compile_all

    result = compile_all(read_specs([spec]), options, namespace)
    print_diagnostics(result.diagnostics, Output.TEXT, sys.stderr)
    if not result.ok:
        raise usage_error(f"{spec}: {summary(result.diagnostics)}; nothing was submitted")
    if len(result.compiled) != 1:
        names = ", ".join(one.plan.name for one in result.compiled) or "none"
        raise usage_error(f"{spec} must hold exactly one run to submit; it holds {names}")
    return result.compiled[0]
