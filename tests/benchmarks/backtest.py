"""
How long a backtest of a day takes, and how much faster it is than one instant query a tick. `make bench`; exits 1 when a bar
is missed.

    python tests/benchmarks/backtest.py [--short] [--repeat 3] [--slice 600] [--json FILE]

With --short each side is measured once, on a shorter slice, and no bar is judged: both must still give the same verdicts.

A day of data is back-filled by promtool; 32 rules at 5 s, of the shapes that people write, and none of them fails. Both sides
ask the same real Prometheus through the same code; the instant queries, over several connections side by side as `--instant`
sends them, are measured on a slice in the middle of the day, and both must give the same verdicts there.
"""

import argparse
import json
import math
import pathlib
import random
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tests.history.kit import alert_rule, query_rule  # noqa: E402

from prometheus_kit import running, series  # noqa: E402 - the kit is beside the benchmarks, not installed
from validationrun.judging.backtest.backtest import Outcome, backtest  # noqa: E402
from validationrun.judging.backtest.client import Past  # noqa: E402
from validationrun.judging.backtest.windows import Period  # noqa: E402

DAY, RULES = 86_400, 32
SECONDS_BAR, RATIO_BAR = 60.0, 50.0
START = 1_699_920_000
END = START + DAY
NODES = 8


def history():
    """A small chain, scraped every 15 s."""
    chance = random.Random(1)
    times = range(START - 900, END + 15, 15)
    for node in range(NODES):
        labels = {"chain_id": "chain-1", "pod": f"node-{node}"}
        yield series("up", [(t, 1) for t in times], **labels)
        yield series("tendermint_consensus_height", [(t, (t - START + 1000) // 2) for t in times], **labels)
        yield series("tendermint_p2p_peers", [(t, 7 + t // 600 % 3) for t in times], **labels)
        yield series("process_resident_memory_bytes", [(t, 1e9 + chance.random() * 1e8) for t in times], **labels)
        yield series(
            "http_requests_total", [(t, (t - START + 1000) * (3 + node) + chance.random()) for t in times], **labels
        )
        for bound in (0.1, 0.5, 1.0, math.inf):
            points = [(t, (t - START + 1000) * min(bound, 0.9)) for t in times]
            yield series("request_seconds_bucket", points, **labels, le=f"{bound:g}")


def rules():
    """Eight alerts and three kinds of queries, eight of each."""
    found = []
    for index in range(8):
        pod = f'chain_id="chain-1",pod="node-{index}"'
        chain = 'chain_id="chain-1"'
        shapes = [
            (f"min(increase(tendermint_consensus_height{{{chain}}}[2m]))", ">", "0"),
            (f"process_resident_memory_bytes{{{pod}}}", "<", "2e9"),
            [
                (f"sum(rate(http_requests_total{{{chain}}}[1m]))", ">", "1"),
                (f"histogram_quantile(0.99, sum by (le) (rate(request_seconds_bucket{{{chain}}}[2m])))", "<", "5"),
                (f"min(tendermint_p2p_peers{{{chain}}})", ">=", "5"),
                (f"max_over_time(process_resident_memory_bytes{{{pod}}}[10m])", "<", "2e9"),
            ][index % 4],
        ]
        for number, (promql, op, threshold) in enumerate(shapes):
            found.append(query_rule(f"rule-{index}-{number}", promql, op, threshold, stopOnFailure=index % 2 == 0))
        found.append(alert_rule(f"alert-{index}", f"Alert{index}", (("chain_id", "=", "chain-1"),)))
    assert len(found) == RULES
    return found


def decisions(outcome: Outcome) -> int:
    return sum(one.summary.counted for one in outcome.rules)


def verdicts(outcome: Outcome) -> list[tuple[str, str, str | None, str | None]]:
    return [(one.state.name, one.state.verdict, one.state.value, one.summary.margin_value) for one in outcome.rules]


def timed(past: Past, period: Period, *, instant: bool) -> tuple[float, Outcome]:
    began = time.perf_counter()
    outcome = backtest(past, rules(), period, assume_alerts_loaded=True, instant=instant)
    seconds = time.perf_counter() - began
    assert outcome.verdict.verdict == "Passed", outcome.verdict
    return seconds, outcome


def measure(repeat: int, slice_s: int) -> dict[str, float]:
    """In turn, so that a busy moment of the machine meets both."""
    whole = Period(float(START), float(END))
    part = Period(float(START + DAY // 2), float(START + DAY // 2 + slice_s))
    days: list[float] = []
    each: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running(pathlib.Path(folder, "p"), history=list(history()), config={"storage": {}}) as server,
        Past(server.url) as past,
    ):
        timed(past, part, instant=False)
        for _ in range(repeat):
            seconds, day = timed(past, whole, instant=False)
            days.append(seconds)
            seconds, slowly = timed(past, part, instant=True)
            each.append(seconds / decisions(slowly))
        assert verdicts(timed(past, part, instant=False)[1]) == verdicts(slowly), "the two forms differ"
    count = decisions(day)
    assert count == RULES * DAY // 5, count
    seconds, instant = statistics.median(days), statistics.median(each) * count
    return {"decisions": count, "seconds": seconds, "instantSeconds": instant, "ratio": instant / seconds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--short", action="store_true", help="--repeat 1 --slice 60, and no bars")
    parser.add_argument("--repeat", type=int, default=None)
    parser.add_argument("--slice", type=int, default=None, help="seconds of the day that are asked by instant queries")
    parser.add_argument("--json", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    repeat, slice_s = (1, 60) if arguments.short else (3, 600)
    result = measure(arguments.repeat or repeat, arguments.slice or slice_s)
    missed = not arguments.short and (result["seconds"] >= SECONDS_BAR or result["ratio"] < RATIO_BAR)
    print(
        f"backtest of 24 h, {RULES} rules at 5 s, {result['decisions']:,} decisions: {result['seconds']:.1f} s (bar {SECONDS_BAR:.0f}); "
        f"by instant queries {result['instantSeconds']:.0f} s: {result['ratio']:.0f} x (bar {RATIO_BAR:.0f})"
        f"{'  MISSED' if missed else ''}"
    )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
