"""`logs` of a suite: suite-member of each run with the name of that run, then suite-finalize; each line once."""

import pytest

from cli_helpers import call
from fake_api_server import FakeApiServer
from runner_helpers import NAMESPACE, PODS, START
from suites_kit import FAILED, NAME, PASSED, UID, put_member, put_suite
from validationrun.base.times import format_time
from validationrun.contract.owned_record import Identity

ARGO = 'time="2026-11-18T11:06:40Z" level=INFO msg="sub-process exited" argo=true error="<nil>"\n'


def pod(api: FakeApiServer, step: str, log: str, member: str = "", attempt: int = 0, uid: str = UID) -> None:
    """The pod of one of the suite's own steps, as Argo makes it."""
    name = f"{NAME}-{step}-{attempt}"
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"workflows.argoproj.io/workflow": NAME},
        "ownerReferences": [{**Identity(NAME, uid, NAMESPACE).owner()}],
        "creationTimestamp": format_time(START + attempt),
    }
    arguments = [step, *([f"--set=member={member}"] if member else [])]
    containers = [{"name": "wait", "args": []}, {"name": "main", "args": arguments}]
    api.cluster.put(PODS, {"metadata": metadata, "spec": {"containers": containers}})
    api.cluster.logs[(name, "main")] = log


@pytest.fixture
def suite(api: FakeApiServer) -> FakeApiServer:
    put_suite(api, phase="Failed", result=FAILED)
    pod(api, "suite-finalize", f"Failed: MemberFailed:second\n{ARGO}", attempt=9)
    pod(api, "suite-member", "follows run-second-abcde\n", member="second", attempt=3)
    pod(api, "suite-member", "created run-first-abcde\n", member="first", attempt=1)
    pod(api, "suite-member", "went on with run-first-abcde\n", member="first", attempt=2)
    return api


def lines(*arguments: str) -> list[str]:
    done = call("logs", NAME, "-n", NAMESPACE, *arguments)
    assert done.code == 0, done.err
    return list(done.out.splitlines())


def test_each_line_names_the_step_and_its_run(suite: FakeApiServer) -> None:
    """A lost pod's first attempt comes first, and Argo's own lines are left out."""
    del suite
    assert lines() == [
        "[suite-member first] created run-first-abcde",
        "[suite-member first] went on with run-first-abcde",
        "[suite-member second] follows run-second-abcde",
        "[suite-finalize] Failed: MemberFailed:second",
    ]


def test_the_pods_of_its_runs_are_theirs(suite: FakeApiServer) -> None:
    """`logs` of the run shows them; another suite of this name before has its own, too."""
    put_member(suite, "first")
    pod(suite, "suite-member", "of the suite before\n", member="first", attempt=7, uid="another-uid")
    assert not [line for line in lines() if "of the suite before" in line]
    assert (
        "no pod of any step of run run-first-abcde is there yet" in call("logs", "run-first-abcde", "-n", NAMESPACE).err
    )


def test_follow_ends_with_the_suite(suite: FakeApiServer) -> None:
    del suite
    assert lines("-f")[-1] == "[suite-finalize] Failed: MemberFailed:second"


def test_a_suite_that_passed_has_no_pods_left(api: FakeApiServer) -> None:
    put_suite(api, phase="Succeeded", result=PASSED)
    done = call("logs", NAME, "-n", NAMESPACE)
    assert (done.code, "its pods are gone, which Argo removes when a run succeeds" in done.err) == (2, True)


def test_hostile_lines_stay_text(api: FakeApiServer) -> None:
    put_suite(api)
    pod(api, "suite-member", "\x1b[31mred\n", member="\x1b[2J")
    (line,) = lines()
    assert "\x1b" not in line
    assert "red" in line


def test_a_step_of_runs_is_none_of_a_suite(suite: FakeApiServer) -> None:
    del suite
    done = call("logs", NAME, "-n", NAMESPACE, "--step", "finalize")
    assert (done.code, f"no pod of finalize of run {NAME} is there" in done.err) == (2, True)
