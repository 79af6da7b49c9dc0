"""The end of a load with `endBy: Signal`: load-job deletes the shards' pods, so that each container gets SIGTERM."""

import logging
from collections.abc import Sequence
from typing import Final

from validationrun.base.times import format_time
from validationrun.contract.load_entries import LoadSignal, SignalledPod
from validationrun.contract.shards import LABEL_JOB_UID, index_of, with_signal
from validationrun.kube.cluster import PODS
from validationrun.kube.objects import Pod
from validationrun.steps.load_result import Load

logger = logging.getLogger(__name__)

_OVER: Final = frozenset({"Succeeded", "Failed"})


def pods_of(load: Load) -> str:
    """The label selector of the load's pods."""
    return f"{LABEL_JOB_UID}={load.job.uid}"


def read_signal(load: Load) -> None:
    """
    Takes over the recorded signal, perhaps of an attempt that still runs beside this one.

    Called between a look at the pods and the judgement of what was seen: the signal is recorded before the first deletion, so a
    deletion that was seen and is not in the record now was not planned.
    """
    if load.signal_at is None or load.signal is not None:
        return
    load.signal = load.written.refresh().get(LoadSignal)
    if load.signal is not None:
        load.shards = with_signal(load.shards, load.signal)


def signal_when_due(load: Load) -> None:
    """
    Records that the load's duration is over, once, then deletes the recorded pods.

    A restarted step deletes what the earlier attempt had recorded and not deleted yet.
    """
    due, context = load.signal_at, load.context
    if due is None or context.now() < due or load.signal_sent:
        return
    pods = [pod for pod in Pod.all(context.cluster.list(PODS, labels=pods_of(load))) if _lives(pod)]
    if load.signal is None and pods:
        _record(load, pods)
    if load.signal is None:
        return
    uids = {pod.uid for pod in load.signal.pods}
    for pod in pods:
        if pod.uid in uids:
            context.cluster.delete(PODS, pod.name, uid=pod.uid)
    load.signal_sent = True


def _lives(pod: Pod) -> bool:
    """A pod that is being deleted already was not deleted by this step, and its shard is disrupted."""
    return pod.phase not in _OVER and not pod.deleted and index_of(pod.object) >= 0


def _record(load: Load, pods: Sequence[Pod]) -> None:
    signalled = [SignalledPod(index_of(pod.object), pod.name, pod.uid) for pod in pods]
    signal = LoadSignal(format_time(load.context.now()), sorted(signalled, key=lambda pod: pod.index))
    if load.written.add(load.context.step, signal):
        logger.info("the load's duration is over: its shards get SIGTERM")
    # What another attempt recorded stands; nothing is recorded once the run has its verdict.
    read_signal(load)
