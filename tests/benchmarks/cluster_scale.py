"""
How fast a breach ends the load, and how large a Workflow grows: measured on real runs.

`make bench-cluster` prints it. The bar of the Workflow's size is fixed: etcd takes no object above 1.5 MiB, and Argo offloads
or compresses long before that; 256 KiB leaves room for retries.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.cluster_overhead import connect_and_install
from tests.e2e.running import CASES, Outcome, prepare, run_operator, run_to_its_end
from tests.e2e.world import World, merge

from validationrun.base.times import parse_time
from validationrun.contract.evaluation_entries import StopIntent
from validationrun.contract.load_entries import LoadEnd
from validationrun.contract.owned_record import Identity
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.kube.cluster import JOBS, Object

_ROUNDS: Final = 3
_SHARDS: Final = 64
_RULES: Final = 32
_LARGEST_BYTES: Final = 256 * 1024
_JOB_ENDED: Final = "jobEnded"


def main() -> int:
    connect_and_install()
    stops = [measure_stop() for _ in range(_ROUNDS)]
    print(f"breach to the load's end, 3 shards, medians of {_ROUNDS} rounds, in seconds")
    for key in stops[0]:
        values = [one[key] for one in stops]
        print(f"  {key:<60} {statistics.median(values):>6.1f}   ({', '.join(f'{one:.1f}' for one in values)})")
    size = measure_size()
    print(f"a finished run with {_SHARDS} shards and {_RULES} rules")
    for key, value in size.items():
        print(f"  {key:<60} {value:>8,}")
    return 0 if size["bytes of the Workflow"] < _LARGEST_BYTES else 1


def measure_stop() -> dict[str, float]:
    """From the evaluation time of the tick that failed."""
    case = CASES["stops-early"]
    outcome, keys = _run("stop", merge(case["spec"], {"spec": {"load": {"replicas": 3}}}))
    breach = parse_time(keys[SignOff.key]["stopTime"])
    shards = keys[LoadEnd.key]["shards"]
    return {
        "to the intent to stop in the record": parse_time(keys[StopIntent.key]["at"]) - breach,
        "to the last load container's end": max(parse_time(one["finishedAt"]) for one in shards) - breach,
        "to the Job's end, when no load pod is left": keys[_JOB_ENDED] - breach,
        "to the verdict": parse_time(outcome.status["completionTime"]) - breach,
    }


def measure_size() -> dict[str, int]:
    """Bytes as JSON of what one large run leaves."""
    rules = [_rule(index) for index in range(_RULES)]
    load = {
        "replicas": _SHARDS,
        "duration": "20s",
        "workload": {"args": ["--rate=1"], "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}}},
    }
    timeouts = {"loadStart": "5m"}
    outcome, keys = _run("size", {"spec": {"rules": rules, "load": load, "timeouts": timeouts}})
    if outcome.status["verdict"] != "Passed":
        raise RuntimeError(f"the run did not pass: {outcome.status['message']}")
    return {
        "bytes of the Workflow": _bytes(outcome.workflow),
        "of it, nodes": _bytes(outcome.workflow["status"]["nodes"]),
        "bytes of the run record": _bytes(keys),
        "pods of the Workflow": sum(one["type"] == "Pod" for one in outcome.workflow["status"]["nodes"].values()),
    }


def _rule(index: int) -> Object:
    promql = 'min(increase(cometbft_consensus_height{chain_id="${chainId}"}[${window}]))'
    return {
        "name": f"height-advances-{index:02}",
        "type": "query",
        "query": {"promql": promql, "op": ">", "threshold": "0"},
        "runProperties": {"interval": "5s", "startAfter": "10s"},
    }


def _run(what: str, patch: Object) -> tuple[Outcome, dict[str, Any]]:
    with World.open(f"bench-{what}") as world, tempfile.TemporaryDirectory() as scratch, run_operator(world):
        outcome = run_to_its_end(world, prepare(world, Path(scratch), patch))
        found = world.record(outcome.workflow)
        if found is None:
            raise RuntimeError("the record is gone")
        values = [found.get(key) for key in (SignOff, StopIntent, LoadEnd, Status)]
        data = {value.key: value.to_data() for value in values if value is not None}
        return outcome, {**data, _JOB_ENDED: _job_ended(world, outcome)}


def _job_ended(world: World, outcome: Outcome) -> float:
    """Kubernetes ends a Job only once all of its pods are over."""
    metadata = outcome.workflow["metadata"]
    job = world.cluster.get(JOBS, Identity(metadata["name"], metadata["uid"], world.namespace).job_name)
    if job is None:
        raise RuntimeError("the Job is gone")
    ends = [one for one in job["status"]["conditions"] if one["type"] in ("Complete", "Failed")]
    return parse_time(ends[0]["lastTransitionTime"])


def _bytes(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


if __name__ == "__main__":
    sys.exit(main())
