"""`-v` and `-q`: every verb has them; results are on standard output with either."""

import json
import os
import re

import pytest

from cli_helpers import ROOT, call, run
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE
from runs_kit import under_load
from validationrun.cli import VERBS

NIGHTLY = ROOT / "examples/nightly.yaml"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_both(verb: str) -> None:
    text = call(verb, "--help").out
    assert "-q, --quiet" in text
    assert "-v, --verbose" in text


def test_quiet_leaves_out_notes_and_keeps_results(tmp_path) -> None:
    loud, quiet = (call("compile", NIGHTLY, "-o", tmp_path / name, *more) for name, more in (("a", ()), ("b", ("-q",))))
    assert loud.err == f"1 run compiled to {tmp_path}/a: 6 files changed\n"
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out.replace(f"{tmp_path}/a", f"{tmp_path}/b")


def test_quiet_keeps_findings_and_errors(tmp_path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(NIGHTLY.read_text().replace("replicas: 4", "replicas: four"))
    done = call("compile", bad, "-o", tmp_path / "out", "-q")
    assert done.code == 1
    assert "error[VR204]" in done.err
    assert call("lint", tmp_path / "none.yaml", "-q").err.startswith("validationrun: cannot read")


def test_verbose_names_each_request_and_no_credential(api: FakeApiServer) -> None:
    under_load(api)
    done = call("status", "nightly-x7k2p", "-n", NAMESPACE, "-o", "json", "-v")
    assert json.loads(done.out)["runId"] == "nightly-x7k2p"
    requests = [
        line for line in done.err.splitlines() if re.fullmatch(r"\d\d:\d\d:\d\d GET http\S+: \d+ in \d+ms", line)
    ]
    assert any("/workflows/nightly-x7k2p" in line for line in requests)
    assert len(requests) == len(done.err.splitlines())
    assert "earer" not in done.err
    assert call("status", "nightly-x7k2p", "-n", NAMESPACE, "-o", "json").err == ""


def test_quiet_and_verbose_exclude_each_other() -> None:
    done = call("lint", NIGHTLY, "-q", "-v")
    assert (done.code, done.out, done.err) == (2, "", "validationrun: -q and -v exclude each other\n")


def test_a_note_is_no_terminals_master(tmp_path) -> None:
    out = tmp_path / "\x1b[2J"
    assert "\x1b" not in call("compile", NIGHTLY, "-o", out).err


def test_nobody_to_read_the_notes_is_no_reason_to_fail(tmp_path) -> None:
    assert run("lint", NIGHTLY, preexec_fn=lambda: os.close(2)).code == 0
