"""What is said of an empty answer where the Prometheus of tests/prometheus lacks the function."""

from typing import cast

import replies
from validationrun.oracle.exchange import Reply
from validationrun.prometheus import Prometheus
from validationrun.prometheus.explain_empty import explain_empty

QUERY = "double_exponential_smoothing(height[15s], 0.5, 0.5)"


class OneSample:
    """A Prometheus that has one series with one sample."""

    def query(self, promql: str, t: float, timeout_s: float) -> Reply:
        del timeout_s
        if promql == "max(count_over_time(height[15s]))":
            return replies.series(({}, "1"))
        if promql == '{__name__="height"}[10m]':
            return replies.success("matrix", [{"metric": {}, "values": [[t, "7"]]}])
        # Which parts have data: the range alone, of which the function leaves nothing.
        assert "label_replace" in promql
        return replies.series(({"n": "1"}, "1"))

    def series(self, *_: object) -> list[dict[str, str]]:
        return [{"__name__": "height"}]


def test_smoothing_needs_two_samples() -> None:
    explain = explain_empty(cast(Prometheus, OneSample()))
    answer = explain(QUERY, 0, 5)
    needs = "double_exponential_smoothing() needs two samples, and its range of 15s holds one of height"
    assert answer == f"{needs}; there has been one so far."
