"""
The shipped starters in bad worlds and in good ones: a bad world never passes, and a good one never fails.

A world is a file in bad/ or good/. `pytest tests/worlds` prints the table of all.
"""

import itertools
import re

import pytest
from tests.relatives.differences import documented_differences
from tests.worlds.play import play
from tests.worlds.starter import starter
from tests.worlds.world import HERE, files, system, world


def _row(kind, name, servers, record_property):
    """By starter, what its run came to in the world."""
    here = world(HERE / kind / f"{name}.yaml")
    row = {one: play(system(), here, starter(one), servers) for one in here.starters}
    record_property("world", {"kind": kind, "name": name, "row": {one: played.cell for one, played in row.items()}})
    return row


@pytest.mark.parametrize("name", [path.stem for path in files("bad")])
def test_a_bad_world_passes_no_starter(name, servers, record_property):
    row = _row("bad", name, servers, record_property)
    passed = {one: played.cell for one, played in row.items() if played.verdict.verdict == "Passed"}
    assert passed == {}, f"{name} passes"
    because = set(world(HERE / "bad" / f"{name}.yaml").because)
    otherwise = {one: played.cell for one, played in row.items() if not because & played.reasons}
    assert otherwise == {}, f"{name} does not pass, and the reason is none of {sorted(because)}"


@pytest.mark.parametrize("name", [path.stem for path in files("good")])
def test_a_good_world_passes_every_starter(name, servers, record_property):
    row = _row("good", name, servers, record_property)
    not_passed = {one: played for one, played in row.items() if played.verdict.verdict != "Passed"}
    different = [one for one in documented_differences() if one["world"] == name]
    assert sorted(not_passed) == sorted(starter for one in different for starter in one["starters"]), {
        starter: played.cell for starter, played in not_passed.items()
    }
    assert all(one["reason"] in played.reasons for one in different for played in not_passed.values())


def test_there_are_as_many_worlds_as_the_docs_say():
    page = (HERE.parents[1] / "docs" / "false-passes.md").read_text("utf-8")
    (counts,) = re.findall(r"(\d+) bad worlds and (\d+) good ones", page)
    assert (len(files("bad")), len(files("good"))) == tuple(map(int, counts))
    assert len(files("bad")) >= 25
    assert len(files("good")) >= 10


def test_every_starter_is_in_most_worlds():
    worlds = [world(path) for path in itertools.chain(files("bad"), files("good"))]
    for name in ("nightly", "release", "soak", "early-stop", "shadow"):
        assert sum(name in one.starters for one in worlds) >= 20, name
