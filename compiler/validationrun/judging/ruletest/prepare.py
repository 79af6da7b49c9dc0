"""A test made ready: its rules as questions, its series struck by its faults, and all that is wrong with it."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.judging.ruletest.model import AlertGroup, Fault, RuleTest, RuleTestFile
from validationrun.judging.ruletest.promtool_series import NotationError, Selector, read_series, read_values
from validationrun.judging.ruletest.series import SERIES_FAULTS, Series, lay_out, strike
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.question import Question, expected_in
from validationrun.oracle.rules import type_of
from validationrun.oracle.ticks import judged_seconds, tick_count
from validationrun.spec.findings import Anchor, Finding, Loc, format_path, quote
from validationrun.spec.v1alpha1 import Rule, ValidationRun

_MOST_SAMPLES: Final = 2_000_000
_MOST_QUESTIONS: Final = 500_000
_FAULT_FIELDS: Final = ("rules", "series", "status", "delay", "label", "to", "stale")
_ALLOWED: Final = {
    "gap": {"series", "stale"},
    "counterReset": {"series"},
    "labelChurn": {"series", "label", "to"},
    "lateScrape": {"series", "delay"},
    "http": {"rules", "status"},
}
_REQUIRED: Final = {"http": "status", "lateScrape": "delay", "counterReset": "series"}


@dataclass(frozen=True, slots=True)
class Case:
    """
    One test, ready to run. Times are Unix seconds: the first sample is at 0.

    Attributes:
        index: of the test in its file.
        opens, closes: the window.
        groups: of the alerting rules that Prometheus runs; None when every alert counts as loaded.
        faults: of answers, each with its index in the test; those of series are in the series already.
    """

    index: int
    test: RuleTest
    questions: tuple[Question, ...]
    series: tuple[Series, ...]
    faults: tuple[tuple[int, Fault], ...]
    opens: int
    closes: int
    groups: tuple[AlertGroup, ...] | None = None


def prepare(file: RuleTestFile, run: ValidationRun) -> tuple[list[Case], list[Finding]]:
    """Every test of a file against the run it names. Cases only where there is no finding."""
    findings = [*_names(file), *_alert_rules(file)]
    groups = tuple(file.rules.groups) if file.rules is not None else None
    cases = []
    for index in range(len(file.tests)):
        preparing = _Preparing(file.tests[index], run, index)
        case = preparing.case()
        findings += preparing.findings
        if not preparing.findings:
            cases.append(dataclasses.replace(case, groups=groups))
    return ([] if findings else cases), findings


def _names(file: RuleTestFile) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, test in enumerate(file.tests):
        if test.name in seen:
            loc: Loc = ("tests", index, "name")
            yield Finding(
                "RT107", loc, f"{format_path(loc)} {quote(test.name)} is given twice", "rename one of the two"
            )
        seen.add(test.name)


def _alert_rules(file: RuleTestFile) -> Iterator[Finding]:
    for position, group in enumerate(file.rules.groups if file.rules is not None else ()):
        for index, entry in enumerate(group.rules):
            if (entry.name is None) == (entry.record is None):
                loc: Loc = ("rules", "groups", position, "rules", index)
                yield Finding(
                    "RT106", loc, f"{format_path(loc)} must have either `alert` or `record`", "write `alert: Name`"
                )


class _Preparing:
    """One test; its findings are collected on the way."""

    def __init__(self, test: RuleTest, run: ValidationRun, index: int) -> None:
        self.findings: list[Finding] = []
        self._test = test
        self._run = run
        self._index = index
        self._loc: Loc = ("tests", index)

    def case(self) -> Case:
        test = self._test
        rules = self._rules()
        window = test.window or judged_seconds(self._run.spec)
        self._expected(rules, window)
        self._bounds(rules, window)
        series = self._series()
        answers = []
        for index, fault in enumerate(test.faults):
            loc = (*self._loc, "faults", index)
            if not self._fault(fault, loc, rules) or self.findings:
                continue
            if fault.type in SERIES_FAULTS:
                series = self._strike(series, fault, loc)
            else:
                answers.append((index, fault))
        return Case(
            self._index, test, self._questions(rules), tuple(series), tuple(answers), test.warmup, test.warmup + window
        )

    def _add(self, code: str, loc: Loc, message: str, help_: str, token: str | None = None) -> None:
        self.findings.append(Finding(code, loc, f"{format_path(loc)} {message}", help_, token=token))

    def _rules(self) -> list[Rule]:
        known = {rule.name: rule for rule in self._run.spec.rules}
        if not known:
            self._add("RT103", self._loc, "has no rules to judge: the run has none", "name another run")
        if self._test.rules is None:
            return list(self._run.spec.rules)
        for position, name in enumerate(self._test.rules):
            self._is_rule(name, (*self._loc, "rules", position), known)
        return [rule for rule in self._run.spec.rules if rule.name in self._test.rules]

    def _is_rule(self, name: str, loc: Loc, known: Sequence[str] | dict[str, Rule]) -> None:
        if name not in known:
            self._add("RT103", loc, f"{quote(name)} is no rule that is judged here", f"use one of {', '.join(known)}")

    def _questions(self, rules: Sequence[Rule]) -> tuple[Question, ...]:
        given, run = self._test.values, self._run
        values = {
            "chainId": given.chain_id or run.spec.chain.chain_id,
            "namespace": given.namespace or run.metadata.namespace or "",
            "runId": given.run_id or run.metadata.name,
        }
        return tuple(Question.of(rule, values, expected_in(rule, run.spec.chain)) for rule in rules)

    def _expected(self, rules: Sequence[Rule], window: int) -> None:
        expect, loc = self._test.expect, (*self._loc, "expect")
        names = [rule.name for rule in rules]
        for position, rule in enumerate(expect.rules):
            here = (*loc, "rules", position)
            self._is_rule(rule.name, (*here, "name"), names)
            if rule.name in [earlier.name for earlier in expect.rules[:position]]:
                self._add("RT107", (*here, "name"), f"{quote(rule.name)} is given twice", "keep one of the two")
            if rule.first_failure is not None and rule.verdict != Verdict.FAILED:
                message = f"is given, but verdict {rule.verdict} has no failure"
                self._add("RT106", (*here, "firstFailure"), message, "delete it, or expect Failed")
            if rule.first_failure is not None and rule.first_failure > window:
                self._beyond((*here, "firstFailure"), window)
            if rule.value is not None and not _is_number(rule.value):
                message = f"must be a number as text; got {quote(rule.value)}"
                self._add("RT106", (*here, "value"), message, 'write it as in "0.5"')
        if expect.stop_time is not None and expect.verdict != Verdict.FAILED:
            message = f"is given, but verdict {expect.verdict} has no stop"
            self._add("RT106", (*loc, "stopTime"), message, "delete it, or expect Failed")
        if expect.stop_time is not None and expect.stop_time > window:
            self._beyond((*loc, "stopTime"), window)

    def _beyond(self, loc: Loc, window: int) -> None:
        self._add("RT106", loc, f"lies behind the window's end at {format_duration(window)}", "lengthen `window`")

    def _bounds(self, rules: Sequence[Rule], window: int) -> None:
        questions = sum(tick_count(rule, window) for rule in rules)
        if questions > _MOST_QUESTIONS:
            message = f"asks {questions:,} questions; at most {_MOST_QUESTIONS:,} are asked"
            self._add("RT108", self._loc, message, "shorten `window`, or name fewer `rules`")

    def _series(self) -> list[Series]:
        found: list[Series] = []
        total = 0
        for position, one in enumerate(self._test.input_series):
            loc = (*self._loc, "input_series", position)
            try:
                labels = read_series(one.series)
            except NotationError as error:
                self._add("RT105", (*loc, "series"), f"is wrong: {error}", 'write it as in up{job="node"}', error.token)
                continue
            try:
                values = read_values(one.values)
            except NotationError as error:
                help_ = "write it as promtool does: docs/rule-tests.md"
                self._add("RT104", (*loc, "values"), f"is wrong: {error}", help_, error.token)
                continue
            total += len(values)
            if any(labels == before.labels for before in found):
                self._add("RT107", (*loc, "series"), f"{quote(one.series)} is given twice", "put all values in one")
            found.append(lay_out(labels, values, self._test.interval))
        if total > _MOST_SAMPLES:
            message = f"has {total:,} samples; at most {_MOST_SAMPLES:,} are read"
            self._add("RT108", (*self._loc, "input_series"), message, "raise `interval`, or give fewer series")
        return found

    def _fault(self, fault: Fault, loc: Loc, rules: Sequence[Rule]) -> bool:
        """Its fields fit its type."""
        before = len(self.findings)
        given = {name for name in _FAULT_FIELDS if getattr(fault, name) is not None}
        allowed = _ALLOWED.get(fault.type, {"rules"})
        for name in sorted(given - allowed):
            help_ = f"known here: {', '.join(sorted({'from', 'for', *allowed}))}"
            self.findings.append(
                Finding("RT106", (*loc, name), f"{format_path((*loc, name))} is not for a fault of type {fault.type}", help_,
                        anchor=Anchor.KEY)
            )  # fmt: skip
        required = _REQUIRED.get(fault.type)
        if required is not None and required not in given:
            self._add("RT106", loc, f"needs `{required}`: it is of type {fault.type}", f"add `{required}:`")
        if fault.type == "counterReset" and fault.for_ is not None:
            self._add("RT106", (*loc, "for"), "is given, but a reset has no length", "delete it")
        if fault.type == "alertNotLoaded" and not any(type_of(rule).reference(rule) for rule in rules):
            self._add("RT106", loc, "concerns alert rules, and none is judged", "delete it, or judge an alert rule")
        names = [rule.name for rule in rules]
        for position, name in enumerate(fault.rules or ()):
            self._is_rule(name, (*loc, "rules", position), names)
        if fault.series is not None:
            try:
                Selector(fault.series)
            except NotationError as error:
                self._add("RT105", (*loc, "series"), f"is wrong: {error}", 'write it as in up{job=~"n.*"}', error.token)
        return len(self.findings) == before

    def _strike(self, series: list[Series], fault: Fault, loc: Loc) -> list[Series]:
        struck = strike(series, fault, self._test.warmup)
        if struck == series:
            help_ = "move it to where there are samples, or let `series` select some"
            self._add("RT109", loc, f"of type {fault.type} strikes no sample", help_)
        labels = [dict(after.labels) for after in struck]
        if any(one in labels[:position] for position, one in enumerate(labels)):
            self._add("RT109", loc, "gives a series the labels of another one", "give another `to`")
        return struck


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
