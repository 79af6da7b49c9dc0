"""
Two servers for all worlds of a test worker, and the table of worlds after the tests.

They are Prometheis, or with WORLDS_ON=victoria-metrics or WORLDS_ON=thanos another server with the same API.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.relatives import thanos, victoria_metrics
from tests.worlds.world import STARTERS

from validationrun.judging.ruletest.server import PrivatePrometheus, find_binary, private_prometheus


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[PrivatePrometheus, PrivatePrometheus]]:
    with _server() as first, _server() as second:
        yield first, second


def _server() -> contextlib.AbstractContextManager[PrivatePrometheus]:
    kind = os.environ.get("WORLDS_ON", "prometheus")
    if kind == "victoria-metrics":
        return victoria_metrics.victoria_metrics()
    if kind == "thanos":
        return thanos.thanos()
    assert kind == "prometheus", kind
    return private_prometheus(find_binary())


def _rows(reporter: Any) -> Iterator[dict[str, Any]]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, ()):
            yield from (value for name, value in getattr(report, "user_properties", ()) if name == "world")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = sorted(_rows(terminalreporter), key=lambda row: (row["kind"], row["name"]))
    if not rows:
        return
    terminalreporter.section("worlds")
    terminalreporter.line(f"{'':38}" + "".join(f"{name:11}" for name in STARTERS))
    for row in rows:
        cells = (row["row"].get(name, "-").split(" ")[0] for name in STARTERS)
        terminalreporter.line(f"{row['kind']:5}{row['name']:33}" + "".join(f"{cell:11}" for cell in cells))
