"""A run with one rule, judged live by the shipped command."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def judged(folder: Path, url: str, rule: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    """The rule as `evaluate -o json` tells it after so many seconds. It is asked every 5 s."""
    spec = {
        "apiVersion": "validation.sei.io/v1alpha1",
        "kind": "ValidationRun",
        "metadata": {"name": "relatives", "namespace": "default"},
        "spec": {
            "chain": {"chainId": "relatives", "endpoints": {"rpc": ["http://127.0.0.1:26657"]}},
            "rules": [{**rule, "runProperties": {"interval": "5s"}}],
            "timeouts": {"runDuration": "5m"},
        },
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(spec))
    command = [
        sys.executable, "-m", "validationrun", "evaluate", str(folder / "run.yaml"), "--prometheus", url,
        "--for", f"{seconds}s", "--results", str(folder / "results"), "-o", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    shown: dict[str, Any]
    (shown,) = json.loads(done.stdout)["rules"]
    return shown
