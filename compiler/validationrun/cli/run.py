"""`validationrun run --local`: a whole run on this machine: the load as processes, judged while it runs."""

import pathlib
import re
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from validationrun.base.conventions import (
    DEFAULT_SETTLE_SECONDS,
    PARAM_CHAIN_ID,
    PARAM_DURATION,
    PARAM_IMAGE_WORKLOAD,
    PARAM_PROMETHEUS_URL,
    RESERVED_ENV,
)
from validationrun.cli.console import NamespaceOption, SpecArgument, parameters_of, usage_error
from validationrun.cli.evaluate import (
    LocalOutput,
    LocalOutputOption,
    NameOption,
    ResultsOption,
    SettleOption,
    checked_chain_id,
    finish,
    local_errors,
    local_settle_seconds,
)
from validationrun.cli.local_suite import finish_suite, run_or_suite
from validationrun.cli.prometheus_flags import PrometheusFlags

if TYPE_CHECKING:
    from validationrun.local.run import RunOptions
    from validationrun.local.suite import LocalSuite

EXAMPLES = """\b
Examples:
  validationrun run --local run.yaml --rpc http://localhost:26657 --evm http://localhost:8545 \\
      --prometheus http://localhost:9090
  validationrun run --local run.yaml --rpc http://localhost:26657 --set duration=2m --env PRIVATE_KEY
  validationrun run --local run.yaml --docker      # the workload's image instead of its `command`
  validationrun run --local suite.yaml runs/ --rpc http://localhost:26657   # each run of a suite, one after the other

\b
Exits 0 Passed, 1 Failed, 2 anything else: Error, Cancelled, a bad spec, no Prometheus, Ctrl-C.
Brings no chain up: the chain is there already, named by --rpc or by the spec's `chain.endpoints`.
"""

_URL: Final = re.compile(r"(https?|wss?)://[A-Za-z0-9.\-_~:/\[\]%@!$&'()*+,;=]{1,500}")
_ENV_NAME: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")

LocalFlag = Annotated[
    bool, typer.Option("--local", help="Run on this machine; `validationrun submit` runs on a cluster.")
]
RpcOption = Annotated[
    list[str] | None,
    typer.Option("--rpc", metavar="URL", help="Tendermint RPC of the chain; repeatable.", show_default=False),
]
EvmOption = Annotated[
    list[str] | None,
    typer.Option("--evm", metavar="URL", help="EVM JSON-RPC of the chain; repeatable.", show_default=False),
]
WsOption = Annotated[
    list[str] | None,
    typer.Option("--ws", metavar="URL", help="EVM WebSocket of the chain; repeatable.", show_default=False),
]
RestOption = Annotated[
    list[str] | None,
    typer.Option("--rest", metavar="URL", help="REST API of the chain; repeatable.", show_default=False),
]
RunChainIdOption = Annotated[
    str | None,
    typer.Option(
        "--chain-id",
        metavar="ID",
        help="Id of the chain; default: the one in /status of the first RPC.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set a parameter of the spec; repeatable."),
]
EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME[=VALUE]",
        help="Environment variable of the workload, which overrides the spec's; without VALUE, that of this shell. Repeatable.",
    ),
]
DockerOption = Annotated[
    bool, typer.Option("--docker", help="Run the workload's image with docker in place of its command.")
]


# Long: a parameter for each option of the verb.
def run(
    *,
    specs: SpecArgument,
    local: LocalFlag = False,
    rpc: RpcOption = None,
    evm: EvmOption = None,
    ws: WsOption = None,
    rest: RestOption = None,
    chain_id: RunChainIdOption = None,
    prometheus: PrometheusFlags,
    settings: SetOption = None,
    environment: EnvOption = None,
    docker: DockerOption = False,
    settle: SettleOption = f"{DEFAULT_SETTLE_SECONDS}s",
    results: ResultsOption = pathlib.Path("validation-results"),
    name: NameOption = None,
    namespace: NamespaceOption = None,
    output: LocalOutputOption = LocalOutput.TEXT,
) -> None:
    """
    Run a spec, or the runs of a suite one after the other, on this machine, against a chain that is there.

    Starts the workload, one process a shard, with the environment that it has in a cluster; judges the rules meanwhile;
    ends the load when a stopOnFailure rule fails; writes the same results. Whatever happens, no process is left behind.
    """
    from validationrun.local.run import RunOptions, run_local
    from validationrun.spec.v1alpha1 import ValidationRun

    if not local:
        raise usage_error("run needs --local; `validationrun submit SPEC --wait` runs on a cluster")
    given = _settings(settings or [], docker=docker)
    endpoints = {"rpc": rpc, "evm": evm, "ws": ws, "rest": rest}
    options = RunOptions(
        prometheus_url=(url := given.pop(PARAM_PROMETHEUS_URL, prometheus.url)),
        access=prometheus.access(url),
        root=results,
        endpoints={kind: _urls(kind, urls or []) for kind, urls in endpoints.items()},
        chain_id=checked_chain_id(_one_chain_id(chain_id, given.pop(PARAM_CHAIN_ID, None))),
        parameters=given,
        environment=_environment(environment or []),
        docker=docker,
        settle_s=local_settle_seconds(settle),
    )
    chosen = run_or_suite(specs, namespace, name)
    if not isinstance(chosen, ValidationRun):
        _run_suite(chosen, options, prometheus, output, settings or [])
    with local_errors():
        result, folder = run_local(chosen, options)
    finish(result, folder, output)


def _run_suite(
    suite: "LocalSuite", options: "RunOptions", prometheus: PrometheusFlags, output: LocalOutput, settings: list[str]
) -> NoReturn:
    from validationrun.local.suite import run_suite

    if settings:
        raise usage_error("--set does not apply to a suite: its parameters stand in `runs[]` of its spec")
    with local_errors():
        result, folder = run_suite(suite, options, prometheus.access)
    finish_suite(result, folder, output)


def _settings(texts: list[str], *, docker: bool) -> dict[str, str]:
    """The parameters that mean something here. Raises typer.Exit with 2 for the others."""
    usable = [PARAM_CHAIN_ID, PARAM_DURATION, PARAM_PROMETHEUS_URL, *([PARAM_IMAGE_WORKLOAD] if docker else [])]
    given = parameters_of(texts)
    for name in given:
        if name not in usable:
            why = "no image is started without --docker" if name == PARAM_IMAGE_WORKLOAD else "it belongs to a cluster"
            raise usage_error(f"--set {name} means nothing in a local run: {why}; there are {', '.join(usable)}")
    return {name: value for name, value in given.items() if value}


def _one_chain_id(option: str | None, setting: str | None) -> str | None:
    if option is not None and setting is not None and option != setting:
        raise usage_error(f"--chain-id says {option}, --set chain-id says {setting}; keep one of the two")
    return option if option is not None else setting


def _urls(kind: str, urls: list[str]) -> list[str]:
    for url in urls:
        if not _URL.fullmatch(url):
            raise usage_error(f"--{kind} must be a URL such as http://localhost:26657; got {url!r}")
    return urls


def _environment(texts: list[str]) -> dict[str, str]:
    import os

    given: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not _ENV_NAME.fullmatch(name):
            raise usage_error(f"--env must be NAME=VALUE or NAME; got {text!r}")
        if name in RESERVED_ENV:
            raise usage_error(f"--env {name} is set by validationrun itself")
        if name in given:
            raise usage_error(f"--env {name} is given twice")
        if not separator:
            if name not in os.environ:
                raise usage_error(f"--env {name}: there is no such variable in this shell; give {name}=VALUE")
            value = os.environ[name]
        given[name] = value
    return given
