"""A results folder as a whole: `result.json`, which is written last and names every other file by its hash."""

import datetime as dt
import json
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from validationrun.base import conventions
from validationrun.base.atomic_files import dump_json, listed, sha256_of, write_whole
from validationrun.contract.clock_check import ClockCheck
from validationrun.oracle.evidence import EvidenceError, RuleEvidence, read_lines
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question, RecordedQuestion
from validationrun.results.evidence import RULES_DIR
from validationrun.results.judgement import Judgement

RESULT_JSON: Final = "result.json"
KIND: Final = "ValidationRunResult"
FORMAT: Final = 1
IN_CLUSTER: Final = "argo"
"""The mode of a run that Argo ran."""

_MOST_BYTES: Final = 64 * 1024 * 1024


class ResultsError(Exception):
    """The folder holds no results that can be trusted; the message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Result:
    """
    What a run left behind.

    Attributes:
        document: of `result.json`, without `files`.
        questions: the rules with their queries, in the order of the spec.
        evidence: by rule; of a run in a cluster whose evaluator left none that counts, there is none.
    """

    document: Mapping[str, Any]
    questions: Sequence[Question]
    evidence: Mapping[str, RuleEvidence] = field(default_factory=dict)

    @property
    def status(self) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self.document["status"]
        return status


def results_path(root: pathlib.Path, namespace: str, job: str, run_id: str) -> pathlib.Path:
    """`{root}/{namespace}/{job}/{runId}`, the same levels as in S3."""
    return root / namespace / job / run_id


def local_run_id(name: str, now: float) -> str:
    """`{name}-{UTC yyyymmddhhmmss}`."""
    return f"{name}-{dt.datetime.fromtimestamp(now, dt.UTC):%Y%m%d%H%M%S}"


def result_document(
    mode: str,
    status: Mapping[str, Any],
    judgement: Judgement,
    questions: Sequence[Question],
    *,
    settle_s: float,
    prometheus: Mapping[str, Any],
    versions: Mapping[str, str],
    workload: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """
    What `result.json` holds, but for the files' hashes.

    Args:
        mode: `run`, `evaluate`, or `argo`.
        prometheus: its `url` and, where known, `version`.
        workload: `code`, `reason` and `message` of the load, as the verdict table takes them; None without load.
        notes: what a reader must know about how this was judged.
    """
    return {
        "apiVersion": conventions.API_VERSION,
        "kind": KIND,
        "format": FORMAT,
        "mode": mode,
        "status": dict(status),
        "window": {
            "start": judgement.start,
            "end": judgement.end,
            "stopTime": judgement.stop_time,
            "stopRule": judgement.stop_rule,
            "interrupted": judgement.interrupted,
        },
        "settleSeconds": settle_s,
        "clock": [check.to_data() for check in judgement.clock],
        "prometheus": dict(prometheus),
        "versions": dict(versions),
        "workload": dict(workload) if workload is not None else None,
        "rules": [question.to_document().to_data() for question in questions],
        "states": [state.to_data() for state in judgement.states],
        "notes": list(notes),
    }


def seal(folder: pathlib.Path, document: Mapping[str, Any]) -> None:
    """Writes `result.json`, last: it lists every file that lies in the folder by then. Raises OSError."""
    files = {name: one for name, one in listed(folder).items() if pathlib.PurePath(name).name != RESULT_JSON}
    write_whole(folder / RESULT_JSON, dump_json({**document, "files": files}))


def read_result(folder: pathlib.Path) -> Result:
    """
    A sealed folder, checked: nothing missing, nothing changed.

    Raises:
        ResultsError
    """
    document = _read_document(folder / RESULT_JSON)
    for name, expected in document["files"].items():
        _check_file(folder, name, expected)
    try:
        questions = [Question.from_document(RecordedQuestion.from_data(one)) for one in document["rules"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{RESULT_JSON} holds rules that cannot be read: {error}") from None
    evidence = {}
    for question in questions:
        name = question.rule.name
        path = f"{RULES_DIR}/{name}.jsonl"
        if path in document["files"]:
            evidence[name] = _read_evidence(folder / path, name)
        elif not _has_none(document):
            raise ResultsError(f"{path} is missing: {RESULT_JSON} names no such file")
    return Result({key: value for key, value in document.items() if key != "files"}, questions, evidence)


def _has_none(document: Mapping[str, Any]) -> bool:
    """The evaluator of a run in a cluster never signed off, so that nothing of it counts; no such run has passed."""
    interrupted, verdict = document["window"]["interrupted"], document["status"]["verdict"]
    return document.get("mode") == IN_CLUSTER and interrupted is True and verdict != Verdict.PASSED


def _read_document(path: pathlib.Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            document = json.loads(stream.read(_MOST_BYTES))
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror}; a run that was cut short leaves none") from None
    except (ValueError, RecursionError):
        raise ResultsError(f"{path} is not JSON; it was cut or changed") from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise ResultsError(f"{path} is not the result of a run")
    if document.get("format") != FORMAT:
        raise ResultsError(f"{path} has format {document.get('format')}, this version reads {FORMAT}")
    missing = [key for key in ("status", "window", "rules", "states", "files", "clock") if key not in document]
    if missing:
        raise ResultsError(f"{path} lacks {', '.join(missing)}")
    return document


def _check_file(folder: pathlib.Path, name: str, expected: Mapping[str, Any]) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ResultsError(f"{RESULT_JSON} names {name}, which lies outside of the folder")
    try:
        found = sha256_of(path)
    except OSError as error:
        raise ResultsError(f"cannot read {name}: {error.strerror}") from None
    if found != expected["sha256"]:
        raise ResultsError(f"{name} is not what {RESULT_JSON} lists: it was cut or changed")


def _read_evidence(path: pathlib.Path, rule: str) -> RuleEvidence:
    try:
        with path.open(encoding="ascii") as stream:
            return read_lines(stream, rule)
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"cannot read {path.name}: {error}") from None
    except EvidenceError as error:
        raise ResultsError(str(error)) from None


def read_clock(document: Mapping[str, Any]) -> list[ClockCheck]:
    """How the clocks compared."""
    return [ClockCheck.from_data(check) for check in document["clock"]]
