"""Prometheus from the distribution, as a process of the machine, behind the Service that the product asks by default."""

import json
import sys
from pathlib import Path
from typing import Final

from tests.cluster import objects, processes
from tests.cluster.layout import CONFIG, HOST, PROMETHEUS_PORT, REPOSITORY, STATE

NAMESPACE: Final = "monitoring"
TARGETS: Final = CONFIG / "targets.json"
"""The pods that want to be scraped, for any Prometheus of this machine."""

ALERT: Final = "TestChainHalted"
EXPRESSION: Final = "max by (chain_id) (increase(cometbft_consensus_height[20s])) == 0"


def start() -> None:
    """Prometheus, and what the cluster knows of it."""
    config, rules = CONFIG / "prometheus.json", CONFIG / "rules.json"
    rule = {"alert": ALERT, "expr": EXPRESSION, "for": "10s"}
    rules.write_text(json.dumps({"groups": [{"name": "validationrun-tests", "rules": [rule]}]}))
    config.write_text(json.dumps(_configuration(rules), indent=2))
    discovery = [sys.executable, "-m", "tests.cluster.discovery", CONFIG / "admin.kubeconfig", TARGETS]
    processes.start("discovery", discovery, {"PYTHONPATH": str(REPOSITORY)})
    processes.start(
        "prometheus",
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={STATE / 'prometheus'}",
            f"--web.listen-address={HOST}:{PROMETHEUS_PORT}",
        ],
    )
    url = f"http://{HOST}:{PROMETHEUS_PORT}/-/ready"
    processes.wait("prometheus", "it is ready", lambda: processes.answers(url), 60)
    shared = objects.namespace(NAMESPACE, **{"sei.io/validation-shared-rules": "true"})
    service = objects.outside_service(NAMESPACE, "prometheus-k8s", PROMETHEUS_PORT, HOST)
    objects.apply([_definition(), shared, *service, _alert_rule(rule)])


def _configuration(rules: Path) -> objects.Object:
    pods = {"job_name": "pods", "file_sd_configs": [{"files": [str(TARGETS)], "refresh_interval": "1s"}]}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "2s"},
        "rule_files": [str(rules)],
        "scrape_configs": [pods],
    }


def _definition() -> objects.Object:
    """Of PrometheusRule: our own, with just what the product reads of it."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "prometheusrules.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {"kind": "PrometheusRule", "plural": "prometheusrules", "singular": "prometheusrule"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def _alert_rule(rule: objects.Object) -> objects.Object:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "test-alerts", "namespace": NAMESPACE},
        "spec": {"groups": [{"name": "validationrun-tests", "rules": [rule]}]},
    }
