"""
The real Prometheus of the tests, and what goes wrong around it.

    from prometheus_kit import running, series, exporting, between, behaviours

    with running(tmp_path / "p", groups=[...], history=[series("up", [(t, 1), ...], job="x")]) as server:
        with between(server.url) as proxy:
            proxy.behave(behaviours.status(503), on="up", times=3)

A conftest.py that imports `shared_exporter`, `shared_prometheus` and `proxied` has them as fixtures. The shared one lives as
long as its test worker: tests that use it give their series labels of their own (`unlike` makes a value) and send them by
`server.send`.
"""

import itertools
import os
from collections.abc import Iterator

import pytest
from tests.prometheus import behaviours
from tests.prometheus.binary import prometheus, promtool
from tests.prometheus.certificates import Authority, Certificate
from tests.prometheus.exporter import Exporter, exporting
from tests.prometheus.history import STALE, Series, backfill, openmetrics, series
from tests.prometheus.proxy import Answer, Exchange, Proxy, Request, between, unreachable
from tests.prometheus.server import Server, StartError, running, until

__all__ = [
    "STALE", "Answer", "Authority", "Certificate", "Exchange", "Exporter", "Proxy", "Request", "Series", "Server", "StartError",
    "backfill", "behaviours", "between", "exporting", "openmetrics", "prometheus", "promtool", "proxied", "running", "series",
    "shared_exporter", "shared_prometheus", "unlike", "unreachable", "until",
]  # fmt: skip

_numbers = itertools.count()


def unlike() -> str:
    """A label value that no other test of this run has."""
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="session")
def shared_exporter() -> Iterator[Exporter]:
    """What the shared Prometheus scrapes every second, under `job="shared"`; a test sets all of its metrics anew."""
    with exporting() as exporter:
        yield exporter


@pytest.fixture(scope="session")
def shared_prometheus(tmp_path_factory: pytest.TempPathFactory, shared_exporter: Exporter) -> Iterator[Server]:
    """
    One for all tests of a worker that only send samples and ask.

    Its rules: `AlwaysFires`, `NeverFires`, and `Broken`, whose expression fails at each evaluation.
    """
    two = "label_replace(vector(1), 'a', '1', '', '') or label_replace(vector(1), 'a', '2', '', '')"
    groups = [
        {
            "name": "good",
            "rules": [{"alert": "AlwaysFires", "expr": "vector(1)"}, {"alert": "NeverFires", "expr": "vector(1) > 2"}],
        },
        # Many to many: only seen when it is evaluated.
        {"name": "bad", "rules": [{"alert": "Broken", "expr": f"vector(1) * on() ({two})"}]},
    ]
    targets = {"shared": [shared_exporter.address]}
    with running(tmp_path_factory.mktemp("prometheus"), targets=targets, groups=groups) as server:
        yield server


@pytest.fixture
def proxied(shared_prometheus: Server) -> Iterator[Proxy]:
    """The shared Prometheus behind a proxy of this test alone."""
    with between(shared_prometheus.url) as proxy:
        yield proxy
