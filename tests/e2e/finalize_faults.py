"""What may end a step's process or pod against its will, by name, beside the faults of faults.py."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.faults import fault, step_pods
from tests.e2e.world import World, until

from validationrun.base.conventions import OUTPUT_DIR, OUTPUT_FINALIZE_EXIT_CODE
from validationrun.kube.cluster import PODS, Object

_STEP_SECONDS = 200
_LOOK_SECONDS = 0.02


@fault("kill-process")
def kill_process(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """
    SIGKILL to the program of a `step`, as the kernel sends it for memory. Only where the cluster's node is this machine.

    `holding` is a file that the program must have open: what it does at its very start is over then. Raises AssertionError when the
    program had already left how it ended.
    """
    del world
    uid, step, holding = workflow["metadata"]["uid"], options["step"], options.get("holding", "")
    end = time.monotonic() + _STEP_SECONDS
    # Faster than `until` looks: what finalize does may take less than a second.
    while not (found := [pid for pid in processes_of(uid, step) if _holds(pid, holding)]):
        assert time.monotonic() < end, f"no process of {step} within {_STEP_SECONDS}s"
        time.sleep(_LOOK_SECONDS)
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
        left = holding and Path(f"/proc/{pid}/root{OUTPUT_DIR}/{OUTPUT_FINALIZE_EXIT_CODE}").exists()
        os.kill(pid, signal.SIGCONT if left else signal.SIGKILL)
        assert not left, f"the kill came too late: {step} had already left how it ended"


def processes_of(uid: str, step: str) -> list[int]:
    """The processes of a step's program, of the run or suite of this UID. Only where the cluster's node is this machine."""
    return [pid for pid in _processes(uid) if _runs_step(pid, step)]


def _processes(uid: str) -> list[int]:
    """Processes in the containers of a run's steps, by the variable that the template gives them."""
    wanted = f"WORKFLOW_UID={uid}".encode()
    return [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if wanted in _content(path).split(b"\0")
    ]


def _runs_step(pid: int, step: str) -> bool:
    """The program itself, and not Argo's, which started it."""
    words = _content(Path(f"/proc/{pid}/cmdline")).split(b"\0")
    return step.encode() in words and b"argoexec" not in Path(words[0].decode()).name.encode()


def _holds(pid: int, file: str) -> bool:
    try:
        opened = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # It ended meanwhile.
        return False
    return not file or any(path.name == file for path in opened)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # It ended meanwhile.
        return b""


@fault("evict-step")
def evict_step(world: World, workflow: Object, options: Mapping[str, Any]) -> None:
    """Evicts the pod of a `step` by the Eviction API, as `kubectl drain` does."""

    def running() -> Object | None:
        pods = step_pods(world, workflow, options["step"])
        return next((pod for pod in pods if (pod.get("status") or {}).get("phase") == "Running"), None)

    name = until(f"{options['step']} runs", running, _STEP_SECONDS)["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": world.namespace}}
    world.ask("POST", PODS, f"{name}/eviction", body)
