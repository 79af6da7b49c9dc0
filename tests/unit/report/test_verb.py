"""`validationrun report`."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from cli_helpers import call, run

PROGRAM = pathlib.Path(sys.executable).with_name("validationrun")


@pytest.fixture
def folder(world, tmp_path):
    """A sealed folder that a test may spoil."""
    return shutil.copytree(world("stopped").folder, tmp_path / "results")


@pytest.mark.parametrize(
    ("form", "file"), [("html", "report.html"), ("junit", "report.junit.xml"), ("markdown", "report.md")]
)
def test_each_form_is_the_file_that_the_run_left(folder, form, file):
    result = call("report", folder, "-o", form)
    assert (result.code, result.err) == (0, "")
    assert result.out == (folder / file).read_text("utf-8")


def test_json_is_the_status(folder):
    result = call("report", folder, "-o", "json")
    assert json.loads(result.out) == json.loads((folder / "result.json").read_text("utf-8"))["status"]


def test_without_a_form_the_terminal_gets_verdict_rules_and_what_happened(folder):
    """The exit code says that the report was made; the verdict is Failed."""
    result = call("report", folder)
    assert result.code == 0
    assert result.out.startswith("FAILED  nightly  RuleStopOnFailure:height-advances\n")
    assert (folder / "report.log").read_text("utf-8") in result.out


def test_a_report_can_be_written_to_a_file(folder, tmp_path):
    target = tmp_path / "nightly.html"
    target.write_text("an older one")
    result = call("report", folder, "-o", "html", "--output-file", target)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert target.read_bytes() == (folder / "report.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nightly.html", "results"]


def test_what_is_no_file_is_written_to_and_not_replaced(folder):
    result = run("report", folder, "-o", "markdown", "--output-file", "/dev/stdout")
    assert result.code == 0
    assert result.out == (folder / "report.md").read_text("utf-8")


def test_standard_output_that_is_a_file_stays_what_it_is(folder, tmp_path):
    """/dev/stdout is a link to that file."""
    target = tmp_path / "out.md"
    with target.open("wb") as stream:
        command = [PROGRAM, "report", folder, "-o", "markdown", "--output-file", "/dev/stdout"]
        subprocess.run(command, stdout=stream, check=True, timeout=60)
    assert target.read_text("utf-8") == (folder / "report.md").read_text("utf-8")
    assert pathlib.Path("/dev/stdout").is_symlink()


def test_a_report_is_not_written_through_a_link(folder, tmp_path):
    """Whoever may write into the folder could make it overwrite any file of the user."""
    target, link = tmp_path / "mine", tmp_path / "nightly.html"
    target.write_text("mine")
    link.symlink_to(target)
    result = call("report", folder, "-o", "html", "--output-file", link)
    assert (result.code, target.read_text()) == (2, "mine")
    assert "is a link: name the file itself, or remove the link" in result.err


def test_a_report_can_be_written_into_a_linked_folder(folder, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "reports").symlink_to(tmp_path / "disk")
    assert call("report", folder, "-o", "html", "--output-file", tmp_path / "reports/nightly.html").code == 0
    assert (tmp_path / "disk/nightly.html").read_bytes() == (folder / "report.html").read_bytes()


@pytest.mark.parametrize("verb", ["report", "replay"])
@pytest.mark.parametrize("name", ["result.json", "rules/height-advances.jsonl", "report.html"])
def test_a_fifo_in_place_of_a_file_is_refused_at_once(folder, verb, name):
    """Opening a FIFO waits until somebody writes."""
    (folder / name).unlink()
    os.mkfifo(folder / name)
    done = subprocess.run([PROGRAM, verb, folder], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "it is no regular file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_sealed_folder_is_not_written_into(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = call("report", folder, "-o", "json", "--output-file", folder / "report.html")
    assert result.code == 2
    assert "whose files are sealed: write it elsewhere" in result.err
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_that_cannot_be_written_is_said_in_one_line(folder, tmp_path):
    result = call("report", folder, "--output-file", tmp_path / "missing" / "x.txt")
    assert result.code == 2
    assert result.err.startswith("validationrun: cannot write ")
    assert result.err.count("\n") == 1


def spoil_cut(folder):
    path = folder / "rules" / "p99-latency.jsonl"
    path.write_bytes(path.read_bytes()[:-40])


def spoil_missing(folder):
    (folder / "rules" / "p99-latency.jsonl").unlink()


def spoil_no_result(folder):
    (folder / "result.json").unlink()


def spoil_half_result(folder):
    path = folder / "result.json"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil_page(folder):
    (folder / "report.html").write_text("<h1>Passed</h1>")


def spoil_verdict(folder):
    path = folder / "result.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"verdict": "Failed",', '"verdict": "Passed",', 1), "utf-8")


def spoil_folder(folder):
    shutil.rmtree(folder)
    folder.touch()


def spoil_phase_too(folder):
    spoil_verdict(folder)
    path = folder / "result.json"
    text = path.read_text("utf-8")
    path.write_text(text.replace('"phase": "Failed",', '"phase": "Succeeded",', 1), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_cut, "p99-latency.jsonl is not what result.json lists"),
        (spoil_missing, "cannot read rules/p99-latency.jsonl"),
        (spoil_no_result, "a run that was cut short leaves none"),
        (spoil_half_result, "is not JSON"),
        (spoil_page, "report.html is not what result.json lists"),
        (spoil_verdict, "which do not go together"),
        (spoil_phase_too, "says Passed, and that rule height-advances is Failed"),
        (shutil.rmtree, "there is no folder"),
        (spoil_folder, "is no folder"),
    ],
)
@pytest.mark.parametrize("form", ["text", "junit", "json"])
def test_a_folder_that_cannot_be_trusted_is_refused_in_one_line(folder, spoil, words, form):
    spoil(folder)
    result = call("report", folder, "-o", form)
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert result.err.startswith("validationrun: ")
    assert result.err.count("\n") == 1


STRANGE = [None, True, -1, "x", [], ["x"], {}, {"a": None}]


@pytest.mark.parametrize("key", ["status", "window", "rules", "states", "files", "clock", "kind", "format", "notes"])
def test_a_document_that_is_nothing_like_ours_is_refused_in_one_line(folder, key):
    """`result.json` is the only file without a hash: anything may stand there."""
    path = folder / "result.json"
    document = json.loads(path.read_text("utf-8"))
    for strange in STRANGE:
        path.write_text(json.dumps({**document, key: strange}), "utf-8")
        result = call("report", folder, "-o", "junit")
        assert "Traceback" not in result.err
        assert (result.code, result.err.count("\n")) in ((2, 1), (0, 0))
        # There may be no notes, there may have been no comparison of clocks, and to Python True is 1.
        harmless = strange in ([], ["x"]) if key == "notes" else strange in ([], True)
        assert result.code == 2 or harmless


def test_the_help_has_examples_and_the_exit_codes():
    result = call("report", "--help")
    assert "validationrun report DIR -o markdown" in result.out
    assert "2 for a folder that can't be trusted" in result.out
