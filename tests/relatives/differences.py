"""The good worlds in which a server with the API of Prometheus judges otherwise than Prometheus: `differences.yaml`."""

import os
from pathlib import Path
from typing import Any

import yaml


def documented_differences() -> list[dict[str, Any]]:
    """Of the server that the worlds are played on; Prometheus has none."""
    documented: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("differences.yaml").read_text("utf-8"))
    return [
        difference for difference in documented if difference["server"] == os.environ.get("WORLDS_ON", "prometheus")
    ]
