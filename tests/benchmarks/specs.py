"""Specs for the benchmarks: 8 rules, 3 deployments and a config file each; they differ in one number of six digits."""

import json

IMAGE = "registry.example.com/sei/{name}@sha256:{digest}"
DIGITS = 6


def token(number: int) -> str:
    """The number as every text of its spec holds it: always six digits, so that no length depends on it."""
    return f"{number:0{DIGITS}}"


def spec(number: int) -> str:
    """The text of one spec. No two specs share a name, an image, a query or a config file."""
    run = token(number)
    seid = IMAGE.format(name="seid", digest=run.rjust(64, "a"))
    seiload = IMAGE.format(name="seiload", digest=run.rjust(64, "b"))
    config = json.dumps(
        {"run": run, "endpoints": "${evmEndpointsJson}", "chain": "${chainId}", "accounts": list(range(12))},
        indent=2,
    )
    return f"""\
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata:
  name: run-{run}
  namespace: eng-ada
spec:
  chain:
    chainId: bench-{run}
    deployments:
{_deployment("validators", "validator", 4, seid)}
{_deployment("rpc", "fullNode", 2, seid)}
{_deployment("archive", "fullNode", 1, seid)}
  load:
    duration: 10m
    workload:
      name: evm_transfer
      image: {seiload}
      args:
        - --config
        - /etc/validation/config/profile.json
        - --seed={run}
      env:
        - name: SEILOAD_RUN
          value: "{run}"
      resources:
        requests: {{cpu: "2", memory: 4Gi}}
        limits: {{cpu: "4", memory: 8Gi}}
      config:
        files:
          profile.json: |
{_indented(config, 12)}
  rules:
{"".join(_rule(run, index) for index in range(8))}
"""


def _deployment(name: str, role: str, replicas: int, image: str) -> str:
    return f"""\
      - name: {name}
        role: {role}
        spec:
          replicas: {replicas}
          monitoring:
            serviceMonitor:
              interval: 15s
          template:
            spec:
              image: {image}
              overrides:
                storage.state_commit.write_mode: memiavl_only
                evm.worker_pool_size: "32\""""


def _rule(run: str, index: int) -> str:
    return f"""\
    - name: rule-{index}
      type: query
      query:
        promql: |
          sum(rate(seiload_txs_rejected_total{{chain_id="${{chainId}}", run="{run}-{index}"}}[2m]))
          /
          sum(rate(seiload_txs_accepted_total{{chain_id="${{chainId}}", run="{run}-{index}"}}[2m]))
        op: "<="
        threshold: "0.0{index + 1}"
      runProperties:
        startAfter: 2m
"""


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in text.split("\n"))


def specs(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"run-{number}.yaml", spec(number).encode()) for number in range(first, first + count)]
