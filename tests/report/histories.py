"""
Folders full of results folders, for the history page: whole ones, as runs left them, and some that cannot be believed.

    make_history(folder, made, count=500)
"""

import json
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.report.worlds import WORLDS

from simulation import START
from validationrun.base.times import format_time
from validationrun.contract.status_document import Status
from validationrun.contract.suite_record import SuiteMemberStatus, SuiteStatus
from validationrun.contract.suite_result import MemberResult, SuiteResult
from validationrun.oracle.outcome import Phase
from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite
from validationrun.results.folder import RESULT_JSON, read_document
from validationrun.results.suite_folder import seal_suite

DAY: Final = 86_400.0
NAMESPACE: Final = "eng-ada"
JOB: Final = "evm_transfer"
KINDS: Final = ("passed", "stopped", "error", "alert-fired", "interrupted")


def digest(number: int) -> str:
    """An image as a kubelet reports it."""
    return f"registry.example.com/sei/seid@sha256:{number:02x}{'5e1d0c' * 10}{'ab'}"


def change(folder: pathlib.Path, **status: Any) -> None:
    """Changes the status in `result.json`, which no hash covers."""
    path = folder / RESULT_JSON
    document = json.loads(path.read_text())
    document["status"] |= status
    path.write_text(json.dumps(document))


def run_id(number: int) -> str:
    return f"nightly-{number:05}"


def place(root: pathlib.Path, number: int) -> pathlib.Path:
    """Where a run's results lie, as in a bucket."""
    return root / NAMESPACE / JOB / run_id(number)


def add_run(root: pathlib.Path, kind: pathlib.Path, number: int, *, every: float = DAY) -> pathlib.Path:
    """
    A copy of a run that began another time, with other images.

    Args:
        kind: the results folder of which it is a copy.
    """
    folder = place(root, number)
    shutil.copytree(kind, folder)
    began = START + number * every
    deployment = {
        "name": "rpc",
        "role": "fullNode",
        "objectName": "chain-rpc",
        "phase": "Running",
        "image": "registry.example.com/sei/seid:main",
        "imageID": digest(number // 40),
        "imageIDs": [],
        "failures": [],
    }
    chain = {"chainId": "nightly-0f8fad5b", "rpcEndpoints": [], "deployments": [deployment]}
    change(
        folder, runId=run_id(number), startTime=format_time(began), completionTime=format_time(began + 700), chain=chain
    )
    return folder


def add_suite(
    root: pathlib.Path, members: Mapping[str, pathlib.Path | Outcome], number: int, *, one_run: bool = False
) -> pathlib.Path:
    """
    A suite that `run --local` left, whose members began one after the other.

    Args:
        members: by name a results folder, of which the member is a copy, or how a member ended that left none.
        one_run: all members start the ValidationRun `nightly`; else each its own, named as the member.
    """
    began, run_id_ = START + number * DAY, f"release-{number:05}"
    folder = root / NAMESPACE / "release" / run_id_
    said, own = [], []
    for index, (name, how) in enumerate(members.items()):
        run = "nightly" if one_run else name
        if isinstance(how, Outcome):
            words = "not started, because run a ended as Failed" if how == Outcome.NOT_STARTED else "no chain"
            said.append(SuiteMemberStatus(name=name, run=run, outcome=how, reason="Why", message=words))
            own.append(MemberResult(name=name, rules=["height"], load=True))
            continue
        status = add_member(folder, name, run, how, began + 1 + index)
        outcome = Outcome.CANCELLED if status.phase == Phase.CANCELLED else Outcome(status.verdict)
        said.append(
            SuiteMemberStatus(name=name, run=run, workflow=status.run_id, outcome=outcome, started_at=status.start_time)
        )
        rules = [rule.name for rule in status.rules]
        own.append(MemberResult(name=name, status=status, rules=rules, load=True, folder=f"{name}/{status.run_id}"))
    ends = [MemberEnd(each.name, each.outcome or Outcome.UNKNOWN) for each in said]
    judged = judge_suite(SuiteFacts(False, list(members), ends))
    suite = SuiteStatus(
        name="release", namespace=NAMESPACE, run_id=run_id_, phase=judged.phase, verdict=judged.verdict,
        reason=judged.reason, message=judged.message, start_time=format_time(began),
        completion_time=format_time(began + 2000), planned=len(said),
        passed=sum(each.outcome == Outcome.PASSED for each in said), members=said,
    )  # fmt: skip
    seal_suite(folder, SuiteResult(mode="run", status=suite, members=own))
    return folder


def add_member(suite: pathlib.Path, name: str, run: str, kind: pathlib.Path, began: float) -> Status:
    """The status of a copy of `kind` below a suite's folder."""
    run_id_ = f"{run}-{round(began)}"
    folder = suite / name / run_id_
    shutil.copytree(kind, folder)
    change(folder, name=run, namespace=NAMESPACE, runId=run_id_, startTime=format_time(began))
    return read_document(folder).status


def kinds(folder: pathlib.Path, names: Sequence[str] = KINDS) -> dict[str, pathlib.Path]:
    """A results folder of each kind."""
    return {name: WORLDS[name](folder / name).folder for name in names}


def make_history(root: pathlib.Path, made: dict[str, pathlib.Path], count: int) -> pathlib.Path:
    """Mostly nights that passed; each bad kind now and then."""
    for number in range(count):
        bad = {13: "stopped", 29: "error", 41: "alert-fired", 53: "interrupted"}
        kind = next((name for period, name in bad.items() if number % period == period - 1), "passed")
        add_run(root, made[kind], number)
    return root
