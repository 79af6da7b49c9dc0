"""`submit`, `wait`, `status`: what they say without a cluster, and how a status is shown. With one: tests/e2e."""

import pathlib
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from cli_helpers import call as run
from emit_helpers import as_yaml, full_run
from record_kit import verdict_status
from validationrun.cli.run_options import StatusOutput, print_status
from validationrun.contract.chain_entries import DeploymentStatus
from validationrun.contract.load_entries import ShardStatus
from validationrun.contract.run_entry import RuleEntry
from validationrun.contract.status import rule_status
from validationrun.contract.status_document import ChainStatus, LoadStatus, Status
from validationrun.oracle.fold import RuleState

STATUS = replace(
    verdict_status("Failed", "RuleFailed:height", "rule height: 0, not > 0"),
    duration="612s",
    chain=ChainStatus(
        "nightly-0f8fad5b",
        rpc_endpoints=[],
        deployments=[
            DeploymentStatus("rpc", "fullNode", "nightly-0f8fad5b-rpc", phase="Ready"),
            DeploymentStatus("val", "validator", "nightly-0f8fad5b-val"),
        ],
    ),
    load=LoadStatus("nightly-x7k2p-0f8fad5b", None, None, [ShardStatus(0, exit_code=0), ShardStatus(1)]),
    rules=[
        rule_status(
            RuleEntry("height", "query", ">", "0"), RuleState("height", "Failed", "ThresholdViolated", "0, not > 0")
        ),
        rule_status(RuleEntry("x", "query", ">", "0"), RuleState("x", "Passed", message="1 > 0")),
    ],
)


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "run.yaml"
    path.write_bytes(as_yaml(full_run()))
    return path


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-such-file"))


def one_line(done: Any) -> str:
    """What was said: one line, no traceback, nothing on standard output."""
    assert done.out == ""
    assert "Traceback" not in done.err
    (line,) = [line for line in done.err.splitlines() if line.startswith("validationrun: ")]
    return str(line)


@pytest.mark.parametrize("arguments", [("wait", "nightly-x7k2p"), ("status", "nightly-x7k2p")])
@pytest.mark.usefixtures("nowhere")
def test_without_a_cluster_they_say_so(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert "no kubeconfig" in one_line(done)


@pytest.mark.usefixtures("nowhere")
def test_a_context_that_is_not_there(spec: pathlib.Path) -> None:
    done = run("submit", str(spec), "--context", "elsewhere")
    assert done.code == 2
    assert "kubeconfig" in one_line(done)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "duration"], "--set must be NAME=VALUE; got 'duration'"),
        (["--set", "=5m"], "--set must be NAME=VALUE; got '=5m'"),
        (["--set", "duration=5m", "--set", "duration=6m"], "--set duration is given twice"),
        (["--wait", "--timeout", "soon"], "--timeout must be a duration in hours, minutes"),
        (["--wait", "--timeout", "9999h"], "--timeout must be at most a year (8784h); got '9999h'"),
    ],
)
def test_wrong_options_of_submit(spec: pathlib.Path, arguments: list[str], words: str) -> None:
    done = run("submit", str(spec), *arguments)
    assert done.code == 2
    assert words in one_line(done)


@pytest.mark.parametrize("arguments", [["submit", "SPEC"], ["submit", "--from", "nightly"], ["rerun", "nightly-x7k2p"]])
@pytest.mark.usefixtures("nowhere")
def test_a_timeout_of_nothing_that_waits(spec: pathlib.Path, arguments: list[str]) -> None:
    done = run(*(str(spec) if each == "SPEC" else each for each in arguments), "--timeout", "2h")
    assert (done.code, one_line(done)) == (2, "validationrun: --timeout goes with --wait")


def test_a_bad_spec_is_no_verdict(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(as_yaml({**full_run(), "kind": "Nonsense"}))
    done = run("submit", str(path))
    assert done.code == 2
    assert "nothing was submitted" in one_line(done)


def test_submit_takes_one_run(tmp_path: pathlib.Path) -> None:
    other = {**full_run(), "metadata": {"name": "other", "namespace": "eng-ada"}}
    path = tmp_path / "run.yaml"
    path.write_bytes(as_yaml(full_run()) + b"\n---\n" + as_yaml(other))
    done = run("submit", str(path))
    assert done.code == 2
    assert "exactly one run" in one_line(done)
    assert "nightly, other" in one_line(done)


def test_a_status_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(STATUS, StatusOutput.TEXT)
    assert capsys.readouterr().out == (
        "nightly-x7k2p in eng-ada: Failed after 10m12s\n"
        "  reason   RuleFailed:height\n"
        "  message  rule height: 0, not > 0\n"
        "  chain    nightly-0f8fad5b (rpc, val)\n"
        "  load     nightly-x7k2p-0f8fad5b (shards ended 0, none)\n"
        "  rules    height  Failed   ThresholdViolated 0, not > 0\n"
        "           x       Passed   1 > 0\n"
    )


def test_a_chain_that_did_not_come_up_is_told_by_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(replace(STATUS, load=None), StatusOutput.TEXT)
    assert "  chain    nightly-0f8fad5b (rpc Ready, val gone)\n" in capsys.readouterr().out


def test_a_status_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(replace(STATUS, message="\x1b[2Jgone"), StatusOutput.TEXT)
    assert "\x1b" not in capsys.readouterr().out


def test_a_status_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(STATUS, StatusOutput.JSON)
    printed = capsys.readouterr().out
    assert Status.from_json(printed) == STATUS
    assert [line for line in printed.splitlines() if "s3Url" in line] == ['    "s3Url": null']
    print_status(STATUS, StatusOutput.YAML)
    assert yaml.safe_load(capsys.readouterr().out) == STATUS.to_data()
