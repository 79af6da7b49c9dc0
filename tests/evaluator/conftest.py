"""The fixtures of live evaluations."""

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

import fake_api_server
from evaluator.live import LiveRun
from prometheus_kit import proxied, shared_exporter, shared_prometheus
from runner_helpers import FakeCluster

__all__ = ["proxied", "shared_exporter", "shared_prometheus"]

Begin = Callable[[str, Sequence[Mapping[str, Any]]], LiveRun]


@pytest.fixture
def live_run(tmp_path: pathlib.Path) -> Iterator[Begin]:
    """`live_run(prometheus_url, rules)`; its processes are gone when the test is over."""
    with ExitStack() as stack:

        def begin(url: str, rules: Sequence[Mapping[str, Any]]) -> LiveRun:
            api = stack.enter_context(fake_api_server.serving(FakeCluster()))
            run = LiveRun(api, tmp_path, url, rules)
            stack.callback(run.close)
            return run

        yield begin
