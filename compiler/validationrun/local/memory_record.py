"""The run record of a run on one machine, kept in memory so that the status is built as for any other run."""

from collections.abc import Mapping, Sequence

from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady, Endpoints
from validationrun.contract.override import Override
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.run_entry import LoadPlan, RunEntry, rule_entries
from validationrun.oracle.question import Question


def run_entry(
    name: str,
    spec_hash: str,
    started: float,
    parameters: Mapping[str, str],
    questions: Sequence[Question],
    load: LoadPlan | None = None,
    overridden: Sequence[Override] = (),
) -> RunEntry:
    """
    Args:
        started: Unix seconds; the entry holds them rounded.
        load: None when only the rules are judged.
    """
    return RunEntry(
        started_at=format_time(round(started)),
        name=name,
        spec_hash=spec_hash,
        parameters=dict(parameters),
        overridden=list(overridden),
        load=load,
        rules=rule_entries(question.rule for question in questions),
    )


def put_chain(written: MemoryRecord, chain_id: str, rpc: Sequence[str], now: float) -> None:
    """Records a chain that existed before the run."""
    at = format_time(now)
    written.put(ChainEntry(at, chain_id, Endpoints(rpc=list(rpc))))
    written.put(ChainReady(at, deployments=[]))
