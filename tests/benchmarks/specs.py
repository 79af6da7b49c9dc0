"""Distinct specs for the benchmarks: 8 rules, 3 deployments, a config file each."""

import json

IMAGE = "registry.example.com/sei/{name}@sha256:{digest:064x}"


def spec(number: int) -> str:
    """The text of one spec. No two share a name, a digest, a query or a config file."""
    seid, seiload = IMAGE.format(name="seid", digest=number + 1), IMAGE.format(name="seiload", digest=number + 10**6)
    config = json.dumps(
        {"run": number, "endpoints": "${evmEndpointsJson}", "chain": "${chainId}", "accounts": list(range(12))},
        indent=2,
    )
    return f"""\
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata:
  name: run-{number}
  namespace: eng-ada
spec:
  chain:
    chainId: bench-{number}
    deployments:
{_deployment("validators", "validator", 4, seid)}
{_deployment("rpc", "fullNode", 2, seid)}
{_deployment("archive", "fullNode", 1, seid)}
  load:
    duration: {10 + number % 50}m
    workload:
      name: evm_transfer
      image: {seiload}
      args:
        - --config
        - /etc/validation/config/profile.json
        - --seed={number}
      env:
        - name: SEILOAD_RUN
          value: "{number}"
      resources:
        requests: {{cpu: "2", memory: 4Gi}}
        limits: {{cpu: "4", memory: 8Gi}}
      config:
        files:
          profile.json: |
{_indented(config, 12)}
  rules:
{"".join(_rule(number, index) for index in range(8))}
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


def _rule(number: int, index: int) -> str:
    return f"""\
    - name: rule-{index}
      type: query
      query:
        promql: |
          sum(rate(seiload_txs_rejected_total{{chain_id="${{chainId}}", run="{number}-{index}"}}[2m]))
          /
          sum(rate(seiload_txs_accepted_total{{chain_id="${{chainId}}", run="{number}-{index}"}}[2m]))
        op: "<="
        threshold: "0.0{index + 1}"
      runProperties:
        startAfter: 2m
"""


def _indented(text: str, spaces: int) -> str:
    return "\n".join(" " * spaces + line for line in text.split("\n"))


def specs(count: int, first: int = 0) -> list[tuple[str, bytes]]:
    return [(f"run-{number}.yaml", spec(number).encode()) for number in range(first, first + count)]
