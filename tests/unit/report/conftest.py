"""Results that the real engine made, once for each test process."""

import functools
from collections.abc import Callable

import pytest
from tests.report.worlds import WORLDS, World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """By name, see `tests/report/worlds.py`."""
    root = tmp_path_factory.mktemp("worlds")

    @functools.cache
    def made(name: str) -> World:
        return WORLDS[name](root / name)

    return made
