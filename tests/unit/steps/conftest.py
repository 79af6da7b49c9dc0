"""What several tests of the steps need."""

import pathlib

import pytest

from validationrun.steps import context


@pytest.fixture
def termination_log(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The file that a step's message goes to; a module that never reads it asks for it by `usefixtures`."""
    path = tmp_path / "termination-log"
    monkeypatch.setattr(context, "TERMINATION_LOG", path)
    return path
