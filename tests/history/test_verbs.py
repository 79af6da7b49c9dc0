"""`backtest` and `replay` as a user calls them: what they print, and the exit codes 0 Passed, 1 Failed, 2 anything else."""

import json
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from tests.unit.judging.sealed import change_lines

from cli_helpers import BIN, Called, call
from prometheus_kit import Server, behaviours, between, running, series, until

START = 1_699_992_000
DAY = 86_400
SPEC = """
apiVersion: validation.sei.io/v1alpha1
kind: ValidationRun
metadata: {name: nightly, namespace: eng-ada}
spec:
  chain: {chainId: pacific-1, endpoints: {rpc: ["http://127.0.0.1:26657"]}}
  rules:
    - name: height
      type: query
      query: {promql: 'max(height{chain_id="${chainId}"})', op: "<", threshold: "1000"}
      runProperties: {interval: 30s, stopOnFailure: true}
    - name: down
      type: alert
      alert:
        ruleRef: {name: alerts, namespace: eng-ada, alertname: Down}
        matchers: [{name: chain_id, op: "=", value: "${chainId}"}]
      runProperties: {interval: 1m}
  timeouts: {runDuration: 10m}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Three days until a minute ago; on the second of them the height is too high for an hour."""
    now = int(time.time()) // 15 * 15
    times = range(now - 3 * DAY, now, 15)

    def height(t: int) -> float:
        return 2000 if now - 2 * DAY + 300 <= t < now - 2 * DAY + 3900 else 10 + t % 60

    history = [
        series("up", [(t, 1) for t in times]),
        series("height", [(t, height(t)) for t in times], chain_id="pacific-1"),
        # Another time, with round numbers.
        series("up", [(START + 15 * k, 1) for k in range(-40, 80)], job="old"),
        series("height", [(START + 15 * k, 15 * k) for k in range(-40, 80)], chain_id="pacific-1", job="old"),
    ]
    rules = [{"alert": "Down", "expr": 'height{chain_id="pacific-1"} > 5000'}]
    folder = tmp_path_factory.mktemp("verbs")
    with running(folder, history=history, groups=[{"name": "g", "rules": rules}], config={"storage": {}}) as found:
        until(lambda: found.get("rules")["groups"][0]["rules"][0]["health"] == "ok", what="the rule was evaluated")
        yield found


@pytest.fixture
def spec(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "run.yaml"
    path.write_text(SPEC)
    return path


def backtest(server: Server, *arguments: object) -> Called:
    called = call("backtest", *arguments, "--prometheus", server.url)
    assert "Traceback" not in called.err
    return called


# One window


def test_a_window_that_passed(server: Server, spec: pathlib.Path) -> None:
    """The verdict first, then each rule: verdict, how close, how much of the window had data."""
    called = backtest(server, spec, "--start", START, "--for", "10m", "--assume-alerts-loaded")

    assert called.code == 0
    assert called.out == (
        "nightly from 2023-11-14T20:00:00Z to 2023-11-14T20:10:00Z: Passed RunSucceeded\n"
        "  all 2 rules held\n"
        "  rule    verdict  closest to its threshold  data   asked\n"
        "  height  Passed   400 (value 600 at +10m)   100 %  at once\n"
        "  down    Passed                             100 %  at once\n"
    )


def test_a_window_in_which_a_rule_would_have_stopped_the_run(server: Server, spec: pathlib.Path) -> None:
    """With the second, and how long that is after the start."""
    called = backtest(server, spec, "--start", "2023-11-14T20:05:00Z", "--end", "2023-11-14T20:19:00Z")

    assert called.code == 1
    first, message, stop, *_ = called.out.splitlines()
    assert first == "nightly from 2023-11-14T20:05:00Z to 2023-11-14T20:19:00Z: Failed RuleStopOnFailure:height"
    assert message == "  rule height: 1020, not < 1000"
    assert stop == "  rule height would have stopped the run at 2023-11-14T20:17:00Z, 12m after its start"
    assert "  height  Failed   ThresholdViolated  12m            -20 (value 1020 at +12m)" in called.out
    assert "  down    Error    AlertNotLoaded" in called.out


def test_an_alert_that_was_silent_is_an_error_and_says_so(server: Server, spec: pathlib.Path) -> None:
    """With the way out."""
    called = backtest(server, spec, "--start", START, "--for", "10m")

    assert called.code == 2
    assert "Error RuleError" in called.out
    assert "--assume-alerts-loaded takes it for granted" in called.out


def test_the_result_as_json(server: Server, spec: pathlib.Path) -> None:
    """One document on standard output, and nothing else there."""
    called = backtest(server, spec, "--start", START, "--for", "10m", "--assume-alerts-loaded", "-o", "json")

    found = json.loads(called.out)
    assert (called.code, found["kind"], found["name"]) == (0, "ValidationRunBacktest", "nightly")
    assert found["prometheus"]["url"] == server.url
    [window] = found["windows"]
    assert (window["start"], window["end"], window["verdict"]) == (
        "2023-11-14T20:00:00Z",
        "2023-11-14T20:10:00Z",
        "Passed",
    )
    height, down = window["rules"]
    assert (height["marginValue"], height["margin"], height["coverage"], height["counted"]) == ("600", 400, 1.0, 20)
    assert height["asked"] == {"form": "range", "why": None, "ticks": 19, "instants": 0}
    assert (down["verdict"], down["firedCount"], down["asked"]["form"]) == ("Passed", 0, "samples")


def test_tick_by_tick_the_result_is_the_same(server: Server, spec: pathlib.Path) -> None:
    """Only how it was asked differs."""
    arguments = (spec, "--start", START + 300, "--for", "12m", "--assume-alerts-loaded", "-o", "json")
    fast, slow = (json.loads(backtest(server, *arguments, *more).out) for more in ((), ("--instant",)))

    for found in (fast, slow):
        for rule in found["windows"][0]["rules"]:
            asked = rule.pop("asked")
            assert (asked["form"] == "instant") == (found is slow)
            rule.pop("decisions")
    assert fast == slow


# Several windows


def test_a_window_a_day_and_the_worst_of_them_is_the_exit_code(server: Server, spec: pathlib.Path) -> None:
    """A table of all, and the rules of what did not pass."""
    called = backtest(server, spec, "--last", "2d12h", "--every", "12h", "--for", "1h", "--assume-alerts-loaded")

    lines = called.out.splitlines()
    assert called.code == 1
    assert lines[0] == "nightly: 5 windows: 4 Passed, 1 Failed"
    assert lines[1].split() == [
        "start",
        "length",
        "verdict",
        "reason",
        "stopped",
        "closest",
        "to",
        "its",
        "threshold",
        "data",
    ]
    assert [line.split()[2] for line in lines[2:7]] == ["Passed", "Failed", "Passed", "Passed", "Passed"]
    assert "RuleStopOnFailure:height" in lines[3]
    assert "would have stopped the run at" in called.out
    assert "window 5 of 5" in called.err


@pytest.mark.parametrize(
    ("last", "code"), [("36h", 0), ("3d", 1), ("30d", 2)], ids=["all-passed", "one-failed", "some-before-all-data"]
)
def test_the_exit_code_is_that_of_the_worst_window(server: Server, spec: pathlib.Path, last: str, code: int) -> None:
    """Passed 0, Failed 1, everything else 2."""
    every = "12h" if last != "30d" else "5d"

    called = backtest(
        server, spec, "--last", last, "--every", every, "--for", "30m", "--assume-alerts-loaded", "-o", "json"
    )

    verdicts = {window["verdict"] for window in json.loads(called.out)["windows"]}
    assert called.code == code
    assert verdicts == {0: {"Passed"}, 1: {"Passed", "Failed"}, 2: {"Error"} | (verdicts - {"Error"})}[code]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a SPEC, or --against a results folder"),
        (("SPEC",), "give --start with --end or --for, or --last"),
        (("SPEC", "--start", "1700000000"), "give --start with --end or --for, or --last"),
        (("SPEC", "--end", "1700000000"), "give --start with --end or --for, or --last"),
        (("SPEC", "--start", "1", "--end", "2", "--for", "1h"), "give --start with --end or --for, or --last"),
        (("SPEC", "--last", "1h", "--for", "1m"), "give --start with --end or --for, or --last"),
        (("SPEC", "--last", "1h", "--start", "1"), "give --start with --end or --for, or --last"),
        (("SPEC", "--against", "somewhere"), "leave SPEC and times out"),
        (("--against", "somewhere", "--last", "1h"), "leave SPEC and times out"),
        (("--against", "nowhere"), "there is no folder nowhere"),
        (("SPEC", "--start", "soon", "--for", "1h"), "--start must be a time with its zone, such as"),
        (("SPEC", "--start", "1700000000", "--end", "1699999999"), "the window must end after it starts"),
        (("SPEC", "--start", "1700000000", "--end", "1700000000"), "the window must end after it starts"),
        (("SPEC", "--start", "4000000000", "--for", "1h"), "judge what is still to come with `evaluate`"),
        (("SPEC", "--start", "1700000000", "--for", "never"), "--for must be a duration from 1s to 9999d"),
        (("SPEC", "--last", "1h", "--every", "1m", "--for", "2h"), "no window of 2h fits into the last 1h"),
        (("SPEC", "--last", "1h", "--chain-id", "a b"), "--chain-id must be"),
        (("nothing.yaml", "--last", "1h"), "cannot read nothing.yaml"),
    ],
)
def test_what_cannot_be_judged_is_one_clear_error(
    server: Server, spec: pathlib.Path, arguments: tuple[str, ...], words: str
) -> None:
    """And exit code 2."""
    called = backtest(server, *(spec if one == "SPEC" else one for one in arguments))

    assert called.code == 2
    assert called.out == ""
    assert words in called.err.splitlines()[-1]


def test_a_bad_spec_is_told_as_lint_tells_it(server: Server, spec: pathlib.Path) -> None:
    """With the place; nothing is judged."""
    spec.write_text(SPEC.replace('op: "<"', 'op: "=<"'))

    called = backtest(server, spec, "--last", "1h")

    assert called.code == 2
    assert 'got "=<"' in called.err
    assert "nothing was judged" in called.err


def test_without_prometheus_nothing_is_judged(spec: pathlib.Path) -> None:
    """One clear error, soon."""
    called = call("backtest", spec, "--last", "1h", "--prometheus", "http://127.0.0.1:9")

    assert called.code == 2
    assert called.err.splitlines()[-1].startswith(
        "validationrun: Prometheus does not answer: 127.0.0.1:9: no connection"
    )


def test_ctrl_c_ends_it_at_once(server: Server, spec: pathlib.Path) -> None:
    """Also while a query is out; with exit code 2 and nothing on standard output."""
    with between(server.url) as proxy:
        proxy.behave(behaviours.hang, on="query_range")
        command = [BIN / "validationrun", "backtest", spec, "--start", START, "--for", "10m", "--prometheus", proxy.url]
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: any("query_range" in one.path for one in proxy.requests), what="a range was asked for")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
            process.wait()

    assert (process.returncode, out) == (2, "")
    assert "Traceback" not in err
    assert time.monotonic() - began < 5


# A live run


def live(server: Server, spec: pathlib.Path, since: int, *more: object) -> pathlib.Path:
    """Of the query alone: that an alert was evaluated in a window that is over can't be proved any more."""
    results, text, query = spec.parent / "results", spec.read_text(), spec.with_name("query.yaml")
    query.write_text(text[: text.index("    - name: down")] + text[text.index("  timeouts:") :])
    called = call(
        "evaluate", query, "--start", START + since, "--for", "10m", "--settle", "0s", "--results", results,
        "--prometheus", server.url, *more,
    )  # fmt: skip
    assert called.code in (0, 1), called.err
    [folder] = results.glob("*/*/*")
    return folder


@pytest.mark.parametrize(("since", "code"), [(0, 0), (600, 1)])
def test_history_agrees_with_a_live_run(server: Server, spec: pathlib.Path, since: int, code: int) -> None:
    """And the exit code is that of its verdict."""
    folder = live(server, spec, since)

    called = backtest(server, "--against", folder)

    assert called.code == code
    assert f"{folder.name} by history: {'Passed' if code == 0 else 'Failed'}" in called.out
    assert "decisions are those of the live run" in called.out


def test_where_history_differs_from_a_live_run_the_ticks_are_listed(server: Server, spec: pathlib.Path) -> None:
    """Exit code 2: nobody can say which of the two is right."""
    with between(server.url) as proxy:
        proxy.behave(behaviours.warned("a store is away"), on=lambda one: one.form.get("time") == [f"{START + 60}.000"])
        folder = live(proxy, spec, 0)

    called = backtest(server, "--against", folder)

    assert called.code == 2
    assert "  1 of 20 decisions differ from the live run" in called.out
    assert "rule height at 2023-11-14T20:01:00Z: Error PartialResponse then, Passed 60 now" in called.out
    found = json.loads(backtest(server, "--against", folder, "-o", "json").out)
    assert (found["agrees"], found["compared"], len(found["ticks"])) == (False, 20, 1)
    assert found["ticks"][0]["then"] == {"verdict": "Error", "reason": "PartialResponse", "value": None}


def test_a_folder_that_was_changed_is_not_compared(server: Server, spec: pathlib.Path) -> None:
    """Its evidence is none."""
    folder = live(server, spec, 0)
    (folder / "rules" / "height.jsonl").write_text("")

    called = backtest(server, "--against", folder)

    assert (called.code, called.out) == (2, "")
    assert "rules/height.jsonl is not what result.json lists" in called.err


def test_a_folder_from_which_something_was_taken_is_not_compared(server: Server, spec: pathlib.Path) -> None:
    """With every hash written anew; replay says what is missing."""
    folder = live(server, spec, 0)
    change_lines(folder, "height", lambda lines: lines.pop(3))

    called = backtest(server, "--against", folder)

    assert (called.code, called.out) == (2, "")
    assert f"does not agree with itself: `validationrun replay {folder}` says where" in called.err


# Replay


@pytest.mark.parametrize(("since", "code"), [(0, 0), (600, 1)])
def test_replay_exits_by_the_verdict(server: Server, spec: pathlib.Path, since: int, code: int) -> None:
    """And says that it agrees; it asks nobody."""
    folder = live(server, spec, since)

    called = call("replay", folder)

    assert called.code == code
    assert called.err.splitlines()[-1] == "replay: agrees to the letter"
    assert ("PASSED" if code == 0 else "FAILED") in called.out
    status = json.loads(call("replay", folder, "-o", "json").out)
    assert status["verdict"] == ("Passed" if code == 0 else "Failed")


def test_replay_of_an_error_is_2(server: Server, spec: pathlib.Path) -> None:
    """It agrees, and that is no pass."""
    spec.write_text(SPEC.replace("alertname: Down", "alertname: Unknown"))
    results = spec.parent / "results"
    call(
        "evaluate",
        spec,
        "--start",
        START,
        "--for",
        "10m",
        "--settle",
        "0s",
        "--results",
        results,
        "--prometheus",
        server.url,
    )
    [folder] = results.glob("*/*/*")

    called = call("replay", folder)

    assert called.code == 2
    assert called.err.splitlines()[-1] == "replay: agrees to the letter"


def test_replay_lists_what_differs_and_ends_with_2(server: Server, spec: pathlib.Path) -> None:
    """Although all that is left of the run has passed."""
    folder = live(server, spec, 0)
    change_lines(folder, "height", lambda lines: lines.pop(3))

    called = call("replay", folder)

    assert called.code == 2
    assert f"replay: rule height: no decision at {START + 120}.0" in called.err
    assert called.err.splitlines()[-1].endswith("these results are not to be trusted")


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "cannot read {}/result.json: No such file or directory"), ("result.json", "{}/result.json is no folder")],
)
def test_replay_of_what_is_no_results_folder_is_one_clear_error(
    tmp_path: pathlib.Path, name: str, message: str
) -> None:
    """Neither an empty folder nor a file."""
    (tmp_path / "result.json").write_text("") if name else None

    called = call("replay", tmp_path / name)

    assert (called.code, called.out) == (2, "")
    assert called.err.startswith(f"validationrun: {message.format(tmp_path)}")
