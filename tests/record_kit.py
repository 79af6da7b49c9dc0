"""Run records of the tests: made of the documents that the product writes, so that no test can invent a shape."""

from typing import Any

from msgspec.structs import replace

from runner_helpers import IDENTITY, START, FakeCluster, node_id, read
from validationrun.base.conventions import RULE_EVALUATOR
from validationrun.base.times import format_time
from validationrun.contract.evaluation_entries import StopIntent
from validationrun.contract.file_hash import FileHash
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.record_key import Key, RecordKey
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status import build_status
from validationrun.contract.status_document import Status
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import Phase
from validationrun.oracle.verdict_table import RunVerdict


class Keys:
    """The keys that a record is to have; a test changes those that it is about."""

    def __init__(self, *values: RecordKey) -> None:
        self._values: dict[type[RecordKey], RecordKey] = {type(value): value for value in values}

    def __getitem__(self, key: type[Key]) -> Key:
        return self._values[key]  # type: ignore[return-value]

    def __contains__(self, key: type[RecordKey]) -> bool:
        return key in self._values

    def __iter__(self) -> Any:
        return iter(list(self._values.values()))

    def put(self, value: RecordKey) -> None:
        self._values[type(value)] = value

    def change(self, key: type[RecordKey], **fields: Any) -> None:
        self._values[key] = replace(self._values[key], **fields)

    def drop(self, *keys: type[RecordKey]) -> None:
        for key in keys:
            self._values.pop(key, None)


def load_end(code: Any = 0, start: float | None = 0, end: float | None = 59, **fields: Any) -> LoadEnd:
    """The load's end as load-job records it; its window in seconds after START."""
    times = {"start": _time(start), "end": _time(end)}
    return LoadEnd(
        format_time(START + 60), "job-uid", code, **{"reason": None, "message": "shard 0 exit 0", **times, **fields}
    )


def stop_intent(t: float = 20, rule: str = "height") -> StopIntent:
    """The failure of a rule so many seconds after START."""
    return StopIntent(rule, START + t, "ThresholdViolated", "0, not > 0", "0", at=format_time(START + t + 5))


def sign_off(*rules: RuleState, start: float = 0, end: float | None = 59, **fields: Any) -> SignOff:
    """What the evaluator signs off; the window in seconds after START."""
    return SignOff(
        **{
            "workflow_uid": IDENTITY.uid,
            "job_uid": "job-uid",
            "bundle_hash": "a" * 64,
            "start": _time(start),
            "end": _time(end),
            "stop_time": None,
            "stop_rule": None,
            "settle_seconds": 5.0,
            "runner": "0.1.0",
            "clock": [],
            "rules": list(rules),
            "summaries": {},
            "files": {"rules/height.jsonl": FileHash("c" * 64, 1)},
            "at": format_time(START + 65),
            "node_id": node_id(RULE_EVALUATOR),
            **fields,
        }
    )


def _time(seconds: float | None) -> str | None:
    return format_time(START + seconds) if seconds is not None else None


def verdict_status(phase: Any, reason: str, message: str = "") -> Status:
    """The status of a run that is over, without anything but its verdict."""
    return build_status(IDENTITY, {}, None, RunVerdict(Phase(phase), reason, message), format_time(START + 725))


def rewrite(cluster: FakeCluster, *values: RecordKey) -> None:
    """Puts other values into the record of the run, whoever their writer is."""
    cluster.objects[("configmaps", IDENTITY.record_name)]["data"].update({one.key: one.to_json() for one in values})


def change(cluster: FakeCluster, key: type[RecordKey], **fields: Any) -> None:
    """Changes fields of a key in the record of the run."""
    rewrite(cluster, replace(read(cluster).need(key), **fields))


def forget(cluster: FakeCluster, *keys: type[RecordKey]) -> None:
    """Takes keys out of the record of the run."""
    for key in keys:
        del cluster.objects[("configmaps", IDENTITY.record_name)]["data"][key.key]
