"""The query latency of a VictoriaMetrics as it comes, and what the message advises against it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml
from tests.relatives.victoria_metrics import victoria_metrics

_DEFAULT: Final = "-search.latencyOffset=30s"
_SPEC: Final = {
    "apiVersion": "validation.sei.io/v1alpha1",
    "kind": "ValidationRun",
    "metadata": {"name": "latency", "namespace": "default"},
    "spec": {
        "chain": {"chainId": "latency", "endpoints": {"rpc": ["http://127.0.0.1:26657"]}},
        "rules": [
            {
                "name": "one",
                "type": "query",
                "query": {"promql": "vector(1)", "op": "==", "threshold": "1"},
                "runProperties": {"interval": "5s"},
            }
        ],
        "timeouts": {"runDuration": "5m"},
    },
}


@pytest.mark.parametrize(("parameters", "verdict"), [("", "Error"), ("/?nocache=1", "Passed")])
def test_the_parameter_that_the_message_advises_lifts_the_latency(
    tmp_path: Path, parameters: str, verdict: str
) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(_SPEC))
    with victoria_metrics(_DEFAULT) as server:
        command = [
            sys.executable, "-m", "validationrun", "evaluate", str(tmp_path / "run.yaml"), "--for", "10s",
            "--prometheus", f"{server.url}{parameters}", "--results", str(tmp_path / "results"), "-o", "json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=70, check=False)
    (rule,) = json.loads(done.stdout)["rules"]
    assert rule["verdict"] == verdict, done.stderr
    if verdict == "Error":
        assert rule["reason"] == "ClockSkew"
        assert "nocache=1" in rule["message"]
