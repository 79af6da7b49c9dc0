"""`validationrun backtest`: judge the past by the rules of a spec."""

import enum
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from validationrun.base.conventions import DEFAULT_SETTLE_SECONDS, EXIT_USAGE
from validationrun.base.text import printable
from validationrun.cli.console import NamespaceOption, usage_error
from validationrun.cli.evaluate import (
    ChainIdOption,
    NameOption,
    checked_chain_id,
    given_span,
    given_time,
    one_run,
)
from validationrun.cli.prometheus_flags import PrometheusFlags
from validationrun.cli.run_options import VERDICT_EXITS
from validationrun.cli.verbosity import progress

if TYPE_CHECKING:
    from validationrun.judging.backtest.backtest import Outcome
    from validationrun.judging.backtest.client import Past
    from validationrun.judging.backtest.windows import Period
    from validationrun.spec.v1alpha1 import ValidationRun

EXAMPLES = """\b
Examples:
  validationrun backtest run.yaml --chain-id nightly-1a2b3c4d --start 2026-03-01T02:10:00Z --end 2026-03-01T02:20:00Z
  validationrun backtest run.yaml --chain-id pacific-1 --last 7d --every 1d        # a window a day, as long as a run
  validationrun backtest run.yaml --chain-id pacific-1 --last 24h --assume-alerts-loaded -o json
  validationrun backtest --against validation-results/eng-ada/evm_transfer/nightly-20260301021000

\b
Exits 0 when every window Passed, 1 when the worst Failed, 2 for anything else: Error, no data, a bad spec, no Prometheus.
Asks Prometheus and nobody else; the spec's load counts as absent.
"""


class BacktestOutput(enum.StrEnum):
    """How the result is printed."""

    TEXT = "text"
    JSON = "json"


SpecArgument = Annotated[
    str | None,
    typer.Argument(metavar="SPEC", help="A file with the run, or - for standard input.", show_default=False),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start", metavar="TIME", help="Start of the window: 2026-03-01T02:10:00Z or Unix seconds.", show_default=False
    ),
]
EndOption = Annotated[
    str | None, typer.Option("--end", metavar="TIME", help="End of the window; or give --for.", show_default=False)
]
LastOption = Annotated[
    str | None,
    typer.Option(
        "--last",
        metavar="DURATION",
        help="Judge the time from this long ago until now, such as 7d.",
        show_default=False,
    ),
]
EveryOption = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="With --last: start a window this often; default: one window.",
        show_default=False,
    ),
]
ForOption = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="DURATION",
        help="Length of a window; default: the load's duration, or timeouts.runDuration.",
        show_default=False,
    ),
]
AssumeOption = Annotated[
    bool,
    typer.Option(
        "--assume-alerts-loaded",
        help="Let an alert pass that has no samples: history cannot prove that Prometheus had loaded it.",
    ),
]
InstantOption = Annotated[
    bool, typer.Option("--instant", help="Send an instant query for every tick: the same answers, but slowly.")
]
AgainstOption = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--against",
        metavar="DIR",
        help="Instead of SPEC: results folder of a live run; lists the ticks that history answers differently.",
        show_default=False,
    ),
]
RunIdOption = Annotated[
    str | None, typer.Option("--run-id", metavar="ID", help="Value of ${runId} in the rules.", show_default=False)
]
BacktestOutputOption = Annotated[BacktestOutput, typer.Option("--output", "-o", help="Output format.")]


def run(
    *,
    spec: SpecArgument = None,
    start: StartOption = None,
    end: EndOption = None,
    last: LastOption = None,
    every: EveryOption = None,
    for_: ForOption = None,
    against: AgainstOption = None,
    prometheus: PrometheusFlags,
    chain_id: ChainIdOption = None,
    run_id: RunIdOption = None,
    assume_alerts_loaded: AssumeOption = False,
    instant: InstantOption = False,
    name: NameOption = None,
    namespace: NamespaceOption = None,
    output: BacktestOutputOption = BacktestOutput.TEXT,
) -> None:
    """
    Judge the past by the rules of a spec.

    Says of each rule the verdict, the second of its first failure, how close it came to its threshold and how much of
    the window had data. Nothing is written.
    """
    from validationrun.judging.backtest.client import Past

    times = {"--start": start, "--end": end, "--last": last, "--every": every, "--for": for_}
    _refuse_wrong_times(spec, against, times)
    with _history_errors(), Past(prometheus.url, prometheus.checked_access()) as past:
        if against is not None:
            code = _compare(past, against, output, instant=instant)
        else:
            chosen = one_run(str(spec), namespace, name)
            chain = checked_chain_id(chain_id)
            code = _backtest(past, chosen, times, chain, run_id, output, assume=assume_alerts_loaded, instant=instant)
    raise typer.Exit(code)


def _refuse_wrong_times(spec: str | None, against: pathlib.Path | None, times: dict[str, str | None]) -> None:
    """Raises typer.Exit with 2 for options that do not go together."""
    given = [option for option, text in times.items() if text is not None]
    if against is not None:
        if spec is not None or given:
            raise usage_error("--against judges the window of that run by its own rules: leave SPEC and times out")
        return
    if spec is None:
        raise usage_error("give a SPEC, or --against a results folder")
    allowed = (
        {"--start", "--end"},
        {"--start", "--for"},
        {"--last"},
        {"--last", "--every"},
        {"--last", "--every", "--for"},
    )
    if set(given) not in allowed:
        raise usage_error("give --start with --end or --for, or --last, with --every and --for for several windows")


def _backtest(
    past: "Past",
    chosen: "ValidationRun",
    times: dict[str, str | None],
    chain_id: str | None,
    run_id: str | None,
    output: BacktestOutput,
    *,
    assume: bool,
    instant: bool,
) -> int:
    from validationrun.judging.backtest.backtest import backtest, not_loaded_now, questions_of
    from validationrun.report import backtest as show

    questions = questions_of(chosen, chain_id, run_id)
    periods = _periods(times, chosen, past.now())
    notes = [f"{line}; its silence was taken for proof" for line in (not_loaded_now(past, questions) if assume else ())]
    prometheus = {"url": past.url, "version": past.version()}
    outcomes: list[Outcome] = []
    for number, period in enumerate(periods, 1):
        if len(periods) > 1:
            progress(f"window {number} of {len(periods)}")
        outcomes.append(backtest(past, questions, period, assume_alerts_loaded=assume, instant=instant))
    run_name = chosen.metadata.name
    if output is BacktestOutput.JSON:
        _print_json(show.as_json(run_name, prometheus, outcomes, notes))
    else:
        _print_lines(show.lines(run_name, outcomes, notes))
    return worst(outcomes)


def worst(outcomes: "Sequence[Outcome]") -> int:
    """The worst exit code of all windows; no window is none that passed."""
    return max((VERDICT_EXITS.get(outcome.verdict.verdict, EXIT_USAGE) for outcome in outcomes), default=EXIT_USAGE)


def _periods(times: dict[str, str | None], chosen: "ValidationRun", now: float) -> "list[Period]":
    from validationrun.judging.backtest.windows import back_from, between
    from validationrun.oracle.ticks import judged_seconds

    start, end, last, every, for_ = times.values()
    seconds = judged_seconds(chosen.spec) if for_ is None else given_span("--for", for_)
    # Younger samples may still be missing.
    surely = now - DEFAULT_SETTLE_SECONDS
    if last is not None:
        every_s = None if every is None else given_span("--every", every)
        return back_from(surely, given_span("--last", last), every_s, seconds)
    since = given_time("--start", str(start))
    return between(since, since + seconds if end is None else given_time("--end", end), surely)


def _compare(past: "Past", folder: pathlib.Path, output: BacktestOutput, *, instant: bool) -> int:
    from validationrun.judging.backtest.compare import compare
    from validationrun.judging.replay import replay_folder
    from validationrun.report import backtest as show

    result, replayed = replay_folder(folder)
    if replayed.differences:
        raise usage_error(f"{folder} does not agree with itself: `validationrun replay {folder}` says where")
    comparison = compare(result, past, instant=instant)
    run_id = result.status.run_id
    if output is BacktestOutput.JSON:
        prometheus = {"url": past.url, "version": past.version()}
        _print_json(show.comparison_json(run_id, prometheus, comparison))
    else:
        _print_lines(show.comparison_lines(run_id, comparison))
    return VERDICT_EXITS.get(comparison.verdict.verdict, EXIT_USAGE) if comparison.agrees else EXIT_USAGE


def _print_json(document: Any) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    print()


def _print_lines(lines: Iterator[str]) -> None:
    for line in lines:
        print(printable(line))


@contextmanager
def _history_errors() -> Iterator[None]:
    """An error of the history or of the results becomes one line and exit 2."""
    from validationrun.judging.backtest.client import HistoryError
    from validationrun.results.folder import ResultsError

    try:
        yield
    except (HistoryError, ResultsError) as error:
        raise usage_error(str(error)) from None
