"""Seals and reads a results folder: `result.json` is written last and lists every other file with its hash."""

import datetime as dt
import hashlib
import io
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from validationrun.base.atomic_files import dump_json, open_regular, sha256_of, write_whole
from validationrun.base.document import Document, DocumentError
from validationrun.base.text import printable
from validationrun.base.truncate import cut
from validationrun.contract.file_hash import FileHash, listed
from validationrun.contract.result_json import FORMAT, IN_CLUSTER, KIND, JudgedWindow, PrometheusInfo, ResultDocument
from validationrun.contract.status_document import Status
from validationrun.contract.suite_result import KIND as KIND_OF_SUITE
from validationrun.oracle.evidence import EvidenceError, RuleEvidence, read_lines
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question
from validationrun.oracle.workload import Workload
from validationrun.results.evidence import RULES_DIR
from validationrun.results.judgement import Judgement

RESULT_JSON: Final = "result.json"
_MOST_BYTES: Final = 64 * 1024 * 1024
_LONGEST_ERROR: Final = 300
"""The most bytes of a document's error, which may quote the document."""


ReadLines = Callable[[Iterable[str], str], RuleEvidence]
"""Reads the evidence of a rule from its lines: `read_lines`, or `skim_lines`. Raises EvidenceError."""


class ResultsError(Exception):
    """The folder holds no trusted results; the message names the file and its fault."""


@dataclass(frozen=True)
class Result:
    """
    The results of a run.

    Attributes:
        document: `result.json`. Its `files` are empty until the folder is sealed.
        questions: the rules with their queries, in the order of the spec.
        evidence: by rule; empty when the evaluator of a run in a cluster left no evidence that counts.
    """

    document: ResultDocument
    questions: Sequence[Question]
    evidence: Mapping[str, RuleEvidence] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return self.document.status


def results_path(root: pathlib.Path, namespace: str, job: str, run_id: str) -> pathlib.Path:
    """`{root}/{namespace}/{job}/{runId}`, the same levels as in S3."""
    return root / namespace / job / run_id


def local_run_id(name: str, now: float) -> str:
    """`{name}-{UTC yyyymmddhhmmss}`."""
    return f"{name}-{dt.datetime.fromtimestamp(now, dt.UTC):%Y%m%d%H%M%S}"


def result_document(
    mode: Literal["run", "evaluate", "argo"],
    status: Status,
    judgement: Judgement,
    questions: Sequence[Question],
    *,
    settle_s: float,
    prometheus: PrometheusInfo,
    versions: Mapping[str, str],
    workload: Workload | None = None,
    notes: Sequence[str] = (),
) -> ResultDocument:
    """
    `result.json` without the hashes of the files; the arguments are fields of `ResultDocument`.

    Args:
        workload: None without load.
    """
    return ResultDocument(
        mode=mode,
        status=status,
        window=JudgedWindow(
            judgement.start,
            judgement.end,
            judgement.stop_time,
            judgement.stop_rule,
            judgement.interrupted,
            judgement.cooldown_end,
            judgement.no_data or None,
        ),
        settle_seconds=settle_s,
        clock=judgement.clock,
        prometheus=prometheus,
        versions=dict(versions),
        workload=workload,
        rules=[question.to_document() for question in questions],
        states=judgement.states,
        notes=list(notes),
    )


def file_hashes(folder: pathlib.Path) -> dict[str, FileHash]:
    """The hash of every file below the folder except `result.json`, by path. Raises OSError."""
    return {name: file for name, file in listed(folder).items() if pathlib.PurePath(name).name != RESULT_JSON}


def seal(folder: pathlib.Path, document: ResultDocument, files: Mapping[str, FileHash] | None = None) -> None:
    """
    Writes `result.json`, last.

    Args:
        files: the files to list; None for every file in the folder.

    Raises:
        OSError
    """
    sealed = msgspec.structs.replace(document, files=dict(file_hashes(folder) if files is None else files))
    write_whole(folder / RESULT_JSON, dump_json(sealed.to_data()))


def read_result(folder: pathlib.Path) -> Result:
    """
    Reads a sealed folder and checks that no file is missing or changed.

    Raises:
        ResultsError
    """
    document = read_document(folder)
    check_files(folder, document)
    return with_evidence(folder, document, read_lines)


def check_files(folder: pathlib.Path, document: ResultDocument) -> None:
    """Raises ResultsError when a listed file is missing or changed, or lies outside of the folder."""
    for name, expected in document.files.items():
        check_file(folder, name, expected)


def with_evidence(folder: pathlib.Path, document: ResultDocument, read: ReadLines) -> Result:
    """
    The result with the evidence of its rules.

    Args:
        read: reads the lines of one rule.

    Raises:
        ResultsError
    """
    try:
        questions = [Question.from_document(rule) for rule in document.rules]
    except ValueError as error:
        raise ResultsError(f"{RESULT_JSON} holds rules that cannot be read: {bounded(error)}") from None
    evidence = {}
    for question in questions:
        name = question.rule.name
        path = f"{RULES_DIR}/{name}.jsonl"
        if path in document.files:
            evidence[name] = _read_evidence(folder / path, name, read)
        elif not _has_none(document):
            raise ResultsError(f"{path} is missing: {RESULT_JSON} names no such file")
    return Result(document, questions, evidence)


def _has_none(document: ResultDocument) -> bool:
    """Whether evidence may be absent: the evaluator in the cluster never signed off, and the run did not pass."""
    return document.mode == IN_CLUSTER and document.window.interrupted and document.status.verdict != Verdict.PASSED


class Head(Document, frozen=True):
    """What tells a result of another kind or format from no result."""

    kind: Any = None
    format: Any = None


def read_bytes(path: pathlib.Path) -> bytes:
    """A `result.json`, up to a maximum. Raises ResultsError."""
    try:
        with open_regular(path) as stream:
            return stream.read(_MOST_BYTES)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not path.parent.is_dir():
            is_other = os.path.lexists(path.parent)
            raise ResultsError(
                f"{path.parent} is no folder" if is_other else f"there is no folder {path.parent}"
            ) from None
        raise ResultsError(f"cannot read {path}: {error.strerror}; a run that was cut short leaves none") from None


def result_hash(folder: pathlib.Path) -> str:
    """The sha256 of its `result.json`, which tells a result from every other one. Raises ResultsError."""
    return hashlib.sha256(read_bytes(folder / RESULT_JSON)).hexdigest()


def head_of(path: pathlib.Path) -> Head:
    """Raises ResultsError for what is no JSON object."""
    try:
        return Head.from_json(read_bytes(path))
    except DocumentError as error:
        raise ResultsError(f"{path} is not JSON; it was cut or changed ({bounded(error)})") from None


def read_document(folder: pathlib.Path) -> ResultDocument:
    """Reads `result.json` alone, and checks none of its files. Raises ResultsError."""
    path = folder / RESULT_JSON
    head = head_of(path)
    if head.kind == KIND_OF_SUITE:
        raise ResultsError(f"{path} is the result of a suite: name the folder of one of its runs, which lie below")
    if head.kind != KIND:
        raise ResultsError(f"{path} is not the result of a run")
    if head.format != FORMAT:
        raise ResultsError(f"{path} has format {bounded(head.format)}, this version reads {FORMAT}")
    return parsed_result(read_bytes(path))


def parsed_result(content: bytes) -> ResultDocument:
    """Parses `result.json`. Raises ResultsError."""
    try:
        return ResultDocument.from_json(content)
    except DocumentError as error:
        raise ResultsError(f"{RESULT_JSON} is not as it was written: {bounded(error)}") from None


def bounded(error: object) -> str:
    """The error on one short line, because it may quote any text of the document."""
    return cut(" ".join(printable(str(error)).split()), _LONGEST_ERROR)


def check_file(folder: pathlib.Path, name: str, expected: FileHash) -> None:
    """Raises ResultsError when a file of the folder is missing or changed, or lies outside of the folder."""
    path = folder / name
    # Not pathlib's `resolve`, which takes most of the time of a page over hundreds of folders.
    root = os.path.realpath(folder)
    try:
        lies = os.path.realpath(path)
    except ValueError:
        # A NUL, or half a surrogate pair.
        raise ResultsError(f"{RESULT_JSON} names {bounded(name)}, which can be no file") from None
    if os.path.commonpath((root, lies)) != root:
        raise ResultsError(f"{RESULT_JSON} names {name}, which lies outside of the folder")
    try:
        actual = sha256_of(path)
    except OSError as error:
        raise ResultsError(f"cannot read {name}: {error.strerror}") from None
    if actual != expected.sha256:
        raise ResultsError(f"{name} is not what {RESULT_JSON} lists: it was cut or changed")


def _read_evidence(path: pathlib.Path, rule: str, read: ReadLines) -> RuleEvidence:
    try:
        with io.TextIOWrapper(open_regular(path), encoding="ascii") as stream:
            return read(stream, rule)
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"cannot read {path.name}: {error}") from None
    except EvidenceError as error:
        raise ResultsError(str(error)) from None
