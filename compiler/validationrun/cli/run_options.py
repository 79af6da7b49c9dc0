"""What the verbs on runs share: their options, waiting for a run, and printing its status."""

import enum
import json
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from validationrun.base.conventions import EXIT_USAGE, OBJECT_NAME_PATTERN
from validationrun.base.durations import format_duration, parse_duration
from validationrun.base.text import counted, printable
from validationrun.base.times import parse_time
from validationrun.cli.console import usage_error, use_color
from validationrun.cli.verbosity import note, progress
from validationrun.oracle.outcome import Phase, Verdict
from validationrun.oracle.suite_verdict import Outcome

if TYPE_CHECKING:
    from validationrun.base.document import Document
    from validationrun.contract.load_entries import ShardStatus
    from validationrun.contract.status_document import Status
    from validationrun.contract.suite_record import SuiteStatus
    from validationrun.kube.cluster import Cluster
    from validationrun.runs.snapshot import Snapshot

VERDICT_EXITS: Final[Mapping[str, int]] = {Verdict.PASSED: 0, Verdict.FAILED: 1}
"""Everything else is 2: Error, Cancelled, a run that is gone."""

POLL_SECONDS: Final = 1.0
_FIRST_ANSWER_SECONDS: Final = 10
"""The first request to a cluster gives up early, because a person waits for it; later requests are retried longer."""

_AWAY_SECONDS: Final = 600
_AWAY_PAUSE_SECONDS: Final = 5.0
_COLORS: Final[Mapping[str, str]] = {
    Phase.SUCCEEDED: "32",
    Phase.FAILED: "31",
    Phase.ERROR: "33",
    Phase.CANCELLED: "33",
}
_NAME: Final = re.compile(OBJECT_NAME_PATTERN)

T = TypeVar("T")


class StatusOutput(enum.StrEnum):
    """How a status is printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def checked_name(name: str | None) -> str | None:
    """A callback of typer: refuses what is no Kubernetes name, because the name becomes part of a path."""
    if name is not None and not _NAME.fullmatch(name):
        if name and pathlib.Path(name).is_dir():
            raise usage_error(
                f"{name!r} is a folder, not a run on a cluster; `validationrun report {name}` shows its results"
            )
        raise usage_error(f"{name!r} is no Kubernetes name: lower-case letters, digits, hyphens and dots")
    return name


RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Name of the run, which is that of its Workflow.", callback=checked_name)
]
ContextOption = Annotated[
    str | None,
    typer.Option("--context", help="Context of the kubeconfig; default: the current one.", show_default=False),
]
RunNamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace", "-n", help="Namespace; default: that of the context.", show_default=False, callback=checked_name
    ),
]
StatusOutputOption = Annotated[StatusOutput, typer.Option("--output", "-o", help="Output format.")]
TimeoutOption = Annotated[
    str | None,
    typer.Option("--timeout", help="Stop waiting after this long, such as 2h; the run continues.", show_default=False),
]


def open_cluster(context: str | None, namespace: str | None) -> "Cluster":
    from validationrun.kube.cluster import Cluster

    return Cluster.outside(context, namespace, patience_s=_FIRST_ANSWER_SECONDS)


def no_run(cluster: "Cluster", name: str) -> typer.Exit:
    """Prints why there is no such run, and returns the exit to raise."""
    from validationrun.runs.lookup import why_no_run

    return usage_error(why_no_run(cluster, name))


def patiently(look: Callable[[], T]) -> T:
    """
    The result of `look`, retried for ten minutes while the API server does not answer: the run goes on meanwhile.

    Raises:
        ClusterError: no answer within that time, or a refusal.
    """
    from validationrun.kube.cluster import UnreachableError

    since: float | None = None
    while True:
        try:
            return look()
        except UnreachableError as error:
            if since is None:
                since = time.monotonic()
                progress(f"no answer, waiting for it to come back: {error}")
            if time.monotonic() - since > _AWAY_SECONDS:
                raise
        time.sleep(_AWAY_PAUSE_SECONDS)


def follow(
    cluster: "Cluster",
    name: str,
    timeout_s: float | None,
    show: "Callable[[Snapshot], None]",
    answers_every_s: float | None = None,
) -> "Snapshot":
    """
    The run once its Workflow has ended, clean-up included.

    Args:
        show: called with each snapshot until then.
        answers_every_s: how often to read each rule's last answer; None for never.

    Raises:
        typer.Exit: with 2, when the run is gone or `timeout_s` is over.
    """
    try:
        return _follow(cluster, name, timeout_s, show, answers_every_s)
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            # The terminal has written ^C.
            print(file=sys.stderr)
        note(f"no longer watching; run {name} goes on")
        raise


def _follow(
    cluster: "Cluster",
    name: str,
    timeout_s: float | None,
    show: "Callable[[Snapshot], None]",
    answers_every_s: float | None,
) -> "Snapshot":
    from validationrun.runs.snapshot import Follower

    until = None if timeout_s is None else time.monotonic() + timeout_s
    follower, seen, asked = Follower(cluster, name), False, float("-inf")
    while True:
        answers = answers_every_s is not None and time.monotonic() - asked >= answers_every_s
        asked = time.monotonic() if answers else asked
        look = partial(follower.look, answers=answers)
        snapshot = patiently(look) if seen else look()
        if snapshot is None:
            if not seen:
                raise no_run(cluster, name)
            raise usage_error(f"run {name} in {cluster.namespace} is gone: deleted before it had a verdict")
        seen = True
        if snapshot.ended:
            return snapshot
        show(snapshot)
        if until is not None and time.monotonic() > until:
            raise usage_error(f"run {name} has no verdict within --timeout; it goes on")
        time.sleep(POLL_SECONDS)


def wait_for(cluster: "Cluster", name: str, timeout_s: float | None) -> "Snapshot":
    """The run once its Workflow has ended. Its progress goes to standard error."""
    told = ""

    def tell(snapshot: "Snapshot") -> None:
        nonlocal told
        line = f"{snapshot.status.phase}: {snapshot.status.message}"
        if line != told:
            progress(line)
            told = line

    return follow(cluster, name, timeout_s, tell)


def timeout_seconds(text: str | None) -> float | None:
    """Raises typer.Exit with 2 for what is no duration."""
    if text is None:
        return None
    try:
        return float(parse_duration(text))
    except ValueError as error:
        raise usage_error(f"--timeout {error}; got {text!r}") from None


def waiting_seconds(timeout: str | None, *, wait: bool) -> float | None:
    """The value of --timeout of a verb that waits only with --wait. Raises typer.Exit with 2."""
    if timeout is not None and not wait:
        raise usage_error("--timeout goes with --wait")
    return timeout_seconds(timeout)


def print_run(snapshot: "Snapshot", output: StatusOutput) -> None:
    """Prints the status; as text also how far the window is, and which command shows more."""
    status, more = snapshot.status, dict[str, str]()
    if snapshot.suite is not None:
        print_suite(snapshot.suite, status, output)
        return
    if not snapshot.ended:
        more["window"] = window_words(snapshot, time.time())
    if snapshot.saved:
        more["pods"] = f"`validationrun logs {status.run_id} -n {status.namespace} --saved` has what they said"
    print_status(status, output, more)


def print_suite(suite: "SuiteStatus", status: "Status", output: StatusOutput) -> None:
    """A suite: as text its verdict as that of a run, and a line for each member."""
    if output is StatusOutput.TEXT:
        print_status(status, output)
        for line in _member_lines(suite):
            print(printable(line))
    else:
        print_document(suite, output)


def print_document(document: "Document", output: StatusOutput) -> None:
    """A status or a record as JSON or YAML."""
    if output is StatusOutput.JSON:
        print(json.dumps(document.to_data(), indent=2, ensure_ascii=False))
    else:
        from validationrun.compiling.emit import yaml

        print(yaml.dump(document.to_data()), end="")


def _member_lines(suite: "SuiteStatus") -> Iterator[str]:
    width = max((len(member.name) for member in suite.members), default=0)
    for index, member in enumerate(suite.members):
        state = member.outcome or ("Running" if member.workflow else "Waiting")
        words = "" if member.outcome == Outcome.PASSED else ": ".join(filter(None, (member.reason, member.message)))
        text = "  ".join(filter(None, (member.workflow, words)))
        yield f"  {'runs' if index == 0 else '':<8} {member.name:<{width}}  {state:<10}  {text}".rstrip()


def exit_by(snapshot: "Snapshot", output: StatusOutput) -> typer.Exit:
    """Prints a run that has ended, and returns the exit by its verdict."""
    print_run(snapshot, output)
    return typer.Exit(VERDICT_EXITS.get(snapshot.status.verdict, EXIT_USAGE))


def print_status(status: "Status", output: StatusOutput, more: Mapping[str, str] | None = None) -> None:
    """
    The status in the chosen form.

    Args:
        more: further lines of the text form, by their label.
    """
    if output is not StatusOutput.TEXT:
        print_document(status, output)
    else:
        for line in _lines(status, more or {}):
            print(printable(line) if not use_color(sys.stdout) else paint(printable(line), status.phase))


def window_words(snapshot: "Snapshot", now: float) -> str:
    """`3m15s of 10m`; empty while the window is not open."""
    window = snapshot.window
    if window is None:
        return ""
    gone = (window.end if window.end is not None else min(now, window.start + window.seconds)) - window.start
    return f"{format_duration(gone, short=True)} of {format_duration(window.seconds)}"


def paint(line: str, word: str) -> str:
    """The line with the first occurrence of the word, a phase, in its colour."""
    return line.replace(word, f"\033[{_COLORS.get(word, '36')}m{word}\033[0m", 1) if word in line else line


def _lines(status: "Status", more: Mapping[str, str]) -> Iterator[str]:
    """The verdict first, then what it rests on."""
    yield f"{status.run_id} in {status.namespace}: {status.phase}{_took(status)}"
    if status.reason:
        yield f"  reason   {status.reason}"
    yield f"  message  {status.message}"
    if status.parameters:
        yield "  with     " + ", ".join(f"{name}={value}" for name, value in status.parameters.items())
    for override in status.overridden:
        yield f"  changed  {override}"
    if more.get("window"):
        yield f"  window   {more['window']}"
    if status.chain is not None:
        # What the controller said of each deployment as the chain came up matters only where it did not come up.
        came_up = status.load is not None or status.verdict == Verdict.PASSED
        deployments = status.chain.deployments
        states = ", ".join(entry.name if came_up else f"{entry.name} {entry.phase or 'gone'}" for entry in deployments)
        yield f"  chain    {status.chain.chain_id}" + (f" ({states})" if states else "")
    if status.load is not None:
        yield f"  load     {status.load.job_name}" + _shards(status.load.shards, status.verdict)
    width = max((len(rule.name) for rule in status.rules), default=0)
    for index, rule in enumerate(status.rules):
        text = " ".join(part for part in (rule.reason, rule.message) if part)
        yield f"  {'rules' if index == 0 else '':<8} {rule.name:<{width}}  {rule.verdict:<7}  {text}".rstrip()
    if status.report.s3_url:
        yield f"  results  {status.report.s3_url}"
    if more.get("pods"):
        yield f"  pods     {more['pods']}"


def _took(status: "Status") -> str:
    if status.duration:
        return f" after {format_duration(parse_duration(status.duration))}"
    if status.verdict != Verdict.AWAITED or not status.start_time:
        return ""
    return f" for {format_duration(time.time() - parse_time(status.start_time), short=True)}"


def _shards(shards: "Sequence[ShardStatus]", verdict: str) -> str:
    running = [shard for shard in shards if shard.exit_code is None and shard.started_at and not shard.finished_at]
    if verdict == Verdict.AWAITED and running:
        return f" ({counted(len(running), 'shard')} of {len(shards)} running)"
    codes = ", ".join("none" if shard.exit_code is None else str(shard.exit_code) for shard in shards)
    return f" (shards ended {codes})" if codes else ""
