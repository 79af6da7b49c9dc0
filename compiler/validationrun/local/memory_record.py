"""The keys of a run record that a run on one machine keeps in memory, so that its status is made as that of any other run."""

from collections.abc import Mapping, Sequence

from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry, ChainReady, Endpoints
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
) -> RunEntry:
    """
    Args:
        started: Unix seconds; the entry has them rounded.
        load: None when the rules alone are judged.
    """
    return RunEntry(
        started_at=format_time(round(started)),
        name=name,
        spec_hash=spec_hash,
        parameters=dict(parameters),
        load=load,
        rules=rule_entries(question.rule for question in questions),
    )


def put_chain(written: MemoryRecord, chain_id: str, rpc: Sequence[str], now: float) -> None:
    """A chain that was there before the run."""
    at = format_time(now)
    written.put(ChainEntry(at, chain_id, Endpoints(rpc=list(rpc))))
    written.put(ChainReady(at, deployments=[]))
