"""What finalize saved of the pods of a run that did not pass, before it removed them: states, events, last lines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from validationrun.contract import record
from validationrun.contract.record import Record
from validationrun.kube.cluster import Object
from validationrun.runs.logs import without_argo


@dataclass(frozen=True, slots=True)
class SavedPod:
    """
    One pod, or the load's Job.

    Attributes:
        what: its step, or `shard 0`; of all else its own name.
        details: state, containers and events, a line each.
        logs: the last lines by container.
    """

    what: str
    name: str
    details: list[str]
    logs: dict[str, list[str]]


def saved_pods(written: Record | None) -> list[SavedPod]:
    """The most telling first; none of a run that passed, or that goes on."""
    found = written.get(record.DIAGNOSTICS) if written is not None else None
    if written is None or found is None:
        return []
    shards = {one["pod"]: one["index"] for one in _shards(written) if one.get("pod")}
    return [_saved(one, shards) for one in found["pods"]]


def _shards(written: Record) -> list[Object]:
    load = written.get(record.LOAD) or {}
    found: list[Object] = load.get("shards") or (written.get(record.SHARDS) or {}).get("shards") or []
    return found


def _saved(one: Mapping[str, Any], shards: Mapping[str, int]) -> SavedPod:
    name = str(one.get("pod") or one.get("job"))
    kind = str(one.get("of") or "job")
    what = name if kind in ("chain", "job", "shard") else kind
    if kind == "shard" and name in shards:
        what = f"shard {shards[name]}"
    logs = {
        str(container): without_argo(str(text).removesuffix("\n").split("\n"), container)
        for container, text in (one.get("log") or {}).items()
    }
    return SavedPod(what, name, [*_states(one), *map(str, one.get("events") or [])], logs)


def _states(one: Mapping[str, Any]) -> Iterator[str]:
    words = [one.get("phase"), f"on {one['node']}" if one.get("node") else "", one.get("reason"), one.get("message")]
    if any(words):
        yield ", ".join(str(word) for word in words if word)
    for container in one.get("containers") or []:
        code = f"exit {container['exitCode']}" if "exitCode" in container else ""
        restarts = f"{container['restarts']} restarts" if container.get("restarts") else ""
        told = [container.get("state"), code, container.get("reason"), container.get("message"), restarts]
        yield f"{container.get('name')}: " + ", ".join(str(word) for word in told if word)
