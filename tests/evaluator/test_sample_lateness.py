"""Samples that come late into a real Prometheus, as behind a remote write."""

import pathlib
import re
import time

import pytest

from prometheus_kit import Server, running, series
from validationrun.oracle.outcome import PreflightReason
from validationrun.prometheus import Prometheus
from validationrun.steps.sample_lateness import late_samples


def push(server: Server, late: float) -> None:
    """A sample of `up` that is that old when it comes, as a scrape a second would give."""
    server.send(series("up", [(time.time() - late, 1)], job="remote"))


def looked(server: Server, settle: float, late: float) -> tuple[str, str] | None:
    """What preflight finds while a sample comes between two looks, without waiting."""
    push(server, late)
    found = late_samples(Prometheus(server.url), settle, lambda _: push(server, late))
    return None if found is None else (found.reason, found.message)


def test_a_settle_time_below_the_age_of_the_newest_sample_is_refused_and_a_longer_one_is_not(
    tmp_path: pathlib.Path,
) -> None:
    with running(tmp_path / "prometheus") as server:
        found = looked(server, 5, late=12)
        assert found is not None
        assert found[0] == PreflightReason.SAMPLES_LATE
        named = re.search(r"compile with --settle (\d+)s$", found[1])
        assert named is not None
        assert int(named[1]) in (13, 14)
        assert looked(server, float(named[1]), late=12) is None


@pytest.mark.parametrize("late", [0.0, 4.0])
def test_samples_within_the_settle_time_are_not_late(tmp_path: pathlib.Path, late: float) -> None:
    with running(tmp_path / "prometheus") as server:
        assert looked(server, 5, late) is None


@pytest.mark.parametrize(
    ("age", "warned"), [(62.0, []), (75.0, ["of 1 target the newest sample of `up` is older than 65s"])]
)
def test_others_that_are_later_than_a_slow_scrape_interval_explains_are_a_warning(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture, age: float, warned: list[str]
) -> None:
    with running(tmp_path / "prometheus") as server:
        server.send(series("up", [(time.time() - age, 1)], job="other"))
        assert looked(server, 5, late=0) is None
    assert [record.message.partition(": ")[2] for record in caplog.records if record.levelname == "WARNING"] == warned
