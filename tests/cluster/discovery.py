"""
Tells Prometheus which pods to scrape: Debian's Prometheus is built without its own discovery of Kubernetes.

A pod says so by the annotations `prometheus.io/scrape: "true"` and `prometheus.io/port`. Once a second the targets are written
to a file that Prometheus watches.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from kubernetes import client, config


def main() -> int:
    kubeconfig, target = sys.argv[1:]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    api = client.CoreV1Api(config.new_client_from_config(config_file=kubeconfig))
    last = ""
    while not ended.wait(1):
        try:
            found = targets(api.list_pod_for_all_namespaces().items)
        except Exception as error:  # noqa: BLE001 - an API server that is away comes back; the file stays as it is
            print(f"discovery: {error}", flush=True)
            continue
        text = json.dumps(found)
        if text != last:
            write(Path(target), text)
            last = text
    return 0


def targets(pods: list[Any]) -> list[dict[str, Any]]:
    """In the form of Prometheus' file discovery."""
    return [
        {
            "targets": [f"{pod.status.pod_ip}:{pod.metadata.annotations['prometheus.io/port']}"],
            "labels": {"namespace": pod.metadata.namespace, "pod": pod.metadata.name},
        }
        for pod in pods
        if (pod.metadata.annotations or {}).get("prometheus.io/scrape") == "true"
        and pod.status.phase == "Running"
        and pod.status.pod_ip
        and pod.metadata.deletion_timestamp is None
    ]


def write(target: Path, text: str) -> None:
    """Whole or not at all: Prometheus may read at any moment."""
    scratch = target.with_suffix(".tmp")
    scratch.write_text(text)
    scratch.rename(target)


if __name__ == "__main__":
    sys.exit(main())
