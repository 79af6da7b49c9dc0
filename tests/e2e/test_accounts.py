"""A workload that would run as the steps' account: refused by lint, and by the preflight where nobody linted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.checks import check_outcome
from tests.e2e.running import CASES, Prepared, prepare, run_operator, wait_to_its_end
from tests.e2e.world import World

from validationrun.compiling import check
from validationrun.compiling.check import accounts
from validationrun.compiling.emit.options import EmitOptions
from validationrun.compiling.pipeline import compile_all
from validationrun.kube.cluster import WORKFLOWS
from validationrun.runs.submit import submit


@pytest.fixture
def world() -> Iterator[World]:
    with World.open("steps-account") as opened, run_operator(opened):
        yield opened


def test_workload_as_the_steps_account(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(world, tmp_path)
    text = prepared.spec.read_text()
    shared = text.replace(
        "name: chain_load", f"name: chain_load\n      serviceAccountName: {world.namespace}-validation"
    )
    assert shared != text
    prepared.spec.write_text(shared)

    refused = world.run("submit", str(prepared.spec))
    assert refused.returncode == 2
    assert "VR410" in refused.stderr
    assert world.cluster.list(WORKFLOWS) == []

    name = _submitted_without_lint(world, prepared, monkeypatch)
    outcome = wait_to_its_end(world, prepared, name)
    check_outcome(world, CASES["workload-as-steps-account"]["expect"], outcome)


def _submitted_without_lint(world: World, prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(check, "CHECKS", [one for one in check.CHECKS if one not in accounts.CHECKS])
    result = compile_all([("run.yaml", prepared.spec.read_bytes())], EmitOptions())
    assert result.ok, result.diagnostics
    return submit(world.cluster, result.runs[0], {})
