"""Parts of a status that groups and nodes share."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .objects import Meta


@dataclass(frozen=True, slots=True)
class Condition:
    """What a condition says."""

    type: str
    holds: bool
    reason: str
    message: str


NOT_PAUSED = Condition("Paused", holds=False, reason="NotPaused", message="spec.paused is not set")


def conditions(
    meta: Meta, before: Mapping[str, Any], now: dt.datetime, holding: Sequence[Condition]
) -> list[dict[str, Any]]:
    """As they stand in a status. A condition keeps its time while its status stays."""
    earlier = {entry["type"]: entry for entry in before.get("conditions") or []}
    made = []
    for one in holding:
        text = "True" if one.holds else "False"
        old = earlier.get(one.type, {})
        made.append(
            {
                "type": one.type,
                "status": text,
                "reason": one.reason,
                "message": one.message,
                "observedGeneration": meta.generation,
                "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == text else stamp(now),
            }
        )
    return made


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Empty when it is not there."""
    return next((entry for entry in status.get("conditions") or [] if entry["type"] == kind), {})


def stamp(now: dt.datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def plan(meta: Meta, phase: str, tasks: Sequence[str], failed: tuple[str, str] | None = None) -> dict[str, Any]:
    """
    A plan of these tasks; in a failed one the last task is the one that failed.

    Args:
        failed: the task, and its error.
    """
    left = {"Active": "Pending", "Failed": "Failed"}.get(phase, "Complete")
    made: dict[str, Any] = {
        "id": f"{meta.uid}-{meta.generation}",
        "phase": phase,
        "tasks": [
            {"type": task, "id": f"{meta.name}-{task}", "status": left if task == tasks[-1] else "Complete"}
            for task in tasks
        ],
    }
    if failed is not None:
        task, error = failed
        detail = {"type": task, "id": f"{meta.name}-{task}", "error": error, "retryCount": 0, "maxRetries": 0}
        made |= {"failedTaskIndex": len(tasks) - 1, "failedTaskDetail": detail}
    return made
