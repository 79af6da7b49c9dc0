"""
Results to make reports of: the real engine on a simulated Prometheus, its evidence written, concluded and read back.

    world = WORLDS["stopped"](folder)        # a sealed results folder, and the Result it was made from

Long runs are made in memory: their evidence is what the engine decided, without the way over files.
"""

import dataclasses
import math
import pathlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

import replies
from simulation import START, Outcome, alert_rule, query_rule, simulate
from validationrun.base.times import format_time
from validationrun.contract.clock_check import ClockCheck
from validationrun.contract.load_entries import JobEntry, LoadEnd, ShardStatus
from validationrun.contract.owned_record import Identity
from validationrun.contract.record_key import MemoryRecord
from validationrun.contract.result_json import PrometheusInfo, ResultDocument
from validationrun.contract.run_entry import LoadPlan
from validationrun.contract.status import build_status
from validationrun.local.finish import Setting, conclude
from validationrun.local.memory_record import put_chain, run_entry
from validationrun.oracle.decide import decide
from validationrun.oracle.evidence import Entry, RuleEvidence
from validationrun.oracle.exchange import Exchange, Reply
from validationrun.oracle.fold import Fold
from validationrun.oracle.question import Question
from validationrun.oracle.ticks import ticks
from validationrun.oracle.verdict_table import Facts, judge
from validationrun.oracle.workload import Workload
from validationrun.results.evidence import EvidenceWriter
from validationrun.results.folder import Result, result_document
from validationrun.results.judgement import Judgement
from validationrun.spec.v1alpha1 import Rule

RUN_ID = "nightly-20261118044000"
VALUES = {"chainId": "nightly-0f8fad5b", "namespace": "eng-ada", "runId": RUN_ID}
IDENTITY = Identity(RUN_ID, RUN_ID, "eng-ada")
HEIGHT = 'min(increase(tendermint_consensus_height{chain_id="${chainId}"}[2m]))'
NO_DATA = replies.success("vector", [])
ALERTS_NOTE = (
    "alert references were resolved through Prometheus only: nobody looked at PrometheusRule objects or namespaces"
)


@dataclass(frozen=True)
class World:
    """A result, and its sealed folder where there is one."""

    result: Result
    folder: pathlib.Path


def concluded(
    folder: pathlib.Path,
    rules: Sequence[Rule],
    outcome: Outcome,
    *,
    workload: Workload | None = None,
    shards: Sequence[ShardStatus] = (),
    notes: Sequence[str] = (),
    prometheus: PrometheusInfo | None = None,
) -> World:
    """What a run on one machine leaves behind."""
    questions = [Question.of(rule, VALUES) for rule in rules]
    folder.mkdir(parents=True)
    load = None if workload is None else LoadPlan("evm_transfer", len(shards), 0, (1,))
    kept = MemoryRecord(run_entry("nightly", "5e0f" * 16, START - 4, {"duration": "10m"}, questions, load))
    put_chain(kept, VALUES["chainId"], ["http://127.0.0.1:26657"], START - 4)
    if workload is not None:
        now = format_time(START)
        kept.put(JobEntry("", "", now))
        kept.put(LoadEnd(now, None, workload.code, reason=None, message="", start=now, shards=list(shards)))
    evidence = EvidenceWriter(folder, rules)
    for decision, counted in outcome.control.evidence:
        evidence.add(decision, counted=counted)
    about = prometheus or PrometheusInfo("http://127.0.0.1:9090", "2.42.0+ds")
    setting = Setting(
        "run" if workload is not None else "evaluate", folder, IDENTITY, questions, 5.0, about, tuple(notes)
    )
    return World(conclude(setting, kept, outcome.judgement, evidence, workload, outcome.control.now()), folder)


def shard(index: int, code: int | None, seconds: float, reason: str = "", start: float = 0.0) -> ShardStatus:
    """One shard as a status names it."""
    times = format_time(START + start), format_time(START + seconds)
    return ShardStatus(index, f"process {4100 + index}", code, reason, *times)


def wave(t: float, middle: float, swing: float, period: float = 90.0) -> str:
    """A value that moves as real ones do, the same in every run."""
    noise = random.Random(f"{t}").uniform(-1, 1)
    return f"{middle + swing * math.sin(t / period) + swing * 0.3 * noise:.4g}"


def nightly() -> list[Rule]:
    return [
        query_rule("height-advances", HEIGHT, ">", "0", interval="30s", startAfter="2m", stopOnFailure=True),
        query_rule("p99-latency", "p99", "<=", "0.8", interval="10s"),
        query_rule("tx-included", "included", ">=", "120"),
        alert_rule("node-failed", "SeiNodeFailed", interval="15s"),
        query_rule("memory-stable", "memory", "<", "4e9", interval="30s", finalSweep=False),
    ]


def healthy(promql: str, t: float) -> Reply:
    if "ALERTS" in promql:
        return replies.success("vector", [])
    values = {
        "p99": wave(t, 0.42, 0.16),
        "included": wave(t, 480, 150, 60) if t > 45 else None,
        "memory": wave(t, 1.9e9 + t * 1.1e6, 6e7),
    }
    value = values.get(promql, wave(t, 38, 6, 40))
    return NO_DATA if value is None else replies.vector(value)


def passed(folder: pathlib.Path) -> World:
    """Ten minutes, two shards, all well."""
    outcome = simulate(nightly(), healthy, load_seconds=600)
    shards = [shard(0, 0, 600.4, "Completed"), shard(1, 0, 598, "Completed", -2)]
    return concluded(folder, nightly(), outcome, workload=Workload(0, "", ""), shards=shards, notes=[ALERTS_NOTE])


def stopped(folder: pathlib.Path) -> World:
    """The chain halts, and the run is stopped for it; latency was beyond its limit before."""

    def answer(promql: str, t: float) -> Reply:
        if promql == "p99" and 100 <= t < 130:
            return replies.http(503, "upstream connect error")
        if promql == "p99" and t >= 200:
            return replies.vector(wave(t, 1.1, 0.2))
        if "tendermint" in promql and t >= 290:
            return replies.vector("0")
        return healthy(promql, t)

    outcome = simulate(nightly(), answer, load_seconds=600)
    shards = [shard(0, None, 308, "stopped"), shard(1, None, 307.5, "stopped")]
    workload = Workload(None, "", "rule height-advances failed")
    return concluded(folder, nightly(), outcome, workload=workload, shards=shards)


def error(folder: pathlib.Path) -> World:
    """Prometheus goes away in the middle of the run and stays away."""

    def answer(promql: str, t: float) -> Reply:
        if t > 310:
            return replies.fault("Timeout", "no answer within 10s")
        if promql == "included":
            return replies.vector("1", "2")
        return healthy(promql, t)

    outcome = simulate(nightly(), answer, load_seconds=600)
    return concluded(folder, nightly(), outcome, workload=Workload(0, "", ""), shards=[shard(0, 0, 600, "Completed")])


def no_data(folder: pathlib.Path) -> World:
    """Nothing was ever there to compare."""
    rules = [one for one in nightly() if one.type == "query"]
    outcome = simulate(rules, lambda promql, t: NO_DATA, load_seconds=600)
    why = "no series is named tendermint_consensus_height; nearest names: tendermint_consensus_height_total, cometbft_consensus_height"
    states = [msgspec.structs.replace(state, why=why) for state in outcome.judgement.states]
    outcome = dataclasses.replace(outcome, judgement=msgspec.structs.replace(outcome.judgement, states=states))
    return concluded(folder, rules, outcome)


def interrupted(folder: pathlib.Path) -> World:
    """Somebody pressed Ctrl-C after four minutes; all was well until then."""
    outcome = simulate(nightly(), healthy, load_seconds=600, interrupt_after=240)
    judgement = msgspec.structs.replace(outcome.judgement, end=START + 600)
    outcome = dataclasses.replace(outcome, judgement=judgement)
    return concluded(folder, nightly(), outcome, notes=[ALERTS_NOTE])


def alert_fired(folder: pathlib.Path) -> World:
    """An alert fires for two nodes, a rule fails in the final sweep only, and the workload says 1."""

    def answer(promql: str, t: float) -> Reply:
        if "ALERTS" in promql and t >= 345:
            fired = [
                {"metric": {"__name__": "ALERTS", "pod": f"nightly-{one}", "severity": "page"}} for one in range(2)
            ]
            return replies.success("vector", [{**one, "value": [t, "1"]} for one in fired])
        if promql == "included" and t >= 600:
            return replies.vector("3")
        return healthy(promql, t)

    outcome = simulate(nightly(), answer, load_seconds=600, codes=(1,))
    workload = Workload(1, "", "3 of 5000 accounts ended with another balance than expected")
    return concluded(folder, nightly(), outcome, workload=workload, shards=[shard(0, 1, 600, "Error")])


def swept(folder: pathlib.Path) -> World:
    """A stopOnFailure rule that fails in the final sweep only."""
    rules = [
        query_rule("late", "late", "<", "5", stopOnFailure=True),
        query_rule("other", "other", ">", "0", interval="15s"),
        query_rule("unswept", "other", ">", "0", interval="15s", finalSweep=False),
    ]

    def answer(promql: str, t: float) -> Reply:
        return replies.vector("7" if promql == "late" and t >= 60 else "1")

    return concluded(
        folder, rules, simulate(rules, answer, load_seconds=60), workload=Workload(None, "", ""), shards=[]
    )


def small(folder: pathlib.Path) -> World:
    """A minute with a little of everything."""
    rules = [
        query_rule("p99", "p99", "<=", "0.8", interval="15s", stopOnFailure=True),
        alert_rule("alert", interval="15s"),
    ]

    def answer(promql: str, t: float) -> Reply:
        if "ALERTS" in promql:
            return NO_DATA if t > 20 else replies.http(503, "upstream connect error")
        return replies.vector("0.5" if t < 45 else "0.9")

    outcome = simulate(rules, answer, load_seconds=60)
    workload = Workload(None, "", "rule p99 failed")
    return concluded(
        folder, rules, outcome, workload=workload, shards=[shard(0, None, 47, "stopped")], notes=["a note"]
    )


def never_began(folder: pathlib.Path) -> World:
    """The load never started, so the window never opened."""
    outcome = simulate(nightly(), healthy, load_seconds=60)
    states = Fold.begin(nightly()).closed()
    outcome.control.evidence.clear()
    judgement = Judgement(None, None, None, None, states, [ClockCheck(START, 0.0)])
    outcome = dataclasses.replace(outcome, judgement=judgement)
    workload = Workload(2, "LoadNotStarted", "seiload: command not found")
    return concluded(folder, nightly(), outcome, workload=workload, shards=[])


def many_rules(folder: pathlib.Path) -> World:
    """As many rules as a run can have, a few of them in trouble."""
    rules = [
        alert_rule(f"alert-{index:02}", f"Alert{index}", interval="20s")
        if index % 4 == 3
        else query_rule(f"rule-with-a-rather-long-name-{index:02}", f"q{index}", ">=", str(index), interval="20s")
        for index in range(32)
    ]

    def answer(promql: str, t: float) -> Reply:
        if "ALERTS" in promql:
            return NO_DATA
        index = int(promql[1:])
        if index == 9 and t > 300:
            return replies.http(503, "out of memory")
        if index == 17:
            return NO_DATA
        return replies.vector(wave(t, index + (3 if index != 5 or t < 220 else -2), 1.5))

    return concluded(folder, rules, simulate(rules, answer, load_seconds=600))


HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> \x1b[2J\x1b]0;owned\x07 \u202eevil\u202c "
    "[click](javascript:alert(3)) | `code` @everyone #1 **bold** ]]> &amp; {{ 7*7 }} \x00\x08\ud800"
).replace("\ud800", "\ufffe")


def hostile(folder: pathlib.Path) -> World:
    """Whoever writes queries, labels and messages wants to get out of the place they are put in."""
    long = HOSTILE * 600
    rules = [
        query_rule("run", f'x{{a="{HOSTILE[:70]}"}}', ">", "0"),
        query_rule("workload", "many", ">", "0"),
        alert_rule("alerts", HOSTILE),
        query_rule("broken", "b", ">", "0"),
    ]

    def answer(promql: str, t: float) -> Reply:
        if "ALERTS" in promql:
            labels = {"__name__": HOSTILE, "instance": HOSTILE, "long": long, "a\u202eb": "x"}
            return replies.success("vector", [{"metric": labels, "value": [t, "1"]}])
        if promql == "b":
            return replies.http(500, long)
        if promql == "many":
            return NO_DATA
        return replies.vector("-" + "9" * 290 + ".5")

    outcome = simulate(rules, answer, load_seconds=120)
    states = [
        msgspec.structs.replace(state, why=long if state.name == "workload" else "")
        for state in outcome.judgement.states
    ]
    outcome = dataclasses.replace(outcome, judgement=msgspec.structs.replace(outcome.judgement, states=states))
    workload = Workload(2, HOSTILE, long)
    shards = [msgspec.structs.replace(shard(0, 137, 120, HOSTILE), pod=HOSTILE)]
    about = PrometheusInfo("http://127.0.0.1:9090", HOSTILE)
    return concluded(folder, rules, outcome, workload=workload, shards=shards, notes=[HOSTILE, long], prometheus=about)


def long_run(rules: Sequence[Rule], answer: Callable[[Rule, float], Reply], hours: float = 24.0) -> Result:
    """A run in memory: ticks, decisions, fold and verdict table are the real ones."""
    end = START + hours * 3600
    fold = Fold.begin(rules)
    entries: dict[str, list[Entry]] = {rule.name: [] for rule in rules}
    for rule in rules:
        times = []
        for t in ticks(rule, START, START):
            if t >= end:
                break
            times.append(t)
        for t in [*times, end]:
            exchange = Exchange(
                rule.name, t, t == end, t + 5, t + 5.1, "q", replies.asked_at(answer(rule, t - START), t)
            )
            fold.add(decide(Question.of(rule, {}), START, exchange))
    for decision, counted in fold.advance(end):
        entries[decision.rule].append(
            Entry(
                decision.t,
                decision.final,
                decision.exchange,
                decision.verdict,
                decision.reason,
                decision.message,
                decision.value,
                counted,
            )
        )
    judgement = Judgement(START, end, fold.stop_time, fold.stop_rule, fold.closed(), [ClockCheck(START, 0.0)])
    questions = [Question.of(rule, VALUES) for rule in rules]
    verdict = judge(
        Facts(
            cancelled=False,
            chain_reason="",
            deadline_passed=False,
            has_load=False,
            workload=None,
            workload_reason="",
            rules=judgement.states,
            signed_off=True,
            stop_rule=judgement.stop_rule,
        )
    )
    kept = MemoryRecord(run_entry("soak", "5e0f" * 16, START - 4, {}, questions))
    status = build_status(IDENTITY, {}, kept, verdict, format_time(end + 6), judgement.states)
    about = PrometheusInfo("http://127.0.0.1:9090", "2.42.0")
    document = result_document("evaluate", status, judgement, questions, settle_s=5.0, prometheus=about, versions={})
    return Result(
        ResultDocument.from_json(document.to_json()),
        questions,
        {name: RuleEvidence(found) for name, found in entries.items()},
    )


def flapping(hours: float, interval: str, rules: int = 32) -> Result:
    """Rules that hold, fail and are not answered as chance has it: nothing of it can be drawn as one stretch."""
    chance = random.Random(7)

    def answer(rule: Rule, t: float) -> Reply:
        del rule, t
        return chance.choice(
            [replies.vector("50.25"), replies.vector(f"{chance.uniform(90, 140):.6f}"), replies.http(503, "busy")]
        )

    one = long_run([query_rule("a", "q", "<", "100", interval=interval, retry=10)], answer, hours)
    question, state = one.questions[0], one.document.states[0]
    names = [f"a-rule-with-the-longest-name-there-is-{index:02}" for index in range(rules)]
    questions = [
        msgspec.structs.replace(question, rule=question.rule.model_copy(update={"name": name})) for name in names
    ]
    states = [msgspec.structs.replace(state, name=name) for name in names]
    document = msgspec.structs.replace(one.document, states=states)
    return Result(document, questions, dict.fromkeys(names, one.evidence["a"]))


def soak(folder: pathlib.Path) -> World:
    """A day at five seconds: 17,280 ticks a rule, one failure that lasts a single tick, and an outage of twenty minutes."""
    rules = [query_rule(f"soak-{index}", "q", "<", "100", interval="5s", retry=10) for index in (1, 2, 3)]

    def answer(rule: Rule, t: float) -> Reply:
        if rule.name == "soak-1" and t == 40_000:
            return replies.vector("140")
        if rule.name == "soak-2" and 50_000 <= t < 51_200 and t % 60:
            return replies.http(503, "restarting")
        if rule.name == "soak-3" and t % 3600 == 1800:
            return replies.fault("Timeout", "no answer within 5s")
        return replies.vector(wave(t, 50 + int(rule.name[-1]) * 5, 12, 4000))

    return World(long_run(rules, answer), folder)


WORLDS: dict[str, Callable[[pathlib.Path], World]] = {
    "passed": passed,
    "stopped": stopped,
    "error": error,
    "no-data": no_data,
    "interrupted": interrupted,
    "alert-fired": alert_fired,
    "swept": swept,
    "small": small,
    "never-began": never_began,
    "many-rules": many_rules,
    "hostile": hostile,
    "soak": soak,
}
