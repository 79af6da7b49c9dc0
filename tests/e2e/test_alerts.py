"""
Alerts on a Prometheus of the test's own, which the test can tell to forget them.

It listens on the bridge that pods reach, so this runs on the cluster of `make cluster` alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster.layout import HOST
from tests.cluster.monitoring import ALERT, EXPRESSION, TARGETS
from tests.e2e.checks import check_outcome
from tests.e2e.faults import FAULTS
from tests.e2e.running import CASES, prepare, run_operator, run_to_its_end
from tests.e2e.world import World

from prometheus_kit import Server, running
from validationrun.contract.sign_off import SignOff

pytestmark = pytest.mark.installation
GROUPS: Final = [{"name": "validationrun-tests", "rules": [{"alert": ALERT, "expr": EXPRESSION, "for": "10s"}]}]
SCRAPED: Final = {"job_name": "pods", "file_sd_configs": [{"files": [str(TARGETS)], "refresh_interval": "1s"}]}
RULE: Final[dict[str, Any]] = {
    "name": "chain-halted",
    "type": "alert",
    "alert": {
        "ruleRef": {"name": "test-alerts", "namespace": "monitoring", "alertname": ALERT},
        "matchers": [{"name": "chain_id", "op": "=", "value": "${chainId}"}],
    },
    "runProperties": {"interval": "5s", "retry": 1},
}


@pytest.fixture
def world() -> Iterator[World]:
    with World.open("alerts") as opened, run_operator(opened):
        yield opened


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "own", groups=GROUPS, config={"scrape_configs": [SCRAPED]}, host=HOST) as server:
        yield server


def test_alert_unloaded_mid_run(
    world: World, prometheus: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule was answered well before; what comes after is silence, and silence is no pass."""
    case = CASES["alert-unloaded-mid-run"]
    monkeypatch.setitem(FAULTS, "forget-alerts", lambda world, workflow, options: prometheus.set_groups([]))
    prepared = prepare(
        world,
        tmp_path,
        {"spec": {"load": {"duration": "40s"}, "rules": [RULE]}},
        options=["--set", f"prometheus-url={prometheus.url}"],
    )
    outcome = run_to_its_end(world, prepared, [{"at": "load-start", "after": 15, "do": "forget-alerts"}])
    found = world.record(outcome.workflow)
    sign_off = found.get(SignOff) if found is not None else None
    assert sign_off is not None
    summary = sign_off.summaries["chain-halted"]
    assert summary.good >= 1
    assert summary.errors == {"AlertNotLoaded": summary.counted - summary.good}
    check_outcome(world, case["expect"], outcome)
