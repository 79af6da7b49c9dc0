"""
Folders full of results folders, for the history page: whole ones, as runs left them, and some that cannot be believed.

    make_history(folder, count=500)
"""

import json
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any, Final

from tests.report.worlds import WORLDS

from simulation import START
from validationrun.base.times import format_time
from validationrun.results.folder import RESULT_JSON

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
