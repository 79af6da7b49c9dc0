"""`.ci/run`, the workflows of the forge and the check before a release."""

import os
import re
import shutil
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.house.source import ROOT
from tests.house.test_docs import TARGETS

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAKE = """#!/bin/sh
if [ "$1" = cluster-build ]; then
  echo $$ > "$MADE.building"
  exec sleep 600
fi
# A lane lasts until what is built beside it has begun.
[ "$1" = check ] || while [ ! -s "$MADE.building" ]; do sleep 0.01; done
echo "$1" >> "$MADE"
case " $FAILING " in *" $1 "*) exit 2;; esac
"""


def run_lanes(tmp_path: Path, failing: str) -> tuple[int, list[str], list[tuple[str, str]]]:
    """
    `.ci/run` with a `make` that fails for the lanes given: its exit code, what was made, and its table.

    The programs of the cluster are never built to an end: nothing may wait for them, and nothing of them may be left.
    """
    program = tmp_path / "make"
    program.write_text(MAKE)
    program.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "FAILING": failing, "MADE": str(tmp_path / "made")}
    done = subprocess.run([ROOT / ".ci" / "run"], env=env, capture_output=True, text=True, check=False)
    rows = re.findall(r"^([\w-]+) +\d+ s  (\w+)$", done.stdout, re.MULTILINE)
    building = int((tmp_path / "made.building").read_text())
    until = time.monotonic() + 10
    while is_alive(building) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(building)
    return done.returncode, (tmp_path / "made").read_text().split(), rows


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


LANES = ["check", "test", "bench-short", "argo-lint-all", "e2e"]


def test_all_lanes_run_and_stand_in_the_table(tmp_path: Path) -> None:
    code, made, rows = run_lanes(tmp_path, "")
    assert (code, made) == (0, [*LANES, "cluster-down"])
    assert rows == [(lane, "ok") for lane in made]
    assert set(made) <= TARGETS


def test_the_first_lane_that_fails_ends_the_run(tmp_path: Path) -> None:
    code, made, rows = run_lanes(tmp_path, "test")
    assert (code, made) == (2, ["check", "test"])
    assert rows == [("check", "ok"), ("test", "FAILED")]


@pytest.mark.parametrize("failing", ["e2e", "cluster-down", "e2e cluster-down"])
def test_the_cluster_goes_whatever_the_runs_came_to(tmp_path: Path, failing: str) -> None:
    code, made, rows = run_lanes(tmp_path, failing)
    assert (code, made) == (2, [*LANES, "cluster-down"])
    assert [lane for lane, result in rows if result == "FAILED"] == failing.split()


def read(workflow: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    document = yaml.safe_load(workflow.read_text("utf-8"))
    assert set(document) == {"name", True, "permissions", "jobs"} | (set(document) & {"concurrency"})
    return document


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_pinned_bounded_and_may_only_read(workflow: Path) -> None:
    document = read(workflow)
    assert document["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in document["jobs"].values())
    uses = re.findall(r"uses: (.*)", workflow.read_text("utf-8"))
    assert [line for line in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_makes_only_targets_that_there_are(workflow: Path) -> None:
    made = re.findall(r"\bmake ([\w.-]+)", workflow.read_text("utf-8"))
    assert made
    assert set(made) <= TARGETS


def test_the_fast_lane_runs_on_each_python_that_we_support() -> None:
    (job,) = read(ROOT / ".github" / "workflows" / "check.yml")["jobs"].values()
    named = [line.removeprefix("Programming Language :: Python :: ") for line in PROJECT["classifiers"]]
    assert job["strategy"]["matrix"]["python"] == [version for version in named if re.fullmatch(r"3\.\d+", version)]
    assert job["timeout-minutes"] == 10
    assert PROJECT["requires-python"] == f">={job['strategy']['matrix']['python'][0]}"


@pytest.mark.parametrize(
    ("tag", "heading", "code"),
    [
        ("v1.2.3", "## [1.2.3] - 2026-01-31", 0),
        ("v1.2.4", "## [1.2.3] - 2026-01-31", 1),
        ("v1.2.3", "## [1.2.30] - 2026-01-31", 1),
        ("v1.2.3", "## [1.2.3]", 1),
    ],
)
def test_a_release_needs_tag_version_and_changelog_to_agree(tmp_path: Path, tag: str, heading: str, code: int) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts" / "check-release.sh", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "validationrun"\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [Unreleased]\n\n{heading}\n")
    assert subprocess.run([script, tag], capture_output=True, check=False).returncode == code
