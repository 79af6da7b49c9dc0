"""`report.log`, the terminal's text and the termination message."""

import dataclasses
import json
import re

import msgspec
import pytest
from tests.report.worlds import WORLDS, flapping

from validationrun import report
from validationrun.contract.clock_check import ClockCheck

SHORT = [name for name in WORLDS if name != "soak"]
TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z) +")


def lines(world, name) -> list[str]:
    return [re.sub(" +", " ", line) for line in report.to_log(world(name).result).splitlines()]


@pytest.mark.parametrize("name", SHORT)
def test_lines_stand_in_the_order_of_time_and_end_with_the_verdict(world, name):
    found = lines(world, name)
    times = [match[1].replace("Z", "") for line in found if (match := TIME.match(line))]
    assert times == sorted(times)
    assert len(times) >= 2
    status = world(name).result.status.to_data()
    assert found[-1].startswith(f"verdict: {status['verdict']} (")


def test_a_stopped_run_is_told_step_by_step(world):
    found = lines(world, "stopped")
    expected = [
        "2026-11-18T11:06:40Z run window opens: 5 rules, Prometheus 2.42.0+ds",
        "2026-11-18T11:06:40Z shard 0 started",
        "2026-11-18T11:06:50Z rule p99-latency Passed: 0.4397 <= 0.8 [rule Awaited -> Passed]; the same 8 times more, until 2026-11-18T11:08:10Z",
        "2026-11-18T11:08:20Z rule p99-latency Error PrometheusUnavailable: HTTP 503: upstream connect error [tolerated]; the same 2 times more, until 2026-11-18T11:08:40Z",
        "2026-11-18T11:10:00Z rule p99-latency Failed ThresholdViolated: 1.263, not <= 0.8 [rule Passed -> Failed]; the same 10 times more, until 2026-11-18T11:11:40Z",
        "2026-11-18T11:11:40Z rule height-advances Failed ThresholdViolated: 0, not > 0 [rule Passed -> Failed]",
        "2026-11-18T11:11:40Z run stopped: by height-advances at 2026-11-18T11:11:40Z (+5m)",
        "2026-11-18T11:11:45Z run judged: Failed",
    ]
    assert [line for line in found if line in expected] == expected


def test_a_rule_that_ran_out_of_retries_and_an_unanswered_sweep_are_told(world):
    found = lines(world, "error")
    assert any("rule p99-latency Error Timeout" in line and "[rule Passed -> Error]" in line for line in found)
    assert any("rule p99-latency final sweep: Error Timeout" in line and "[did not count]" in line for line in found)


def test_an_interrupt_leaves_a_rule_awaited_and_is_told(world):
    """A rule whose window nobody saw end was Passed until then; its answers were good."""
    found = lines(world, "interrupted")
    assert any("rule p99-latency in the end Awaited: interrupted before the window's end" in line for line in found)
    assert any("rule p99-latency nothing is recorded of" in line for line in found)
    assert "2026-11-18T11:10:40Z run interrupted before the window's end: Error" in found


def test_a_stop_in_the_final_sweep_is_told_as_what_it_was(world):
    found = lines(world, "swept")
    told = "stopped: nothing: late failed in the final sweep, when there was nothing left to stop"
    assert f"2026-11-18T11:07:40Z run {told}" in found
    assert "nothing left to stop" in report.to_markdown(world("swept").result)
    assert "nothing left to stop" in report.to_text(world("swept").result)


def test_a_clock_that_could_not_be_read_is_told(world):
    result = world("passed").result
    clock = [ClockCheck(1_795_000_000.0, None, "connection refused")]
    text = report.to_log(dataclasses.replace(result, document=msgspec.structs.replace(result.document, clock=clock)))
    assert "prometheus            clock could not be read: connection refused" in text


def test_notes_are_kept(world):
    assert any(line.startswith("note: alert references were resolved") for line in lines(world, "passed"))


def test_no_line_grows_and_no_character_is_obeyed(world):
    text = report.to_log(world("hostile").result) + report.to_text(world("hostile").result)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert max(map(len, text.splitlines())) < 1500


def test_a_rule_that_flaps_for_a_day_does_not_fill_the_log(world):
    found = lines(world, "soak")
    assert len(found) < 400
    assert any("rule soak-1 Failed ThresholdViolated: 140, not < 100 [rule Passed -> Failed]" in line for line in found)


def test_what_did_not_count_changes_nothing_in_what_is_told(world):
    """A breach later than the window is evidence only: the log names it, and the rule stays as it was."""
    result = world("passed").result
    found = result.evidence["p99-latency"]
    last = found.entries[-1]
    late = msgspec.structs.replace(
        last, t=last.t + 10, final=False, verdict="Failed", reason="ThresholdViolated", counted=False
    )
    evidence = {**result.evidence, "p99-latency": msgspec.structs.replace(found, entries=[*found.entries, late])}
    text = report.to_log(dataclasses.replace(result, evidence=evidence))
    (line,) = [line for line in text.splitlines() if "ThresholdViolated" in line]
    assert line.endswith("[did not count]")
    assert "in the end" not in text


def test_the_log_of_a_day_is_bounded():
    """More changes than anybody reads are counted, and left to the evidence."""
    text = report.to_log(flapping(24, "60s", rules=2))
    assert len(text.splitlines()) < 420
    assert re.search(r"\.\.\. \d{3} more changes are in rules/a-rule-with-the-longest-name-there-is-00\.jsonl", text)


# The terminal.


@pytest.mark.parametrize("name", SHORT)
def test_the_terminals_text_begins_with_the_verdict(world, name):
    status = world(name).result.status.to_data()
    word = "CANCELLED" if status["phase"] == "Cancelled" else status["verdict"].upper()
    assert report.to_text(world(name).result).split()[:2] == [word, "nightly"]


def test_the_terminals_table_names_each_rule_with_value_threshold_margin_and_answers(world):
    text = report.to_text(world("stopped").result)
    assert re.search(
        r"^p99-latency +Failed +1\.019 +<= 0\.8 +beyond by 0\.474 at \+3m40s +27 of 30$", text, re.MULTILINE
    )
    assert re.search(r"^tx-included +Passed +304\.3 +>= 120 +184\.3 at \+5m +26 of 30$", text, re.MULTILINE)
    assert re.search(r"^height-advances .*exactly at it at \+5m", text, re.MULTILINE)
    assert "why it was empty: no series is named" in report.to_text(world("no-data").result)


# The last words of a container.


@pytest.mark.parametrize("name", SHORT)
def test_the_termination_message_fits_and_says_the_verdict(world, name):
    text = report.to_termination(world(name).result)
    status = world(name).result.status.to_data()
    document = json.loads(text)
    assert len(text.encode()) < 4096
    assert text.isascii()
    assert text.count("\n") == 1
    assert (document["phase"], document["verdict"]) == (status["phase"], status["verdict"])
    failed = [rule["name"] for rule in status["rules"] if rule["verdict"] == "Failed"]
    assert sorted(document["failedRules"]) == sorted(failed)


def test_the_termination_message_is_as_long_as_it_may_be_and_no_longer(world):
    """A long message is cut; many long names and a script that takes six bytes a letter cut it further."""
    result = world("small").result
    status = msgspec.structs.replace(result.status, message="word " * 1000)
    message = json.loads(
        report.to_termination(
            dataclasses.replace(result, document=msgspec.structs.replace(result.document, status=status))
        )
    )
    assert 1000 < len(message["message"]) < 1100
    crowd = flapping(1, "60s")
    status = msgspec.structs.replace(crowd.status, message="\u9ad8" * 5000)
    text = report.to_termination(
        dataclasses.replace(crowd, document=msgspec.structs.replace(crowd.document, status=status))
    )
    assert len(text) < 4096
    assert len(json.loads(text)["failedRules"]) == 8
