"""`docs/results.md` names every field that a results folder has."""

import json
import pathlib
import re

import pytest

from helpers import ROOT
from validationrun.oracle.decision import Decision
from validationrun.oracle.evidence import Encoder
from validationrun.oracle.exchange import DefinedAlert, Exchange, Fault, Reply

PAGE = (ROOT / "docs" / "results.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def named(section: str) -> set[str]:
    return set(re.findall(r'[`"]([A-Za-z_0-9]+)(?:\[\])?[`"]', SECTIONS[section]))


def test_every_field_of_result_json_is_described(world):
    document = json.loads((world("small").folder / "result.json").read_text("utf-8"))
    keys = set(document) | set(document["window"]) | set(document["clock"][0]) | set(document["prometheus"])
    keys |= set(document["workload"]) | set(document["rules"][0]) | set(document["states"][0])
    places = json.loads((world("passed").folder / "result.json").read_text("utf-8"))["rules"][0]["places"]
    keys |= set(places[0]) | set(next(iter(document["files"].values())))
    assert keys - named("result.json") == set()


def test_every_field_of_a_summary_is_described(world):
    summary = json.loads((world("small").folder / "rules" / "p99.json").read_text("utf-8"))
    assert set(summary) - named("rules/&lt;rule&gt;.json") == set()


def test_every_field_of_a_line_of_evidence_is_described():
    """A line with everything that a line can have."""
    fault, plain = Fault("Timeout", "no answer"), Reply(200, b"{}", None)
    warned = Reply(200, json.dumps({"warnings": ["partial"]}).encode(), fault)
    exchange = Exchange(
        "r",
        1.0,
        True,
        2.0,
        3.0,
        "q",
        warned,
        fault,
        (DefinedAlert("g", 1.0),),
        others={"proof": plain, "opening": plain},
        why="why",
    )
    line = json.loads(Encoder().decision(Decision("r", 1.0, "Error", "x", "y", exchange=exchange), counted=True))
    assert len(line) == 19
    assert set(line) - named("rules/&lt;rule&gt;.jsonl") == set()


@pytest.mark.parametrize("name", ["passed", "small"])
def test_every_file_of_a_folder_is_described(world, name):
    folder = world(name).folder
    for path in folder.rglob("*"):
        if path.is_file():
            shown = path.relative_to(folder)
            generic = pathlib.PurePath("rules", f"<rule>{path.suffix}") if shown.parts[0] == "rules" else shown
            assert f"`{generic}`" in PAGE, shown
