"""`run --local` of a suite: real processes, one run after the other, and a verdict that no run can make better than it was."""

import json
import pathlib
import signal
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from tests.report.page import read

from cli_helpers import call
from docker_kit import calls
from emit_helpers import full_run
from local_kit import IMAGE, Spec, marked, rule, shell, started
from validationrun.results.folder import RESULT_JSON, ResultsError, read_result
from validationrun.results.suite_folder import read_suite_result

GOOD, BAD, BROKEN = shell("exit 0"), shell("exit 1"), shell("exit 2")


def entry(name: str, command: Any = GOOD, rules: Any = (), **fields: Any) -> dict[str, Any]:
    """An entry with a run of half a second inside."""
    return {"name": name, "spec": Spec(command, rules).document()["spec"], **fields}


def write(folder: pathlib.Path, *runs: dict[str, Any], more: Any = (), **fields: Any) -> pathlib.Path:
    suite = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationSuite",
        "metadata": {"name": "gate", "namespace": "eng-ada"},
        "spec": {"runs": list(runs), **fields},
    }
    path = folder / "suite.yaml"
    path.write_text("\n---\n".join(json.dumps(document) for document in (suite, *more)))
    return path


class Ended:
    """How the program ended, its sealed folder, and its members."""

    def __init__(self, code: int, out: str, err: str, root: pathlib.Path) -> None:
        self.code, self.out, self.err = code, out, err
        (self.folder,) = (root / "eng-ada" / "gate").iterdir()
        self.result = read_suite_result(self.folder)
        self.status = self.result.status
        self.members = {member.name: (str(member.outcome), member.reason) for member in self.status.members}


def ran(
    folder: pathlib.Path, *runs: dict[str, Any], arguments: Any = (), env: Any = None, more: Any = (), **fields: Any
) -> Ended:
    with started(write(folder, *runs, more=more, **fields), folder, *arguments, env=env) as running:
        return ended(running, folder)


def ended(running: Any, folder: pathlib.Path) -> Ended:
    code = running.process.wait(90)
    for reader in running._readers:
        reader.join(10)
    out, err = running._texts.get("stdout", ""), running._texts.get("stderr", "")
    assert marked(running.mark) == [], err
    assert "Traceback" not in err, err
    return Ended(code, out, err, folder / "results")


def test_a_suite_whose_runs_pass_passes(tmp_path, shared_prometheus):
    """Each run has its own sealed folder below the suite's, and the suite's reports lead to them."""
    rules = [rule("one", "vector(1)")]
    runs = [entry("first", shell("sleep 7.2"), rules), entry("second")]
    done = ran(tmp_path, *runs, arguments=("--prometheus", shared_prometheus.url))
    assert (done.code, done.status.verdict, done.status.reason) == (0, "Passed", "AllPassed"), done.err
    assert done.members == {"first": ("Passed", "RunSucceeded"), "second": ("Passed", "RunSucceeded")}
    for member in done.result.members:
        own = read_result(done.folder / member.folder)
        assert own.status == member.status
        assert own.status.name == f"gate-{member.name}"
    assert {path.name for path in done.folder.iterdir()} == {
        "first", "second", "planned.txt", "report.html", "report.junit.xml", "report.md", RESULT_JSON,
    }  # fmt: skip
    tree = read((done.folder / "report.html").read_text())
    assert tree.one("h1").text == "Passed"
    links = [a.attributes["href"] for a in tree.all("a") if a.attributes["href"].endswith("/report.html")]
    assert links == [f"{member.folder}/report.html" for member in done.result.members]
    assert all((done.folder / link).is_file() for link in links)
    assert done.out.startswith("PASSED  suite gate  AllPassed")
    # The same folder gives the same bytes, in every form.
    for form, name in (("html", "report.html"), ("junit", "report.junit.xml"), ("markdown", "report.md")):
        assert call("report", done.folder, "-o", form).out == (done.folder / name).read_text()
    assert json.loads(call("report", done.folder, "-o", "json").out) == done.result.to_data()
    assert "result of a suite" in call("replay", done.folder).err


def test_the_first_failure_ends_the_suite(tmp_path):
    """With stopOnFailure, which is the default: what comes after it is not started, and no folder of it is made."""
    done = ran(tmp_path, entry("first"), entry("second", BAD), entry("third", shell("touch third")))
    assert (done.code, done.status.verdict, done.status.reason) == (1, "Failed", "MemberFailed:second")
    assert done.members == {
        "first": ("Passed", "RunSucceeded"),
        "second": ("Failed", "WorkloadFailed"),
        "third": ("NotStarted", "StopOnFailure"),
    }
    assert not (done.folder / "third").exists()
    assert not (tmp_path / "work/third").exists()
    assert "not started, because run second ended as Failed" in done.out
    root = ET.parse(done.folder / "report.junit.xml").getroot()  # noqa: S314 - our own
    assert [suite.get("name") for suite in root] == ["gate", "gate.first", "gate.second", "gate.third"]
    assert int(root.get("failures", "")) >= 2
    history = json.loads(call("report", "--history", tmp_path / "results", "-o", "json").out)
    assert history["faults"] == []
    assert {each["name"]: each["runs"][0]["verdict"] for each in history["validationRuns"]} == {
        "gate-first": "Passed",
        "gate-second": "Failed",
        "gate-third": "NotStarted",
    }


def test_without_stop_on_failure_the_others_run(tmp_path):
    """An error is no failure, and a failure decides over it."""
    done = ran(tmp_path, entry("first", BROKEN), entry("second", BAD), entry("third"), stopOnFailure=False)
    assert (done.code, done.status.reason) == (1, "MemberFailed:second")
    assert [outcome for outcome, _ in done.members.values()] == ["Error", "Failed", "Passed"]


def test_an_error_is_2_and_never_1(tmp_path):
    done = ran(tmp_path, entry("first", BROKEN), entry("second"))
    assert (done.code, done.status.verdict, done.status.reason) == (2, "Error", "MemberNotPassed:first")
    assert done.members["second"] == ("NotStarted", "StopOnFailure")


def test_who_depends_on_what_did_not_pass_is_not_started(tmp_path):
    """Parallel goes one by one here and says so; the order is that of dependsOn."""
    runs = [
        entry("last", dependsOn=["bad"]),
        entry("free", shell("echo free >> order")),
        entry("bad", shell("echo bad >> order; exit 1")),
        entry("after", shell("echo after >> order"), dependsOn=["free"]),
    ]
    done = ran(tmp_path, *runs, concurrency="Parallel", stopOnFailure=False)
    assert done.code == 1
    assert done.members["last"] == ("NotStarted", "NotStarted")
    assert "run bad, on which it depends, ended as Failed" in done.out
    assert (tmp_path / "work/order").read_text().split() == ["free", "bad", "after"]
    assert "on one machine its runs go one after the other" in done.out
    assert [member.name for member in done.status.members] == ["last", "free", "bad", "after"]


def test_parameters_and_matrix_reach_their_runs(tmp_path):
    runs = [entry("load", shell("echo $DURATION_SECONDS >> seconds"), matrix={"duration": ["1s", "2s"]})]
    done = ran(tmp_path, *runs)
    assert done.code == 0, done.err
    assert list(done.members) == ["load-0", "load-1"]
    assert [member.status.parameters for member in done.result.members] == [{"duration": "1s"}, {"duration": "2s"}]
    assert (tmp_path / "work/seconds").read_text().split() == ["1", "2"]


def test_a_run_by_reference_comes_from_the_files(tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(json.dumps(Spec(GOOD, name="smoke").document()))
    done = ran(tmp_path, {"name": "first", "ref": {"name": "smoke"}}, arguments=(other,))
    assert (done.code, done.result.members[0].status.name) == (0, "smoke"), done.err


def test_a_run_without_load_is_judged_alone(tmp_path, shared_prometheus):
    """Its rules are asked in their own window, as `evaluate` asks them."""
    spec = Spec(GOOD, [rule("none", "vector(0)")]).document()["spec"]
    del spec["load"]
    done = ran(
        tmp_path,
        {"name": "rules", "spec": {**spec, "timeouts": {"runDuration": "6s"}}},
        arguments=("--prometheus", shared_prometheus.url),
    )
    assert (done.code, done.members["rules"]) == (1, ("Failed", "RuleFailed:none")), done.err
    assert read_result(done.folder / done.result.members[0].folder).document.mode == "evaluate"


def test_no_prometheus_is_an_error_of_the_run(tmp_path):
    done = ran(
        tmp_path, entry("first", GOOD, [rule("one", "vector(1)")]), arguments=("--prometheus", "http://127.0.0.1:9")
    )
    assert (done.code, done.members["first"]) == (2, ("Error", "PreflightFailed"))
    assert "Prometheus does not answer" in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_then_the_suite(tmp_path, number):
    """No process is left, the suite is Cancelled, and the runs after it are not started."""
    runs = [entry("first"), entry("second", shell("touch begun; sleep 60")), entry("third")]
    path = write(tmp_path, *runs, stopOnFailure=False)
    with started(path, tmp_path) as running:
        running.until_file("begun")
        running.signal(number)
        done = ended(running, tmp_path)
    assert (done.code, done.status.phase, done.status.verdict) == (2, "Cancelled", "Error")
    assert [outcome for outcome, _ in done.members.values()] == ["Passed", "Cancelled", "NotStarted"]
    assert call("report", done.folder).out.startswith("CANCELLED  suite gate")


def test_a_suite_that_is_killed_is_seen_by_the_history(tmp_path):
    """Else its first run would stand there green, and nobody would ask for the one that never began."""
    runs = [entry("first"), entry("second", shell("touch begun; sleep 60")), entry("third")]
    with started(write(tmp_path, *runs), tmp_path) as running:
        running.until_file("begun")
        running.signal(signal.SIGKILL)
        running.process.wait(30)
        running.end()
    (folder,) = (tmp_path / "results" / "eng-ada" / "gate").iterdir()
    assert (folder / "planned.txt").read_text() == "first\nsecond\nthird\n"
    told = call("report", "--history", tmp_path / "results", "-o", "text")
    assert "the suite was cut short; planned.txt names its runs" in told.out


def test_a_changed_folder_is_refused(tmp_path):
    """A file of the suite, the result of a run, a file of a run, a run that is missing: each is told."""
    done = ran(tmp_path, entry("first"), entry("second", BAD))
    second = done.folder / done.result.members[1].folder
    for path, words in (
        (done.folder / "report.md", "report.md is not what result.json lists"),
        (second / RESULT_JSON, "is not what result.json lists"),
        (second / "report.log", "run second: report.log is not what result.json lists"),
    ):
        before = path.read_bytes()
        path.write_bytes(before + b" ")
        assert words in refused(done.folder)
        path.unlink()
        assert "cannot read" in refused(done.folder)
        path.write_bytes(before)
    document = json.loads((done.folder / RESULT_JSON).read_text())
    for edit, words in (
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"files": {}}, "does not list the result.json of run first"),
        ({"mode": "x"}, "is not as it was written"),
        ({"mode": "argo"}, "is of a suite in a cluster"),
        ({"files": {**document["files"], "../x": {"sha256": "", "bytes": 0}}}, "outside of the folder"),
        ({"files": {**document["files"], "x\0": {"sha256": "", "bytes": 0}}}, r"names x\x00, which can be no file"),
        (
            {
                "files": {**document["files"], "\0/result.json": {"sha256": "", "bytes": 0}},
                "members": [{**one, "folder": "\0"} for one in document["members"]],
            },
            r"names \x00/result.json, which can be no file",
        ),
        ({"members": [{**one, "folder": ""} for one in document["members"]]}, "names no folder of it"),
        ({"members": []}, "has no results of it"),
        ({"status": {**document["status"], "verdict": "Passed", "phase": "Succeeded"}}, "says Passed, and that run second is Failed"),
    ):  # fmt: skip
        (done.folder / RESULT_JSON).write_text(json.dumps({**document, **edit}))
        assert words in refused(done.folder)
    (done.folder / RESULT_JSON).unlink()
    with pytest.raises(ResultsError, match="a run that was cut short leaves none"):
        read_suite_result(done.folder)


def refused(folder: pathlib.Path) -> str:
    done = call("report", folder)
    assert done.code == 2, done.out
    return str(done.err)


@pytest.mark.parametrize(
    ("fields", "arguments", "words"),
    [
        ({"parameters": {"image-workload": "x:1"}}, (), "image-workload, which a local run cannot have: no image is started without --docker"),
        ({}, ("--set", "duration=1s"), "--set does not apply to a suite"),
        ({"parameters": {"nonsense": "1"}}, (), "nothing was judged"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_here_is_refused_before_anything_begins(tmp_path, monkeypatch, fields, arguments, words):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, entry("first", shell("touch begun")), entry("second", **fields))
    done = call("run", "--local", path, *arguments)
    assert (done.code, words in done.err.splitlines()[-1]) == (2, True), done.err
    assert sorted(tmp_path.iterdir()) == [path]


def test_with_docker_each_run_has_its_own_image_and_the_suite_their_verdicts(tmp_path, fake_docker):
    """A matrix over `image-workload`, as a release gate has it; one of the images fails."""
    home, env = fake_docker
    (home / "images").write_text(f"{IMAGE} r.example.com/old:v1 r.example.com/new:v2\n")
    fails_if_new = shell(f"case $(tail -n 1 {home}/calls) in */ne[w]:v2*) exit 1;; esac")
    images = {"image-workload": ["r.example.com/old:v1", "r.example.com/new:v2"]}
    done = ran(tmp_path, entry("load", fails_if_new, matrix=images), arguments=["--docker"], env=env)
    assert (done.code, done.status.verdict, done.status.reason) == (1, "Failed", "MemberFailed:load-1"), done.err
    assert done.members == {"load-0": ("Passed", "RunSucceeded"), "load-1": ("Failed", "WorkloadFailed")}
    started_images = [next(word for word in call if ":v" in word) for call in calls(home) if call[0] == "run"]
    assert started_images == images["image-workload"]
    assert len([call for call in calls(home) if call[:2] == ["rm", "--force"]]) == 2


def test_an_image_of_the_chain_is_refused_because_no_chain_is_brought_up(tmp_path, monkeypatch):
    """The suite says that two images are tested, and it would be one chain for both."""
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, {"name": "first", "spec": full_run()["spec"], "matrix": {"image-rpc": ["a:1", "b:2"]}})
    done = call("run", "--local", path, "--rpc", "http://127.0.0.1:9")
    assert done.code == 2
    assert "image-rpc, which a local run cannot have: a local run brings no chain up" in done.err
    done = call("run", "--local", write(tmp_path, {"name": "first", "spec": full_run()["spec"]}))
    assert (done.code, "brings a chain up, which a local run does not: give --rpc" in done.err) == (2, True)
    assert sorted(tmp_path.iterdir()) == [path]


def test_which_of_several_is_run(tmp_path, monkeypatch):
    """The suite where there is one, not the runs that it starts; a run of it by its name."""
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, entry("first", BAD), more=[Spec(GOOD, name="alone").document()])
    several = call("run", "--local", path)
    assert (several.code, "holds several runs (gate, alone); --name chooses one" in several.err) == (2, True)
    assert call("run", "--local", path, "--name", "alone", "--settle", "0").code == 0
    assert call("run", "--local", path, "--name", "gate-first", "--settle", "0").code == 1
    assert call("run", "--local", path, "--name", "gate", "--settle", "0").code == 1
    assert "holds no run other; it holds gate, gate-first, alone" in call("run", "--local", path, "--name", "other").err
