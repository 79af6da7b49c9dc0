"""The diagnostics that finalize saved of a run that did not pass: states, events and last log lines of its pods."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from validationrun.contract.diagnostics import Diagnostics, PodDiagnostics
from validationrun.contract.load_entries import recorded_shards
from validationrun.contract.record import Record
from validationrun.runs.logs import without_argo


@dataclass(frozen=True, slots=True)
class SavedPod:
    """
    One pod, or the load's Job.

    Attributes:
        what: its step, or `shard 0`; for all other pods their own name.
        details: state, containers and events, a line each.
        logs: the last log lines by container.
    """

    what: str
    name: str
    details: list[str]
    logs: dict[str, list[str]]


def saved_pods(written: Record | None) -> list[SavedPod]:
    """The most telling pod first; empty for a run that passed or still goes on."""
    diagnostics = written.get(Diagnostics) if written is not None else None
    if written is None or diagnostics is None:
        return []
    shards = {shard.pod: shard.index for shard in recorded_shards(written)}
    return [_saved(pod, shards) for pod in diagnostics.pods]


def _saved(pod: PodDiagnostics, shards: Mapping[str | None, int]) -> SavedPod:
    name, kind = str(pod.pod or pod.sei_node or pod.job), pod.of or "job"
    what = name if kind in ("chain", "job", "shard") else kind
    if kind == "shard" and pod.pod in shards:
        what = f"shard {shards[pod.pod]}"
    logs = {
        container: without_argo(text.removesuffix("\n").split("\n"), container) for container, text in pod.log.items()
    }
    return SavedPod(what, name, [*_states(pod), *pod.events], logs)


def _states(pod: PodDiagnostics) -> Iterator[str]:
    facts = [pod.phase, f"on {pod.node}" if pod.node else "", pod.reason, pod.message]
    if any(facts):
        yield ", ".join(fact for fact in facts if fact)
    for container in pod.containers:
        code = f"exit {container.exit_code}" if container.exit_code is not None else ""
        restarts = f"{container.restarts} restarts" if container.restarts else ""
        facts = [container.state, code, container.reason, container.message, restarts]
        yield f"{container.name}: " + ", ".join(fact for fact in facts if fact)
