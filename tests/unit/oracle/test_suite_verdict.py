"""The suite verdict table: each row, and the order of the rows."""

import pytest

from validationrun.oracle.suite_verdict import MemberEnd, Outcome, SuiteFacts, judge_suite

PASSED = dict.fromkeys(("a", "b", "c"), Outcome.PASSED)


def judged(*, stopped=False, planned=("a", "b", "c"), unknown="", forged="", chosen=(), bad="", **outcomes):
    ends = [MemberEnd(name, outcome, f"{name} says") for name, outcome in {**PASSED, **outcomes}.items() if outcome]
    verdict = judge_suite(SuiteFacts(stopped, planned, ends, unknown, forged, chosen, bad))
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


NOT_CHOSEN = Outcome.NOT_CHOSEN


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("b", "1 of 3 runs was chosen, and it passed"),
        ("bc", "2 of 3 runs were chosen, and both passed"),
        ("abc", "3 of 3 runs were chosen, and all passed"),
    ],
)
def test_the_chosen_ones_passed_and_the_verdict_says_how_many_they_were(chosen, message):
    passed_over = {name: NOT_CHOSEN for name in "abc" if name not in chosen}
    assert judged(chosen=tuple(chosen), **passed_over) == ("Passed", "Succeeded", "ChosenPassed", message)
    nothing_known = dict.fromkeys(passed_over)
    assert judged(chosen=tuple(chosen), **nothing_known)[0] == "Passed"


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in ("Passed", "Failed")])
def test_a_chosen_member_that_did_not_pass_is_no_pass(outcome):
    verdict = judged(chosen=("b", "c"), a=NOT_CHOSEN, b=outcome)
    assert verdict == ("Error", "Error", "MemberNotPassed:b", "2 of 3 runs were chosen; run b: b says")


def test_every_verdict_of_a_few_members_says_how_many_they_were():
    few = {"chosen": ("b",), "a": NOT_CHOSEN, "c": NOT_CHOSEN}
    assert judged(**few, b=Outcome.FAILED)[2:] == ("MemberFailed:b", "1 of 3 runs was chosen; run b: b says")
    assert judged(**few, stopped=True)[3] == "1 of 3 runs was chosen; the suite was stopped before it had a verdict"
    assert judged(**few, forged="x")[3] == "1 of 3 runs was chosen; x"


@pytest.mark.parametrize("outcome", [one for one in Outcome if one != "NotChosen"])
def test_a_member_that_was_not_chosen_and_has_an_end_is_no_pass(outcome):
    assert judged(chosen=("b", "c"), a=outcome)[0] == ("Failed" if outcome == "Failed" else "Error")


def test_a_member_of_a_whole_suite_that_was_passed_over_is_no_pass():
    assert judged(a=NOT_CHOSEN)[:3] == ("Error", "Error", "MemberNotPassed:a")


def test_a_chosen_name_that_was_not_planned_is_no_pass():
    over = {"a": NOT_CHOSEN, "c": NOT_CHOSEN}
    assert judged(chosen=("b", "d"), **over)[2] == "MemberNotPassed:d"
    assert judged(chosen=("b", "d"), **over, d=Outcome.PASSED)[2] == "MemberNotPassed:d"


def test_a_choice_that_nobody_can_read_is_no_pass():
    assert judged(bad="only names x") == ("Error", "Error", "ParameterUnknown", "only names x")
    assert judged(bad="only names x", b=Outcome.FAILED)[0] == "Failed"
