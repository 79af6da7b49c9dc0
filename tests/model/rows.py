"""What the tests of the worked timelines share: runs with few words, and how they are played."""

import random

from helpers import lint_all

from .adapter import play
from .agree import differences
from .brute_force import Outcome, Rule, Timeline, judge, signed_off

PLAYS = 12

GOOD = ("values", ("1",))
BREACH = ("values", ("0",))
EMPTY = ("values", ())
AWAY = ("error", "PrometheusUnavailable")
BROKEN = ("error", "BadQuery")


def played(timeline: Timeline) -> Outcome:
    """The one outcome of all plays."""
    found = [play(timeline, random.Random(chance)) for chance in range(PLAYS)]
    model = judge(timeline)
    for one in found:
        assert differences(model, one, whole=signed_off(timeline)) == []
    return found[0]


def one_rule(*answers, sweep=(GOOD,), end=1100, rule=None, **facts) -> Timeline:
    """A run of 100 s with one rule, asked every 10 s; the last answer is repeated."""
    rule = rule or Rule("a", interval=10)
    return Timeline((rule,), (answers,), (sweep,), start=1000, end=end, asked_until=(end or 1100) + 30, **facts)


def several(*rules: tuple[Rule, tuple, tuple], end=1100, **facts) -> Timeline:
    columns = zip(*rules, strict=True)
    return Timeline(*columns, start=1000, end=end, asked_until=end + 10, **facts)


def spec(promql: str, threshold: str = "0", op: str = "==", more: str = "", interval: str = "30s") -> bytes:
    return f"""
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {{name: watch, namespace: eng-ada}}
spec:
  chain: {{chainId: pacific-1, endpoints: {{rpc: ["http://rpc.example.com:26657"]}}}}
  rules:
    - name: a
      type: query
      query: {{promql: '{promql}', op: "{op}", threshold: "{threshold}"{more}}}
      runProperties: {{interval: {interval}}}
""".encode()


def codes(text: bytes) -> set[str]:
    return {one.code for one in lint_all([("run.yaml", text)]).diagnostics}
