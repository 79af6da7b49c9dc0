"""What must hold after every run that a test makes: its evidence, read back, is judged as the run was."""

from collections.abc import Sequence

from validationrun.base.times import format_time
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.result_json import PrometheusInfo
from validationrun.contract.run_entry import LoadPlan
from validationrun.contract.status import build_status
from validationrun.judging.replay import replay
from validationrun.local.memory_record import run_entry
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Encoder, read_lines
from validationrun.oracle.question import Question
from validationrun.oracle.rules import type_of
from validationrun.oracle.verdict_table import Facts, judge
from validationrun.oracle.workload import Workload
from validationrun.results.folder import Result, result_document
from validationrun.results.judgement import Judgement


def result_of(
    questions: Sequence[Question], judgement: Judgement, evidence: Sequence[tuple[Decision, bool]], code: int | None
) -> Result:
    """
    The result of a run on one machine, with its evidence as it is written and read.

    Args:
        evidence: every decision, and whether it counts.
        code: of the load.
    """
    began = format_time(judgement.start or 0.0)
    workload = Workload(None if judgement.stop_rule is not None else code, "", "")
    record = MemoryRecord(
        run_entry("nightly", "0" * 64, judgement.start or 0.0, {}, questions, LoadPlan("toy", 1, 0, (1,))),
        JobEntry("", "", began),
        LoadEnd(began, None, workload.code, reason=None, message="", start=began),
    )
    facts = Facts.without_cluster(
        judgement.states, judgement.stop_rule, workload=workload, interrupted=judgement.interrupted
    )
    identity = Identity("nightly-1", "nightly-1", "eng-ada")
    status = build_status(identity, {}, record, judge(facts), began, judgement.states)
    document = result_document(
        "run", status, judgement, questions, settle_s=5.0, prometheus=PrometheusInfo("http://p"), versions={},
        workload=workload,
    )  # fmt: skip
    lines: dict[str, list[str]] = {question.rule.name: [] for question in questions}
    encoders = {question.rule.name: Encoder(keeps_labels=type_of(question.rule).reads_labels) for question in questions}
    for decision, counted in evidence:
        lines[decision.rule].append(encoders[decision.rule].decision(decision, counted=counted))
    return Result(document, questions, {name: read_lines(iter(found), name) for name, found in lines.items()})


def assert_replay_agrees(
    questions: Sequence[Question],
    judgement: Judgement,
    evidence: Sequence[tuple[Decision, bool]],
    code: int | None = 0,
) -> None:
    assert replay(result_of(questions, judgement, evidence, code)).differences == []
