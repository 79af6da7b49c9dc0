"""Ends a run on one machine: verdict, status, reports, and the sealed folder."""

import importlib.metadata
import io
import pathlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from validationrun.base.atomic_files import open_regular
from validationrun.base.times import format_time
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import Recorded
from validationrun.contract.result_json import PrometheusInfo
from validationrun.contract.status import build_status
from validationrun.oracle.evidence import RuleEvidence, read_lines
from validationrun.oracle.question import Question
from validationrun.oracle.verdict_table import Facts, RunVerdict, judge
from validationrun.oracle.workload import Workload
from validationrun.report import write_reports
from validationrun.report.from_result import view_of
from validationrun.results.evidence import RULES_DIR, EvidenceWriter
from validationrun.results.folder import Result, result_document, seal
from validationrun.results.judgement import Judgement


@dataclass(frozen=True, slots=True)
class Setting:
    """
    The facts of a run on one machine that are known before it begins.

    Attributes:
        mode: `run` or `evaluate`.
        folder: the results folder.
        notes: remarks for readers on how the run was judged.
    """

    mode: Literal["run", "evaluate"]
    folder: pathlib.Path
    identity: Identity
    questions: Sequence[Question]
    settle_s: float
    prometheus: PrometheusInfo
    notes: tuple[str, ...] = ()


def conclude(
    setting: Setting,
    written: Recorded,
    judgement: Judgement,
    evidence: EvidenceWriter,
    workload: Workload | None,
    now: float,
) -> Result:
    """
    Gives the verdict, writes all files, seals the folder. Raises OSError.

    Args:
        workload: None without a load.
        now: Unix seconds.
    """
    evidence.close(judgement.states)
    verdict = _verdict(judgement, workload)
    completed = format_time(round(now))
    status = build_status(setting.identity, {}, written, verdict, completed, judgement.states)
    document = result_document(
        setting.mode,
        status,
        judgement,
        setting.questions,
        settle_s=setting.settle_s,
        prometheus=setting.prometheus,
        versions=versions(),
        workload=workload,
        notes=setting.notes,
    )
    result = Result(document, setting.questions, _evidence(setting))
    write_reports(view_of(result), setting.folder)
    seal(setting.folder, document)
    return result


def _verdict(judgement: Judgement, workload: Workload | None) -> RunVerdict:
    facts = Facts.without_cluster(
        judgement.states, judgement.stop_rule, workload=workload, interrupted=judgement.interrupted
    )
    return judge(facts)


def _evidence(setting: Setting) -> dict[str, RuleEvidence]:
    """The evidence, read back from its files so that the reports show what was written."""
    evidence = {}
    for question in setting.questions:
        name = question.rule.name
        path = setting.folder / RULES_DIR / f"{name}.jsonl"
        with io.TextIOWrapper(open_regular(path), encoding="ascii") as stream:
            evidence[name] = read_lines(stream, name)
    return evidence


def versions() -> dict[str, str]:
    return {"validationrun": importlib.metadata.version("validationrun"), "python": platform.python_version()}
