"""What a run on one machine remembers, in the keys of a run record, so that its status is made like any other."""

from collections.abc import Mapping, Sequence

from validationrun.base.times import format_time
from validationrun.contract import record
from validationrun.kube.cluster import Object
from validationrun.oracle.fold import RuleState
from validationrun.oracle.question import Question
from validationrun.results.judgement import Judgement


class Kept:
    """Keys and values in memory; a run on one machine ends with its process."""

    def __init__(self) -> None:
        self._values: dict[str, Object] = {}

    def get(self, key: str) -> Object | None:
        return self._values.get(key)

    def put(self, key: str, value: Object) -> None:
        self._values[key] = value

    def put_chain(self, chain_id: str, rpc: Sequence[str]) -> None:
        """A chain that was there before the run."""
        self.put(record.CHAIN, {"chainId": chain_id, "endpoints": {"rpc": list(rpc)}})
        self.put(record.CHAIN_READY, {"deployments": []})

    def put_rules(self, states: Sequence[RuleState]) -> None:
        self.put(record.RULES, {"rules": [state.to_data() for state in states]})


def run_entry(
    name: str,
    spec_hash: str,
    started: float,
    parameters: Mapping[str, str],
    questions: Sequence[Question],
    load: Object | None,
) -> Object:
    """
    The record's key `run`.

    Args:
        load: `workload` and `shards`; None when rules alone are judged.
    """
    return {
        "name": name,
        "specHash": spec_hash,
        "startedAt": format_time(round(started)),
        "parameters": dict(parameters),
        "load": load,
        "rules": [
            {
                "name": question.rule.name,
                "type": question.rule.type,
                **(
                    {"op": question.rule.query.op, "threshold": question.rule.query.threshold}
                    if question.rule.query
                    else {}
                ),
            }
            for question in questions
        ],
    }


def sign_off(judgement: Judgement) -> Object:
    """The record's key `sign-off`, as far as a status needs it."""
    return {"rules": [state.to_data() for state in judgement.states], "stopRule": judgement.stop_rule}
