"""Results folders of runs in simulated time, sealed as a run on one machine seals them; and what somebody may do to them."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import replies
from simulation import START, Outcome, alert_rule, query_rule, simulate
from validationrun.base.atomic_files import dump_json, write_whole
from validationrun.base.times import format_time
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.result_json import PrometheusInfo
from validationrun.contract.run_entry import LoadPlan
from validationrun.local.finish import Setting, conclude
from validationrun.local.memory_record import run_entry
from validationrun.oracle.prometheus_response import Reply
from validationrun.oracle.question import Question
from validationrun.oracle.workload import Workload
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.folder import RESULT_JSON, file_hashes
from validationrun.spec.v1alpha1 import Rule

VALUES = {"chainId": "nightly-0f8fad5b", "namespace": "eng-ada", "runId": "nightly-x7k2p"}

Answers = Callable[[str, float], Reply]


def good(promql: str, t: float) -> Reply:
    """Numbers that change, and an alert that is silent."""
    return replies.vector() if "ALERTS" in promql else replies.vector(f"{1 + t % 7:g}", t=START + t)


def rules() -> list[Rule]:
    return [
        query_rule("height", "height", stopOnFailure=True),
        query_rule("late", "late", interval="15s", startAfter="20s"),
        query_rule("no-sweep", "x", finalSweep=False),
        alert_rule("down", "Down"),
    ]


def sealed(
    folder: pathlib.Path,
    answer: Answers = good,
    *,
    of: Sequence[Rule] | None = None,
    code: int | None = 0,
    **how: Any,
) -> pathlib.Path:
    """A run of a minute, with a load that ended with `code`."""
    chosen = list(of) if of is not None else rules()
    outcome = simulate(chosen, answer, **how)
    folder.mkdir(parents=True)
    questions = [Question.of(rule, VALUES) for rule in chosen]
    stopped = outcome.judgement.stop_rule is not None
    workload = Workload(None if stopped else code, "", "")
    kept = MemoryRecord(
        run_entry("nightly", "0" * 64, START, {}, questions, LoadPlan("toy", 1, 0, (1,))),
        JobEntry("", "", format_time(START)),
        LoadEnd(format_time(START), None, workload.code, reason=None, message="", start=format_time(START)),
    )
    setting = Setting(
        "run", folder, Identity("nightly-1", "nightly-1", "eng-ada"), questions, 5.0, PrometheusInfo("http://p")
    )
    conclude(setting, kept, outcome.judgement, written(folder, chosen, outcome), workload, START + 100)
    return folder


def written(folder: pathlib.Path, chosen: Sequence[Rule], outcome: Outcome) -> EvidenceWriter:
    evidence = EvidenceWriter(folder, chosen)
    for decision, counted in outcome.control.evidence:
        evidence.add(decision, counted=counted)
    return evidence


def document(folder: pathlib.Path) -> Any:
    return json.loads((folder / RESULT_JSON).read_text())


def reseal(folder: pathlib.Path, change: Callable[[Any], object] = lambda _: None) -> None:
    """Changes `result.json` and writes every hash anew, as somebody does who knows how it is made."""
    found = document(folder)
    change(found)
    files = {name: file.to_data() for name, file in file_hashes(folder).items()}
    write_whole(folder / RESULT_JSON, dump_json({**found, "files": files}))


def change_lines(folder: pathlib.Path, rule: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """The evidence of a rule as objects, changed in place and sealed anew."""
    path = folder / "rules" / f"{rule}.jsonl"
    lines = [json.loads(one) for one in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(one, separators=(",", ":")) + "\n" for one in lines))
    reseal(folder)


__all__ = ["START", "VALUES", "change_lines", "document", "format_time", "good", "reseal", "rules", "sealed"]
