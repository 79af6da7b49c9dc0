"""
The cases that must hold on the older line of Argo too: `lines: [..., "3.7"]` in cases.yaml.

Its controller and its executor run beside the newer ones, on the newer one's definitions; docs/decisions/0015 says why.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster import objects, parts
from tests.cluster.controllers import Controller, older_controller
from tests.e2e.checks import check_outcome
from tests.e2e.running import CASES, prepare, run_operator, run_to_its_end
from tests.e2e.world import World

pytestmark = pytest.mark.installation

LINE: Final = "3.7"
TABLE: Final = [case for case in CASES.values() if LINE in case.get("lines", ()) and "script" not in case]

LACKING: Final = {"mutex", "semaphore", "schedule", "memoize"}
"""Fields of a spec that the newer definitions lack, or describe otherwise. No template of ours has one."""


@pytest.fixture(scope="session")
def older_argo() -> Iterator[Controller]:
    with older_controller() as controller:
        yield controller


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World.open(f"older-{request.node.callspec.id}"[:40].strip("-")) as opened, run_operator(opened):
        yield opened


@pytest.mark.parametrize("case", TABLE, ids=[case["name"] for case in TABLE])
def test_case(case: dict[str, Any], older_argo: Controller, world: World, tmp_path: Path) -> None:
    options = [*case.get("options", ()), "--instance-id", older_argo.instance]
    prepared = prepare(world, tmp_path, case["spec"], options=options, setup=case.get("setup", ()))
    outcome = run_to_its_end(world, prepared, case.get("faults", ()))
    check_outcome(world, case["expect"], outcome)


def test_the_newer_definitions_hold_what_the_older_controller_writes() -> None:
    """Else the API server would drop it in silence, and a run on this cluster would not be one of the older line."""
    newer, older = (_fields(built.argo_crds) for built in (parts.build(), parts.build_older_argo()))
    assert older
    lacking = {path for path in older - newer if not LACKING.intersection(path)}
    assert not lacking


def _fields(folder: Path) -> set[tuple[str, ...]]:
    """The path of each field of each kind. Below a stored spec none: there the newer definitions take everything."""
    found: set[tuple[str, ...]] = set()

    def walk(schema: dict[str, Any], path: tuple[str, ...]) -> None:
        found.add(path)
        for name, inner in schema.get("properties", {}).items():
            if name not in ("storedTemplates", "storedWorkflowTemplateSpec"):
                walk(inner, (*path, name))
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                walk(schema[key], path)

    for file in sorted(folder.glob("argoproj*.yaml")):
        for definition in objects.load_all(file):
            for version in definition["spec"]["versions"]:
                walk(version["schema"]["openAPIV3Schema"], (definition["spec"]["names"]["kind"], version["name"]))
    return found
