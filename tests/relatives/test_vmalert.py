"""Alert rules, judged live where vmalert evaluates and VictoriaMetrics answers; `make test-victoria-metrics` runs these."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.relatives.vmalert import alerting

SECONDS = 20


def group(alert: str, expr: str, **rule: Any) -> dict[str, Any]:
    return {"name": alert, "interval": "1s", "rules": [{"alert": alert, "expr": expr, **rule}]}


def judged(folder: Path, url: str, alertname: str) -> tuple[str, str | None]:
    """Verdict and reason of the one rule of a run, judged live for 20 s by the shipped command."""
    spec = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationRun",
        "metadata": {"name": "relatives", "namespace": "default"},
        "spec": {
            "chain": {"chainId": "relatives", "endpoints": {"rpc": ["http://127.0.0.1:26657"]}},
            "rules": [
                {
                    "name": "alert",
                    "type": "alert",
                    "alert": {"ruleRef": {"name": "rules", "namespace": "default", "alertname": alertname}},
                    "runProperties": {"interval": "5s"},
                }
            ],
            "timeouts": {"runDuration": "5m"},
        },
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(spec))
    command = [
        sys.executable, "-m", "validationrun", "evaluate", str(folder / "run.yaml"), "--prometheus", url,
        "--for", f"{SECONDS}s", "--results", str(folder / "results"), "-o", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60, check=False)
    (rule,) = json.loads(done.stdout)["rules"]
    return rule["verdict"], rule.get("reason")


@pytest.mark.parametrize(
    ("expr", "verdict", "reason"),
    [("up_of_nobody > 0 or vector(1) > 0", "Failed", "AlertFired"), ("vector(0) > 0", "Passed", None)],
)
def test_an_alert_is_judged_as_with_prometheus(tmp_path: Path, expr: str, verdict: str, reason: str | None) -> None:
    with alerting(tmp_path, [group("Down", expr)]) as url:
        assert judged(tmp_path, url, "Down") == (verdict, reason)


def test_an_alert_that_is_pending_at_the_end(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Down", "vector(1) > 0", **{"for": "12s"})]) as url:
        # It fires within the window: pending begins before, so `for` is over early.
        assert judged(tmp_path, url, "Down") == ("Failed", "AlertFired")


def test_an_alert_that_vmalert_has_not_loaded(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Other", "vector(0) > 0")]) as url:
        assert judged(tmp_path, url, "Down") == ("Error", "AlertNotLoaded")


def test_an_alert_that_fires_where_vmalert_writes_no_series_does_not_pass(tmp_path: Path) -> None:
    with alerting(tmp_path, [group("Down", "vector(1) > 0")], writes=False) as url:
        verdict, reason = judged(tmp_path, url, "Down")
        assert verdict != "Passed", reason
