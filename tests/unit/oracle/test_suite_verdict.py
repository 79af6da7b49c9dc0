"""The suite verdict table: each row, and the order of the rows."""

import pytest

from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite

PASSED = dict.fromkeys(("a", "b", "c"), Outcome.PASSED)


def judged(*, stopped=False, planned=("a", "b", "c"), unknown="", forged="", **outcomes):
    ends = [MemberEnd(name, outcome, f"{name} says") for name, outcome in {**PASSED, **outcomes}.items() if outcome]
    verdict = judge_suite(SuiteFacts(stopped, planned, ends, unknown, forged))
    return verdict.verdict, verdict.phase, verdict.reason, verdict.message


def test_all_passed():
    assert judged() == ("Passed", "Succeeded", "AllPassed", "3 of 3 runs passed")
    ends = [MemberEnd("a", Outcome.PASSED)]
    assert judge_suite(SuiteFacts(False, ["a"], ends)).message == "1 of 1 run passed"


def test_a_stop_goes_before_everything():
    cancelled = ("Error", "Cancelled", "Cancelled", "the suite was stopped before it had a verdict")
    assert judged(stopped=True) == cancelled
    assert judged(stopped=True, a=Outcome.FAILED, forged="x", planned=()) == cancelled


def test_a_failure_goes_before_an_error():
    assert judged(a=Outcome.ERROR, b=Outcome.FAILED, c=None, forged="x") == (
        "Failed", "Failed", "MemberFailed:b", "run b: b says; Error: a; NotStarted: c",
    )  # fmt: skip
    assert judged(c=Outcome.FAILED, b=Outcome.FAILED)[2:] == ("MemberFailed:b", "run b: b says; Failed: c")


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in ("Passed", "Failed")])
def test_whatever_is_neither_passed_nor_failed_is_an_error(outcome):
    assert judged(b=outcome) == ("Error", "Error", "MemberNotPassed:b", "run b: b says")


def test_a_member_that_nothing_is_known_of_was_never_started():
    assert judged(c=None) == ("Error", "Error", "MemberNotPassed:c", "run c: it was never started")


def test_what_was_not_started_is_named_after_the_cause():
    assert judged(a=None, b=Outcome.CANCELLED)[2:] == ("MemberNotPassed:b", "run b: b says; NotStarted: a")


def test_no_plan_is_no_pass():
    assert judged(planned=(), unknown="the bundle is gone")[2:] == ("BundleMissing", "the bundle is gone")
    assert judge_suite(SuiteFacts(False, [], [])).message == "the suite has no members"
    assert judge_suite(SuiteFacts(False, [], [])).verdict == "Error"


def test_a_verdict_that_stood_before_is_no_pass():
    assert judged(forged="somebody wrote it") == ("Error", "Error", "RecordForged", "somebody wrote it")


def test_a_member_that_was_not_planned_is_no_pass():
    assert judged(d=Outcome.PASSED) == ("Error", "Error", "MemberNotPassed:d", "run d: d says")
    assert judged(d=Outcome.FAILED)[2] == "MemberFailed:d"


def test_two_ends_of_one_member_are_no_pass_and_a_failure_among_them_stands():
    def twice(first, second):
        ends = [MemberEnd("a", first), MemberEnd("a", second)]
        verdict = judge_suite(SuiteFacts(False, ["a"], ends))
        return verdict.verdict, verdict.message

    assert twice(Outcome.PASSED, Outcome.PASSED) == ("Error", "run a: it has 2 ends")
    assert twice(Outcome.PASSED, Outcome.FAILED) == ("Failed", "run a: Failed")
