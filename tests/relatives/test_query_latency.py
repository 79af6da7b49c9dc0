"""The query latency of a VictoriaMetrics as it comes, and what the message advises against it."""

from pathlib import Path
from typing import Final

import pytest
from tests.relatives.judging import judged
from tests.relatives.victoria_metrics import victoria_metrics

_DEFAULT: Final = "-search.latencyOffset=30s"
_RULE: Final = {
    "name": "one",
    "type": "query",
    "query": {"promql": "vector(1)", "op": "==", "threshold": "1"},
}


@pytest.mark.parametrize(("parameters", "verdict"), [("", "Error"), ("/?nocache=1", "Passed")])
def test_the_parameter_that_the_message_advises_lifts_the_latency(
    tmp_path: Path, parameters: str, verdict: str
) -> None:
    with victoria_metrics(_DEFAULT) as server:
        rule = judged(tmp_path, f"{server.url}{parameters}", _RULE, 10)
    assert rule["verdict"] == verdict, rule
    if verdict == "Error":
        assert rule["reason"] == "ClockSkew"
        assert "nocache=1" in rule["message"]
