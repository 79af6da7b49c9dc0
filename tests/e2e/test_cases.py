"""
Whole runs on a real cluster, from spec to verdict. What each must come to stands in cases.yaml.

Each case has a namespace and a stand-in operator of its own, so that they can run side by side.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e.checks import check_outcome
from tests.e2e.running import CASES, prepare, run_operator, run_to_its_end
from tests.e2e.world import World

TABLE: Final = [case for case in CASES.values() if "script" not in case]


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(request.node.callspec.id) as opened, run_operator(opened):
        yield opened


@pytest.mark.parametrize("case", TABLE, ids=[case["name"] for case in TABLE])
def test_case(case: dict[str, Any], world: World, tmp_path: Path) -> None:
    prepared = prepare(world, tmp_path, case["spec"], options=case.get("options", ()), setup=case.get("setup", ()))
    outcome = run_to_its_end(world, prepared, case.get("faults", ()))
    check_outcome(world, case["expect"], outcome)
