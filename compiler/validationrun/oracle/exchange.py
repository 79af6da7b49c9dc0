"""What was asked for one decision, and all that came back: enough to decide it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from validationrun.oracle.outcome import RuleReason


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' labels and its value, as Prometheus wrote it."""

    labels: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class Samples:
    """An instant vector; a scalar is one sample without labels."""

    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Fault:
    """No usable answer: one of the Error reasons, and a sentence for people."""

    reason: RuleReason
    message: str


Answer = Samples | Fault


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What came back over HTTP, or why nothing usable did.

    Attributes:
        status: of HTTP; None when there was no whole response.
        body: as it came; empty then.
        fault: why there was none, `Timeout` or `PrometheusUnavailable`; None when a whole response came.
    """

    status: int | None
    body: bytes
    fault: Fault | None


NOTHING_ASKED = Reply(None, b"", None)
"""The reply of an exchange that was refused before anything was asked."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    One question, one moment.

    Attributes:
        rule: its name.
        t: evaluation time, Unix seconds.
        final: the final sweep.
        asked, answered: by our clock, Unix seconds.
        query: as it was sent.
        reply: of the query.
        refused: why the rule's reference does not resolve; nothing was asked then.
        proof: of an alert's silence: what `/api/v1/rules` said of it.
        opening: of an alert that fired: which of its series fired already when the window opened.
        why: what explains an empty answer, for people.
    """

    rule: str
    t: float
    final: bool
    asked: float
    answered: float
    query: str
    reply: Reply = NOTHING_ASKED
    refused: Fault | None = None
    proof: Reply | None = None
    opening: Reply | None = None
    why: str = ""
