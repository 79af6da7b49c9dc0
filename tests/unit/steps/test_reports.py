"""finalize's files: with the evaluator's they are one folder that can be checked, drawn and judged again."""

import hashlib
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.steps.evaluator_world import BAD, GOOD, World, answer, install, rule
from tests.unit.steps.finalize_world import RESULTS, UNANSWERED, terminated
from tests.unit.steps.finalize_world import World as Ended

from record_kit import change, forget
from runner_helpers import (
    CONFIG_MAPS,
    IDENTITY,
    JOBS,
    PODS,
    START,
    WORKFLOWS,
    Clock,
    complete,
    context,
    read,
    workflow,
)
from validationrun import report
from validationrun.base.atomic_files import write_whole
from validationrun.base.times import format_time
from validationrun.contract.chain_entries import ChainEntry
from validationrun.contract.evaluation_entries import EvaluatorReady, RuleStates
from validationrun.contract.load_entries import JobEntry, LoadEnd
from validationrun.contract.record_key import RecordKey
from validationrun.contract.result_json import JudgedWindow, ResultDocument
from validationrun.contract.run_entry import RuleEntry, RunEntry
from validationrun.contract.sign_off import SignOff
from validationrun.contract.status_document import Status
from validationrun.judging import replay
from validationrun.judging.replay import replay_folder
from validationrun.oracle.fold import RuleState
from validationrun.oracle.summary import Summary
from validationrun.report import from_record
from validationrun.report.from_result import read_folder
from validationrun.results.folder import Result, ResultsError, read_result
from validationrun.steps import reports
from validationrun.steps.finalize import finalize

OWN = {"report.html", "report.junit.xml", "report.log", "report.md", "termination-message.json", "result.json"}


@pytest.fixture(autouse=True)
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


class Run:
    """
    A run whose evaluator really judged, with results to be uploaded; finalize in a pod of its own.

    Attributes:
        evaluators, folder: where the two steps left their files.
        bucket: what both upload to.
    """

    def __init__(self, root: pathlib.Path, rules: list[dict[str, Any]], *, load: bool = True) -> None:
        self.root = root
        (root / "evaluator").mkdir()
        (root / "finalize").mkdir()
        self.world = World(root / "evaluator", rules, load=load)
        self.cluster = self.world.cluster
        self.evaluators = root / "evaluator" / "outputs" / "results"
        self.folder = root / "finalize" / "outputs" / "results"
        self.bucket = root / "bucket"
        self.context = context("finalize", self.cluster, Clock(), root / "finalize", self.world.context.bundle_hash)
        self.context.sleep(120)
        self._describe()

    def _describe(self) -> None:
        """The run's copy of the bundle; and its results are to be uploaded."""
        mounted = self.root / "evaluator" / "bundle"
        files = {one.name: one.read_text() for one in mounted.iterdir()}
        metadata = {"name": IDENTITY.bundle_name, "ownerReferences": [IDENTITY.owner()]}
        self.cluster.put(CONFIG_MAPS, {"metadata": metadata, "data": files})
        self.cluster.put(WORKFLOWS, workflow(activeDeadlineSeconds=3000))
        self.cluster.put(JOBS, complete())
        self.change(RunEntry, results=RESULTS)

    def change(self, key: type[RecordKey], **fields: Any) -> None:
        change(self.cluster, key, **fields)

    def drop(self, *keys: type[RecordKey]) -> None:
        forget(self.cluster, *keys)

    def judge(self, end: float = 35) -> None:
        self.world.load_ends(at=end, learned=end + 3)
        self.world.judge()
        # A stop does not wait for the load; by the time of finalize it has ended.
        self.world.clock.sleep(60)

    def finalize(self) -> int:
        return finalize(self.context)

    def upload(self) -> pathlib.Path:
        """Each step its own files."""
        for folder in (self.evaluators, self.folder):
            if folder.exists():
                shutil.copytree(folder, self.bucket, dirs_exist_ok=True)
        return self.bucket

    def status(self) -> dict[str, Any]:
        return read(self.cluster).need(Status).to_data()

    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return found

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def passed(tmp_path: pathlib.Path) -> Run:
    made = Run(tmp_path, [rule(), rule("other")])
    made.judge()
    assert made.finalize() == 0
    return made


@pytest.fixture
def failed(tmp_path: pathlib.Path) -> Run:
    answer(lambda _promql, t: BAD if t == 20 else GOOD)
    made = Run(tmp_path, [rule(), rule("other")])
    made.judge()
    assert made.finalize() == 1
    return made


@pytest.fixture
def stopped(tmp_path: pathlib.Path) -> Run:
    answer(lambda _promql, t: BAD if t == 20 else GOOD)
    made = Run(tmp_path, [rule(stopOnFailure=True), rule("other")])
    made.judge(40)
    assert made.finalize() == 1
    return made


RUNS = pytest.mark.parametrize(
    ("made", "verdict", "reason"),
    [
        ("passed", "Passed", "RunSucceeded"),
        ("failed", "Failed", "RuleFailed:height"),
        ("stopped", "Failed", "RuleStopOnFailure:height"),
    ],
)


@RUNS
def test_the_whole_folder_is_checked_drawn_and_judged_again(
    request: pytest.FixtureRequest, made: str, verdict: str, reason: str
) -> None:
    run: Run = request.getfixturevalue(made)
    folder = run.upload()
    result, replayed = replay_folder(folder)
    assert (replayed.differences, replayed.notes) == ([], [])
    assert (replayed.verdict.verdict, replayed.verdict.reason) == (verdict, reason)
    assert result.status.to_data() == run.status()
    for form in (report.to_html, report.to_junit, report.to_markdown, report.to_log, report.to_text, report.to_json):
        assert form(read_folder(folder))


@RUNS
def test_every_file_is_there_and_listed_by_its_hash(
    request: pytest.FixtureRequest, made: str, verdict: str, reason: str
) -> None:
    del verdict, reason
    run: Run = request.getfixturevalue(made)
    rules = {f"rules/{name}.{suffix}" for name in ("height", "other") for suffix in ("json", "jsonl")}
    assert {one.name for one in run.folder.iterdir()} == OWN
    listed = run.result()["files"]
    assert set(listed) == (OWN | rules) - {"result.json"}
    folder = run.upload()
    for name, one in listed.items():
        content = (folder / name).read_bytes()
        assert one == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def test_without_results_there_is_nothing_to_upload(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, [rule()])
    run.judge()
    run.change(RunEntry, results=None)
    assert run.finalize() == 0
    assert not run.folder.exists()
    assert run.status()["report"] == {"s3Url": None}


def test_the_reports_say_where_the_results_lie(passed: Run) -> None:
    url = f"s3://results/eng-ada/evm/{IDENTITY.workflow}/"
    assert passed.status()["report"] == {"s3Url": url}
    assert url in passed.text("report.html")


@RUNS
def test_every_report_tells_each_rules_verdict_and_sums(
    request: pytest.FixtureRequest, made: str, verdict: str, reason: str
) -> None:
    """Without a decision at hand: none is drawn, and none is said to be missing."""
    run: Run = request.getfixturevalue(made)
    page, log, md = run.text("report.html"), run.text("report.log"), run.text("report.md")
    for text in (page, log, md):
        assert reason.partition(":")[0] in text
        assert reports.ELSEWHERE.split(";")[0].partition(" which")[0] in text
        assert "nothing is recorded" not in text
    counted = read(run.cluster).need(SignOff).summaries["other"].counted
    assert counted == (2 if made == "stopped" else 4)
    for name in ("height", "other"):
        assert f"<code>{name}</code>" in md
    assert md.count(f"{counted} of {counted}") == 2
    assert f"{counted} of {counted} decisions had an answer" in page
    message = json.loads(run.text("termination-message.json"))
    assert (message["verdict"], message["reason"]) == (verdict, reason)


def test_red_for_whoever_reads_the_xml_alone(failed: Run) -> None:
    xml = failed.text("report.junit.xml")
    assert xml.count("<failure") == 3
    assert "ThresholdViolated" in xml


def test_a_reader_tells_a_changed_file(passed: Run) -> None:
    folder = passed.upload()
    with (folder / "rules" / "height.jsonl").open("a") as stream:
        stream.write("\n")
    with pytest.raises(ResultsError, match=r"rules/height\.jsonl is not what result\.json lists"):
        read_result(folder)


def test_a_reader_tells_that_the_evaluators_upload_failed(passed: Run) -> None:
    """The verdict was written before anybody knew, and the folder says Passed of files that are not there."""
    shutil.copytree(passed.folder, passed.bucket)
    with pytest.raises(ResultsError, match=r"cannot read rules/height\.json"):
        read_result(passed.bucket)


def test_a_pass_whose_evidence_is_named_by_nobody_is_none(passed: Run) -> None:
    """A sign-off without its files: that is excused only where nothing has passed."""
    folder = passed.upload()
    document = passed.result()
    del document["files"]["rules/height.jsonl"]
    for changed in ({}, {"interrupted": True}):
        document["window"].update(changed)
        write_whole(folder / "result.json", json.dumps(document).encode())
        with pytest.raises(ResultsError, match=r"rules/height\.jsonl is missing"):
            read_result(folder)


def test_a_workload_that_ended_well_is_one_that_the_status_shows(passed: Run) -> None:
    """Only a load that never began has no Job to show."""
    folder, document = passed.upload(), passed.result()
    document["status"]["load"] = None
    write_whole(folder / "result.json", json.dumps(document).encode())
    _, replayed = replay_folder(folder)
    assert "workload: present in the result, not so in the status" in replayed.differences


def test_what_the_pods_said_lies_beside_and_is_listed(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, [rule()])
    run.judge()
    pod = {**run.cluster.objects[("pods", "load-0")]}
    pod["metadata"]["labels"]["sei.io/run-id"] = IDENTITY.workflow
    pod["status"] = {"phase": "Failed", "containerStatuses": [terminated(1, "workload")]}
    run.cluster.put(PODS, pod)
    run.cluster.logs[("load-0", "workload")] = "last words\n"
    run.change(LoadEnd, code=1)
    assert run.finalize() == 1
    assert run.text("pod-load-0-workload.log") == "last words\n"
    assert {"pod-load-0-workload.log", "diagnostics.json"} <= set(run.result()["files"])
    _, replayed = replay_folder(run.upload())
    assert (replayed.differences, replayed.verdict.reason) == ([], "WorkloadFailed")
    # Of an attempt that is started anew, with an empty folder of its own.
    shutil.rmtree(run.folder)
    assert run.finalize() == 1
    assert run.text("pod-load-0-workload.log") == "last words\n"


def test_words_that_do_not_fit_into_the_record_stay_whole_in_the_results(tmp_path: pathlib.Path) -> None:
    ended = Ended(tmp_path)
    ended.keys.change(RunEntry, results=RESULTS)
    states = [replace(UNANSWERED, name=f"rule-{index}", message="\u20ac" * 1000) for index in range(32)]
    ended.keys.change(RunEntry, rules=[RuleEntry(state.name, "query", ">", "0") for state in states])
    ended.keys.change(SignOff, rules=states)
    assert ended.decide() == ("Error", "RuleError")
    result = json.loads((ended.folder / "result.json").read_text())
    assert {len(one["message"]) for one in result["status"]["rules"]} == {1000}
    assert all(len(one["message"]) < 1000 for one in ended.status()["rules"])


def test_written_twice_they_are_the_same(failed: Run) -> None:
    """finalize may be started anew, when its own upload failed."""
    before = {one.name: one.read_bytes() for one in failed.folder.iterdir()}
    for empties in (False, True):
        if empties:
            shutil.rmtree(failed.folder)
        failed.context.sleep(50)
        assert failed.finalize() == 1
        assert {one.name: one.read_bytes() for one in failed.folder.iterdir()} == before


LOST: list[tuple[str, Callable[[Run], Any], str]] = [
    ("evaluator gone", lambda r: r.drop(SignOff), "EvaluatorLost"),
    ("evaluator stopped", lambda r: r.change(SignOff, stopped=True), "EvaluatorLost"),
    ("another bundle's", lambda r: r.change(SignOff, bundle_hash="c" * 64), "EvaluatorLost"),
    ("another Workflow's", lambda r: r.change(SignOff, workflow_uid="other"), "EvaluatorLost"),
    ("chain failed", lambda r: (r.drop(SignOff, RuleStates), r.change(ChainEntry, reason="ChainFailed", message="no")), "ChainFailed"),
    ("stopped by its user", lambda r: (r.drop(SignOff), r.cluster.put(WORKFLOWS, workflow(shutdown="Stop"))), "Cancelled"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "lose", "reason"), LOST, ids=[one[0] for one in LOST])
def test_a_run_without_evidence_is_told_and_never_judged_again(
    tmp_path: pathlib.Path, what: str, lose: Callable[[Run], Any], reason: str
) -> None:
    del what
    run = Run(tmp_path, [rule()])
    run.judge()
    lose(run)
    assert run.finalize() == 1
    assert run.status()["reason"] == reason
    document = run.result()
    assert document["window"]["interrupted"] is True
    assert [state["verdict"] for state in document["states"]] == ["Awaited"]
    assert not [name for name in document["files"] if name.startswith("rules/")]
    assert from_record.LOST in document["notes"]
    folder = run.upload()
    assert reason in report.to_markdown(read_folder(folder))
    with pytest.raises(ResultsError, match=rf"nothing to judge again\. It was Error, {reason}"):
        replay_folder(folder)


def test_a_lost_evaluator_is_not_judged_again_where_there_was_nothing_to_ask(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, [])
    run.judge()
    run.drop(SignOff)
    assert run.finalize() == 1
    assert run.status()["reason"] == "EvaluatorLost"
    with pytest.raises(ResultsError, match=r"nothing to judge again\. It was Error, EvaluatorLost"):
        replay_folder(run.upload())


def test_on_one_machine_nothing_is_taken_on_trust(passed: Run) -> None:
    """There the evidence itself says that a run was cut short."""
    for mode, notes in (("argo", ["Cancelled is the run record's word"]), ("run", []), ("evaluate", [])):
        document = {**passed.result(), "mode": mode, "status": {**passed.status(), "reason": "Cancelled"}}
        assert replay._trusted(Result(ResultDocument.from_data(document), [])) == notes


def test_a_failure_that_the_record_kept_is_told_without_a_sign_off(tmp_path: pathlib.Path) -> None:
    answer(lambda _promql, t: BAD if t == 20 else GOOD)
    run = Run(tmp_path, [rule(stopOnFailure=True)])
    run.judge(40)
    run.drop(SignOff)
    assert run.finalize() == 1
    assert run.status()["reason"] == "RuleStopOnFailure:height"
    document = run.result()
    assert (document["window"]["stopRule"], document["window"]["stopTime"]) == ("height", START + 20)
    assert document["states"][0]["verdict"] == "Failed"
    assert "ThresholdViolated" in report.to_junit(read_folder(run.upload()))


def test_a_load_that_never_had_a_job_is_judged_again(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, [rule()])
    run.judge()
    run.drop(JobEntry)
    run.change(SignOff, job_uid=None)
    run.change(LoadEnd, job_uid=None, code=2, reason="ServiceAccountMissing")
    assert run.finalize() == 1
    assert run.status()["load"] is None
    _, replayed = replay_folder(run.upload())
    assert (replayed.differences, replayed.verdict.reason) == ([], "ServiceAccountMissing")


def test_a_load_of_which_nothing_is_known_is_no_run_without_load(tmp_path: pathlib.Path) -> None:
    """Leaving it out would make replay say Passed."""
    run = Run(tmp_path, [rule()])
    run.judge()
    run.drop(JobEntry, LoadEnd)
    run.change(SignOff, job_uid=None)
    assert finalize(run.context) == 1
    assert run.result()["workload"] == {
        "code": None,
        "reason": "",
        "message": "load-job left no result",
        "early": None,
    }
    _, replayed = replay_folder(run.upload())
    assert (replayed.differences, replayed.verdict.reason) == ([], "WorkloadInfraFailure")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shutdown": "Stop"}, "Cancelled"),
        ({"activeDeadlineSeconds": 1}, "DeadlineExceeded"),
    ],
)
def test_what_only_the_cluster_knows_is_taken_on_trust_and_said(
    tmp_path: pathlib.Path, change: dict[str, Any], reason: str
) -> None:
    run = Run(tmp_path, [rule()])
    run.judge()
    run.cluster.put(WORKFLOWS, workflow(**change))
    run.change(LoadEnd, code=None)
    assert run.finalize() == 1
    assert run.status()["reason"] == reason
    _, replayed = replay_folder(run.upload())
    assert (replayed.differences, replayed.notes) == ([], [f"{reason} is the run record's word"])
    assert replayed.verdict.verdict == "Error"


def test_rules_alone_are_judged_again(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, [rule()], load=False)
    run.world.judge()
    assert finalize(run.context) == 0
    assert run.result()["workload"] is None
    _, replayed = replay_folder(run.upload())
    assert (replayed.differences, replayed.verdict.verdict) == ([], "Passed")


def edit_rules(run: Run) -> None:
    """Another query under the same name."""
    data = run.cluster.objects[("configmaps", IDENTITY.bundle_name)]["data"]
    before = data["rules.yaml"]
    data["rules.yaml"] = before.replace("[2m]", "[3m]")
    assert data["rules.yaml"] != before


GONE: list[tuple[str, Callable[[Run], Any]]] = [
    ("deleted", lambda r: r.cluster.objects.pop(("configmaps", IDENTITY.bundle_name))),
    ("another Workflow's", lambda r: r.cluster.objects[("configmaps", IDENTITY.bundle_name)]["metadata"].update(ownerReferences=[{"uid": "o"}])),
    ("changed", lambda r: edit_rules(r)),
    ("emptied", lambda r: r.cluster.objects[("configmaps", IDENTITY.bundle_name)].update(data=None)),
]  # fmt: skip


@pytest.mark.parametrize(("what", "lose"), GONE, ids=[one[0] for one in GONE])
def test_without_the_bundle_there_is_a_result_all_the_same(
    tmp_path: pathlib.Path, what: str, lose: Callable[[Run], Any]
) -> None:
    """Its rules stand in the status; their queries are nowhere else."""
    del what
    run = Run(tmp_path, [rule()])
    run.judge()
    lose(run)
    assert run.finalize() == 0
    document = run.result()
    assert (document["rules"], document["states"]) == ([], [])
    assert from_record.NO_QUERIES in document["notes"]
    assert [one["name"] for one in document["status"]["rules"]] == ["height"]
    assert "rules/height.jsonl" in document["files"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("a bug"), MemoryError()])
@pytest.mark.parametrize("code", [0, 1])
def test_a_report_that_cannot_be_made_leaves_verdict_and_clean_up_alone(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    def refuse(*_arguments: object) -> None:
        raise error

    ended = Ended(tmp_path)
    ended.keys.change(RunEntry, results=RESULTS)
    ended.keys.change(LoadEnd, code=code)
    ended.chain()
    monkeypatch.setattr(report, "write_whole", refuse)
    assert ended.finalize() == code
    assert (ended.label(), ended.sealed(), ended.has_chain) == ("Failed" if code else "Passed", True, False)
    assert "no report: " in capsys.readouterr().err
    assert not (ended.folder / "result.json").exists()


def test_a_full_disk_leaves_verdict_and_clean_up_alone(tmp_path: pathlib.Path) -> None:
    """Nothing can be written anywhere: no output, no report."""
    ended = Ended(tmp_path)
    ended.keys.change(RunEntry, results=RESULTS)
    ended.chain()
    (tmp_path / "file").touch()
    ended.replaced(output_dir=tmp_path / "file" / "below")
    assert ended.decide() == ("Passed", "RunSucceeded")
    assert not ended.has_chain


NO_MARGIN = Summary(
    decisions=2, counted=2, good=2, failed=1, errors={}, first_t=START + 20, last_t=START + 35, lowest=None,
    highest=None, margin=None, margin_t=None, margin_value=None, coverage=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("last_t", "summary", "value"),
    [
        (START + 20, None, "1"),
        (START + 35, replace(NO_MARGIN, margin_t=START + 20, margin_value="0"), "0"),
        (START + 35, replace(NO_MARGIN, margin_t=START + 30, margin_value="-5"), None),
        (START + 35, NO_MARGIN, None),
        (START + 35, None, None),
    ],
)
def test_a_failure_is_not_drawn_at_the_value_that_came_after_it(
    last_t: float, summary: Summary | None, value: str | None
) -> None:
    state = RuleState("height", "Failed", "ThresholdViolated", last_t=last_t, failed_t=START + 20, value="1")
    (entry,) = from_record._entries(state, JudgedWindow(START, START + 35, None, None, interrupted=False), summary)
    assert (entry.t, entry.value, entry.final) == (START + 20, value, False)


@pytest.mark.parametrize("swept", [True, False])
def test_a_failure_at_the_end_is_one_of_the_final_sweep(swept: bool) -> None:
    """A tick may fall on the end, where there is no sweep."""
    state = RuleState("height", "Failed", last_t=START + 35, failed_t=START + 35, swept=swept)
    (entry,) = from_record._entries(state, START + 35, None)
    assert entry.final is swept


def test_window_and_settling_are_the_evaluators(passed: Run) -> None:
    document = passed.result()
    assert document["window"] == {
        "start": START,
        "end": START + 35,
        "stopTime": None,
        "stopRule": None,
        "interrupted": False,
        "cooldownEnd": None,
        "noData": None,
    }
    assert document["mode"] == "argo"
    assert document["settleSeconds"] == 5.0
    assert document["clock"] == [check.to_data() for check in read(passed.cluster).need(SignOff).clock]
    assert document["clock"]
    assert document["prometheus"] == {"url": read(passed.cluster).need(EvaluatorReady).prometheus}
    assert document["status"]["completionTime"] == format_time(START + 120)
