"""The table of the end-to-end tests, as far as it can be judged without a cluster."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.apis import with_twins
from tests.e2e.running import BASE, CASES
from tests.e2e.setups import SETUPS
from tests.e2e.world import merge

from emit_helpers import compiled

MOST_OF_A_NAMESPACE = 63
TWINS = [
    name
    for name, case in CASES.items()
    if (case.get("spec", {}).get("spec") or {}).get("chain", {}).get("api") == "SeiNetwork"
]
OF_BOTH = [name for name, case in CASES.items() if "apis" in case]


def run_of(name: str) -> dict[str, Any]:
    made = merge(merge(BASE, {"metadata": {"namespace": "eng-ada"}}), CASES[name]["spec"])
    run: dict[str, Any] = yaml.safe_load(yaml.safe_dump(made).replace("NAMESPACE", "eng-ada"))
    return run


def test_a_case_of_both_apis_has_a_twin_behind_it() -> None:
    assert len(OF_BOTH) > 5
    names = list(CASES)
    for name in OF_BOTH:
        assert names[names.index(name) + 1] == f"{name}-seinetwork"
    case = {"name": "a", "apis": ["SeiNetwork"], "spec": {}, "expect": {}}
    with pytest.raises(AssertionError, match="a-seinetwork"):
        with_twins([case, {**case, "name": "a-seinetwork", "apis": []}], BASE)


def test_a_twin_differs_by_the_api_and_its_chain_id_alone() -> None:
    ours, twin = (CASES[f"chain-id-in-use{suffix}"] for suffix in ("", "-seinetwork"))
    assert twin["options"] == ["--set", "chain-id=taken-net"]
    assert twin["setup"] == [{"do": "foreign-chain", "name": "taken-net-val", "api": "SeiNetwork"}]
    assert twin["expect"]["message"] == "taken-net-val"
    assert twin["expect"]["red"] == {"ensure-chain": "ChainIdInUse: SeiNetwork taken-net-val "}
    assert twin["expect"] | {"red": None, "message": None} == ours["expect"] | {"red": None, "message": None}
    assert "lines" not in CASES["never-serves-seinetwork"]
    assert CASES["never-serves"]["lines"] == ["4", "3.7"]


def test_chains_of_one_id_are_never_there_at_once() -> None:
    """The rules of the cases tell chains apart by their id alone, also those of other namespaces."""
    given = [option for case in CASES.values() for option in case.get("options", ()) if option.startswith("chain-id=")]
    for script in (Path(__file__).parents[1] / "e2e").glob("test_*.py"):
        given += re.findall('"(chain-id=[^"{]+)"', script.read_text())
    assert len(given) > 5
    assert len(given) == len(set(given))


@pytest.mark.parametrize("name", TWINS)
def test_a_case_of_seinetwork_compiles(name: str) -> None:
    run = run_of(name)
    assert run["spec"]["chain"]["api"] == "SeiNetwork"
    assert compiled(run).documents("workflowtemplate.yaml")


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_a_namespace_and_its_set_up_exists(name: str) -> None:
    assert len(f"e2e-{name}-0000") <= MOST_OF_A_NAMESPACE
    assert {step["do"] for step in CASES[name].get("setup", ())} <= SETUPS.keys()
