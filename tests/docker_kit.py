"""A fake docker on the PATH of a local run. A conftest.py that imports `fake_docker` has it as a fixture."""

import json
import os
import pathlib

import pytest

from local_kit import IMAGE

_PROGRAM = pathlib.Path(__file__).parent / "local" / "fake_docker.py"


@pytest.fixture
def fake_docker(tmp_path: pathlib.Path) -> tuple[pathlib.Path, dict[str, str]]:
    """The fake's folder, and the environment in which it is found."""
    home, path = tmp_path / "fake-docker", tmp_path / "fake-docker-bin"
    home.mkdir()
    path.mkdir()
    (home / "images").write_text(f"{IMAGE}\n")
    (path / "docker").write_text(_PROGRAM.read_text())
    (path / "docker").chmod(0o755)
    return home, {"FAKE_DOCKER": str(home), "PATH": f"{path}:{os.environ['PATH']}"}


def calls(home: pathlib.Path) -> list[list[str]]:
    """The arguments of each call, in their order."""
    return [json.loads(line) for line in (home / "calls").read_text().splitlines()]
