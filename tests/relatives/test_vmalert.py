"""Alert rules, judged live where vmalert evaluates and VictoriaMetrics answers; `make test-victoria-metrics` runs these."""

from pathlib import Path
from typing import Any

import pytest
from tests.relatives.judging import judged
from tests.relatives.vmalert import alerting

SECONDS = 20


def group(alert: str, expr: str, **rule: Any) -> dict[str, Any]:
    return {"name": alert, "interval": "1s", "rules": [{"alert": alert, "expr": expr, **rule}]}


def verdict_of(folder: Path, url: str, alertname: str) -> tuple[str, str | None]:
    """Verdict and reason of the rule about this alert."""
    alert = {"ruleRef": {"name": "rules", "namespace": "default", "alertname": alertname}}
    rule = judged(folder, url, {"name": "alert", "type": "alert", "alert": alert}, SECONDS)
    return rule["verdict"], rule.get("reason")


@pytest.mark.parametrize(
    ("expr", "verdict", "reason"),
    [("up_of_nobody > 0 or vector(1) > 0", "Failed", "AlertFired"), ("vector(0) > 0", "Passed", None)],
)
def test_an_alert_is_judged_as_with_prometheus(tmp_path: Path, expr: str, verdict: str, reason: str | None) -> None:
    with alerting(tmp_path, [group("Down", expr)]) as url:
        assert verdict_of(tmp_path, url, "Down") == (verdict, reason)


def test_an_alert_that_is_pending_at_the_end(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Down", "vector(1) > 0", **{"for": "12s"})]) as url:
        # It fires within the window: pending begins before, so `for` is over early.
        assert verdict_of(tmp_path, url, "Down") == ("Failed", "AlertFired")


def test_an_alert_that_vmalert_has_not_loaded(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Other", "vector(0) > 0")]) as url:
        assert verdict_of(tmp_path, url, "Down") == ("Error", "AlertNotLoaded")


def test_an_alert_that_fires_where_vmalert_writes_no_series_does_not_pass(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Down", "vector(1) > 0")], writes=False) as url:
        verdict, reason = verdict_of(tmp_path, url, "Down")
        assert verdict != "Passed", reason
