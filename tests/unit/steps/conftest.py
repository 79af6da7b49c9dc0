"""What several tests of the steps need."""

import pathlib

import pytest
from tests.unit.steps.suite_world import World

from validationrun.steps import context


@pytest.fixture
def termination_log(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The file that a step's message goes to; a module that never reads it asks for it by `usefixtures`."""
    path = tmp_path / "termination-log"
    monkeypatch.setattr(context, "TERMINATION_LOG", path)
    return path


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    """A suite whose runs pass unless the test says otherwise. Modules about the steps of a run have a `world` of their own."""
    made = World(tmp_path)
    made.on_created = made.ends
    return made
