"""`validationrun logs`: what the steps and the shards of a run wrote."""

import enum
import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from validationrun.base import conventions
from validationrun.base.text import counted, printable
from validationrun.cli.console import usage_error, use_color
from validationrun.cli.errors import cluster_errors
from validationrun.cli.run_options import (
    POLL_SECONDS,
    ContextOption,
    RunArgument,
    RunNamespaceOption,
    no_run,
    open_cluster,
    patiently,
)
from validationrun.cli.verbosity import note, warn

if TYPE_CHECKING:
    from validationrun.kube.cluster import Cluster
    from validationrun.runs.logs import Source, Tail
    from validationrun.runs.saved_diagnostics import SavedPod

EXAMPLES = """\b
Examples:
  validationrun logs nightly-x7k2p -n eng-ada                        # all steps, then all shards
  validationrun logs nightly-x7k2p -n eng-ada --step rule-evaluator  # one JSON line an answer
  validationrun logs nightly-x7k2p -n eng-ada --shard 0 -f
  validationrun logs nightly-x7k2p -n eng-ada --saved                # why it did not pass: every pod, the chain's too

\b
Without --step and --shard each line begins with where it is from. With -f it ends when the run does.
Of a pod that is gone: its last lines, as finalize saved them when the run did not pass.
Exits 0, or 2 when there is nothing to read.
"""


class Step(enum.StrEnum):
    """The steps, in their order."""

    ENSURE_CHAIN = conventions.ENSURE_CHAIN
    WAIT_CHAIN_READY = conventions.WAIT_CHAIN_READY
    LOAD_JOB = conventions.LOAD_JOB
    RULE_EVALUATOR = conventions.RULE_EVALUATOR
    FINALIZE = conventions.FINALIZE


_COLORS: Final = ("36", "33", "35", "32", "34")

StepOption = Annotated[Step | None, typer.Option("--step", help="Print only this step.", show_default=False)]
ShardOption = Annotated[
    int | None,
    typer.Option("--shard", metavar="N", min=0, help="Print only this shard of the load.", show_default=False),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Follow the logs until the run ends.")]
SavedOption = Annotated[
    bool,
    typer.Option("--saved", help="Print what finalize saved of each pod instead: state, events and last lines."),
]


def run(
    name: RunArgument,
    step: StepOption = None,
    shard: ShardOption = None,
    follow: FollowOption = False,
    saved: SavedOption = False,
    namespace: RunNamespaceOption = None,
    context: ContextOption = None,
) -> None:
    """Print what the steps of a run, and the shards of its load, wrote."""
    if step is not None and shard is not None:
        raise usage_error("--step and --shard are two things: give one of them")
    if saved and follow:
        raise usage_error("--saved is of a run that has ended: there is nothing to follow")
    wanted = step.value if step is not None else f"shard {shard}" if shard is not None else None
    with cluster_errors():
        reader = _Reader(open_cluster(context, namespace), name, wanted)
        if saved:
            reader.saved()
        elif follow:
            reader.follow()
        else:
            reader.once()


class _Reader:
    """Reads what is wanted of one run, each line once."""

    def __init__(self, cluster: "Cluster", name: str, wanted: str | None) -> None:
        self._cluster = cluster
        self._name = name
        self._wanted = wanted
        self._tails: dict[str, Tail] = {}
        self._seen: list[str] = []
        self._uid = ""
        self._saved: list[SavedPod] = []
        self._steps = self._over = False

    def once(self) -> None:
        """
        What there is.

        Raises:
            typer.Exit: with 2, when that is nothing.
        """
        self._first_look()
        self._read()
        self._end()

    def saved(self) -> None:
        """
        What finalize saved, by pod.

        Raises:
            typer.Exit: with 2, when that is nothing.
        """
        self._first_look()
        found = [pod for pod in self._saved if self._wanted in (None, pod.what)]
        if not found:
            why = "it is saved when a run ends that did not pass" if not self._saved else "not of this one"
            raise usage_error(f"nothing was saved of {self._wanted or 'the pods'} of run {self._name}: {why}")
        for index, one in enumerate(found):
            print(
                ("\n" if index else "")
                + printable(f"== {one.name}" + ("" if one.what == one.name else f" ({one.what})"))
            )
            for detail in one.details:
                print(f"  {printable(detail)}")
            for container, lines in one.logs.items():
                print(f"  the last {counted(len(lines), 'line')} of {printable(container)}:")
                for line in lines:
                    print(f"    {printable(line)}")

    def follow(self) -> None:
        """What there is and what comes, until the run has ended or is gone."""
        self._first_look()
        while True:
            over = self._over
            patiently(self._read)
            if over:
                break
            time.sleep(POLL_SECONDS)
            if not patiently(self._look):
                warn(f"run {self._name} in {self._cluster.namespace} was deleted")
                return
        self._end()

    def _first_look(self) -> None:
        if not self._look():
            raise no_run(self._cluster, self._name)

    def _end(self) -> None:
        """
        What was saved of pods that are gone.

        Raises:
            typer.Exit: with 2, when there was nothing at all.
        """
        gone = [pod for pod in self._saved if pod.name not in self._tails and self._wanted in (None, pod.what)]
        lines = [(pod, line) for pod in gone for saved in pod.logs.values() for line in saved]
        for pod, line in lines:
            print(f"{self._prefix(pod.what)}{printable(line)}")
        if not self._tails and not lines:
            raise usage_error(self._why_nothing())
        if self._over and self._wanted is None and not self._steps and not self._saved:
            note("the steps' pods are gone: Argo removes them when a run succeeds")

    def _look(self) -> bool:
        """Which containers there are by now. False once the run is gone."""
        from validationrun.contract.argo_phase import has_ended
        from validationrun.contract.record import Record
        from validationrun.runs.logs import Tail, shard_sources, step_sources
        from validationrun.runs.lookup import identity_of, our_run
        from validationrun.runs.saved_diagnostics import saved_pods

        workflow = our_run(self._cluster, self._name)
        if workflow is None or self._uid not in ("", workflow.uid):
            return False
        self._uid = workflow.uid
        self._over = has_ended(workflow.object)
        written = Record.read(self._cluster, identity_of(workflow))
        self._saved = saved_pods(written)
        sources: list[Source] = []
        if self._wanted is None or not self._wanted.startswith("shard "):
            sources += step_sources(self._cluster, workflow)
        self._steps = bool(sources)
        if self._wanted is None or self._wanted.startswith("shard "):
            sources += shard_sources(self._cluster, written)
        for source in sources:
            if self._wanted in (None, source.what) and source.pod not in self._tails:
                self._tails[source.pod] = Tail(self._cluster, source)
        return True

    def _read(self) -> None:
        for tail in self._tails.values():
            prefix = self._prefix(tail.source.what)
            silent = tail.silent
            for line in tail.lines():
                print(f"{prefix}{printable(line)}")
            if tail.silent != silent:
                warn(f"the log of pod {tail.source.pod} cannot be read: {tail.silent}")
        sys.stdout.flush()

    def _prefix(self, what: str) -> str:
        if self._wanted is not None:
            return ""
        if what not in self._seen:
            self._seen.append(what)
        if not use_color(sys.stdout):
            return f"[{printable(what)}] "
        return f"\033[{_COLORS[self._seen.index(what) % len(_COLORS)]}m[{printable(what)}]\033[0m "

    def _why_nothing(self) -> str:
        words = f"no pod of {self._wanted or 'any step'} of run {self._name} is there"
        if not self._over:
            return f"{words} yet; -f waits for it"
        return f"{words}: it never began, or its pods are gone, which Argo removes when a run succeeds"
