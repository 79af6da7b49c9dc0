"""What a step imports before its first line of work; decision 30 has the figures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

STEPS: Final = (
    "ensure_chain",
    "wait_chain_ready",
    "load_job",
    "rule_evaluator",
    "finalize",
    "suite_member",
    "suite_finalize",
)
MAY_BE_DATACLASSES: Final = {"Decision"}
"""Its `exchange` is left out of a comparison, which a struct cannot do."""

_LIST: Final = """
import dataclasses, importlib, json, sys
importlib.import_module("validationrun.steps.main")
importlib.import_module("validationrun.steps." + sys.argv[1])
ours = [module for name, module in sys.modules.items() if name.startswith("validationrun.")]
found = {value.__name__ for module in ours for value in vars(module).values()
         if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__.startswith("validationrun.")}
print(json.dumps({"dataclasses": sorted(found), "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module", params=STEPS)
def imported(request: pytest.FixtureRequest) -> tuple[str, dict[str, list[str]]]:
    shown = subprocess.run([sys.executable, "-c", _LIST, request.param], check=True, capture_output=True, text=True)
    return request.param, json.loads(shown.stdout)


def test_a_step_defines_no_dataclass(imported: tuple[str, dict[str, list[str]]]) -> None:
    assert set(imported[1]["dataclasses"]) <= MAY_BE_DATACLASSES


def test_only_the_step_that_reads_rules_loads_the_models_of_a_spec(imported: tuple[str, dict[str, list[str]]]) -> None:
    step, found = imported
    assert ("pydantic" in found["modules"]) == (step == "rule_evaluator")


def test_every_step_is_known() -> None:
    main = Path(__file__).parents[2].joinpath("compiler/validationrun/steps/main.py").read_text("utf-8")
    imports = {line.split()[1].rpartition(".")[2] for line in main.splitlines() if line.startswith("    from ")}
    assert imports == set(STEPS)
