"""The checks before a run on one machine begins."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from validationrun.base.durations import format_duration
from validationrun.contract.result_json import PrometheusInfo
from validationrun.judging.live.rule_query import Asker
from validationrun.oracle.decision import Decision
from validationrun.oracle.exchange import Fault
from validationrun.oracle.memory import Memory
from validationrun.oracle.question import Question, expected_in
from validationrun.oracle.rules import type_of
from validationrun.oracle.silence import hopeless
from validationrun.prometheus import Access, CredentialsError, Prometheus
from validationrun.prometheus.client import FIRST_ANSWER_SECONDS
from validationrun.prometheus.explain_empty import explain_empty
from validationrun.spec.v1alpha1 import ValidationRun

_MOST_RUNS_A_SECOND: Final = 1000

ALERTS_NOTE: Final = (
    "alert references were resolved through Prometheus only: nobody looked at PrometheusRule objects or namespaces"
)


class LocalError(Exception):
    """The run cannot begin; the message says why and what would help."""


def questions_of(run: ValidationRun, values: Mapping[str, str]) -> list[Question]:
    """The rules with their run-time values."""
    return [Question.of(rule, values, expected_in(rule, run.spec.chain)) for rule in run.spec.rules]


def uses_chain_id(question: Question) -> bool:
    return "chainId" in question.needed_values


def notes_of(run: ValidationRun) -> tuple[str, ...]:
    """Remarks for readers on how the rules were judged."""
    return (ALERTS_NOTE,) if any(type_of(rule).reference(rule) for rule in run.spec.rules) else ()


def refuse_late_rules(run: ValidationRun, seconds: int) -> None:
    """
    Refuses a rule that begins after a shortened window, because it would be queried once or never.

    Raises:
        LocalError
    """
    for rule in run.spec.rules:
        after = int(rule.run_properties.start_after)
        if after >= seconds:
            raise LocalError(
                f"rule {rule.name} begins after {format_duration(after)} (startAfter), and the window lasts "
                f"{format_duration(seconds)}: make the window longer"
            )


def prometheus_info(url: str, access: Access) -> PrometheusInfo:
    """
    Checks that Prometheus answers; returns its URL and its version.

    Raises:
        LocalError: Prometheus does not answer, or a file of credentials cannot be used.
    """
    try:
        access.check(url)
    except CredentialsError as error:
        raise LocalError(error.problem) from None
    prometheus = Prometheus(url, access)
    try:
        answer = prometheus.clock(FIRST_ANSWER_SECONDS)
        if isinstance(answer, Fault):
            raise LocalError(f"Prometheus does not answer: {answer.message}; --prometheus names another")
        version = prometheus.version(FIRST_ANSWER_SECONDS)
    finally:
        prometheus.close()
    return PrometheusInfo(url, None if isinstance(version, Fault) else version)


def refuse_hopeless_alerts(
    questions: Sequence[Question], prometheus: Prometheus, seconds: float, cooldown_s: float
) -> None:
    """
    Refuses a run with an alert that cannot fire in the range of its rule or for this run, or whose rules are unhealthy.

    Args:
        seconds: how long the rules are judged when nothing ends the run early, without the cooldown.

    Raises:
        LocalError
    """
    found = []
    for question in questions:
        if (reference := type_of(question.rule).reference(question.rule)) is not None:
            reply = prometheus.rules(reference.alertname, FIRST_ANSWER_SECONDS)
            range_s = seconds + (cooldown_s if question.rule.lasts_into_cooldown else 0)
            range_s -= int(question.rule.run_properties.start_after)
            fault = hopeless(
                reply, reference.alertname, (), range_s, pending=reference.pending, matchers=question.matchers
            )
            if fault is not None:
                found.append(f"rule {question.rule.name}: {fault.reason}: {fault.message}")
    if found:
        raise LocalError("; ".join(found))


class _Waking(Asker):
    """An asker that calls `answered` after each answer."""

    answered: Callable[[], None]

    def tick(self, start: float, t: float) -> Decision:
        try:
            return super().tick(start, t)
        finally:
            self.answered()

    def sweep(self, start: float, end: float, memory: Memory) -> Decision:
        try:
            return super().sweep(start, end, memory)
        finally:
            self.answered()


def askers(
    questions: Sequence[Question], url: str, access: Access, now: Callable[[], float], answered: Callable[[], None]
) -> list[Asker]:
    """
    One asker per rule, each with its own connection.

    Args:
        answered: called after each answer.
    """
    explain = explain_empty(Prometheus(url, access))
    made: list[Asker] = []
    for question in questions:
        asker = _Waking(question, Prometheus(url, access), explain=explain, now=now)
        asker.answered = answered
        made.append(asker)
    return made


def new_folder(path: pathlib.Path) -> pathlib.Path:
    """
    Makes the results folder. The folder's name becomes the id of the run.

    Args:
        path: its last part, the run's id, is unique for each second. When a run of the same second has this folder already,
            the id becomes `<id>-2`, `<id>-3` and so on, because the results of two runs must never mix.

    Raises:
        LocalError
    """
    first = path.absolute()
    for number in range(1, _MOST_RUNS_A_SECOND + 1):
        folder = first if number == 1 else first.with_name(f"{path.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise LocalError(f"cannot make {folder}: {error.strerror}; --results names another place") from None
        return folder
    raise LocalError(f"{first} and {_MOST_RUNS_A_SECOND - 1} more are there already; --results names another place")
