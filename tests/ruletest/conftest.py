"""Test files of the verb `test`, written for one test, and run as a user runs them."""

import json
import textwrap

import pytest

from cli_helpers import call

SPEC = """
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {name: small, namespace: eng-ada}
spec:
  chain:
    chainId: small
    endpoints: {rpc: ["http://rpc.example.com:26657"]}
  timeouts: {runDuration: 5m}
  rules:
    - name: height
      type: query
      query:
        promql: min(increase(height{chain_id="${chainId}"}[1m]))
        op: ">"
        threshold: "0"
      runProperties: {interval: 10s, startAfter: 1m, retry: 2}
    - name: pool
      type: query
      query:
        promql: max(pool{namespace="${namespace}", run=~"${runId}.*"})
        op: "<="
        threshold: "100"
      runProperties: {interval: 15s, stopOnFailure: true, retry: 1}
    - name: alert
      type: alert
      alert:
        ruleRef: {name: alerts, namespace: eng-ada, alertname: NodeDown}
        matchers: [{name: chain_id, op: "=", value: "${chainId}"}]
      runProperties: {interval: 30s, retry: 1}
"""


class Run:
    """How a call of the verb ended, with its results read back."""

    def __init__(self, called):
        self.code, self.out, self.err = called.code, called.out, called.err

    @property
    def tests(self):
        return json.loads(self.out)["tests"]

    def rule(self, name, test=0):
        return next(one for one in self.tests[test]["rules"] if one["name"] == name)


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def write(tmp_path, spec):
    """Writes a test file of the given tests; the head is filled in."""

    def write(tests, head="spec: run.yaml", name="t.yaml"):
        text = f"apiVersion: validation.sei.io/v1alpha1\nkind: ValidationRuleTest\n{head}\ntests:\n"
        path = tmp_path / name
        path.write_text(text + textwrap.indent(textwrap.dedent(tests).strip("\n"), "  ") + "\n")
        return path

    return write


@pytest.fixture
def tested(write):
    """Runs tests that are written as `write` takes them."""

    def tested(tests, **options):
        return Run(call("test", write(tests, **options), "-o", "json"))

    return tested


@pytest.fixture
def judged(tested):
    """
    Runs one rule against series, given as (series, values) pairs, and gives what the run and the rule came to.

    The expectation is met or not: whoever calls this looks at the outcome itself.
    """

    def judged(rule, *series, faults=(), head=None, **options):
        document = {
            "name": "a test", "window": "5m", "interval": "10s", "rules": [rule], **options,
            "input_series": [{"series": name, "values": values} for name, values in series],
            "faults": list(faults),
            "expect": {"verdict": "Passed"},
        }  # fmt: skip
        # JSON is YAML.
        result = tested(f"- {json.dumps(document)}", **({} if head is None else {"head": head}))
        assert result.code in (0, 1), result.err
        assert not [one for one in result.tests[0]["mismatches"] if "faults" in one["path"]]
        return result.tests[0], result.rule(rule)

    return judged
