"""All keys of the run record, in the order in which a run writes them."""

from typing import Final

from validationrun.contract.chain_entries import ChainEntry, ChainReady, PreflightEntry
from validationrun.contract.diagnostics import Diagnostics
from validationrun.contract.evaluation_entries import EvaluatorReady, RuleStates, StopIntent, SuiteEnded, WindowEntry
from validationrun.contract.load_entries import JobEntry, LoadEnd, LoadSignal, LoadStart, ShardsEntry
from validationrun.contract.record_key import RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status

RECORD_KEYS: Final[tuple[type[RecordKey], ...]] = (
    RunEntry,
    PreflightEntry,
    ChainEntry,
    ChainReady,
    EvaluatorReady,
    JobEntry,
    LoadStart,
    LoadSignal,
    ShardsEntry,
    WindowEntry,
    RuleStates,
    SuiteEnded,
    StopIntent,
    LoadEnd,
    SignOff,
    Diagnostics,
    Status,
)
