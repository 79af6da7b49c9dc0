"""What was asked of Prometheus for one decision, and everything that came back: enough to make the decision again."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from validationrun.oracle.outcome import RuleReason


class Sample(Struct, frozen=True):
    """The labels of a series and its value, as Prometheus wrote it."""

    labels: Mapping[str, str]
    value: str


class Samples(Struct, frozen=True):
    """An instant vector; a scalar is one sample without labels."""

    samples: Sequence[Sample]


class Fault(Struct, frozen=True):
    """Why there is no usable answer: a reason of an Error, and a sentence for people."""

    reason: RuleReason
    message: str


Answer = Samples | Fault


class DefinedAlert(Struct, frozen=True):
    """
    An alert as a PrometheusRule defines it.

    Attributes:
        group: the name of its group.
        for_s: how long its condition must hold before it fires.
        offset_s: the group's `query_offset`.
    """

    group: str
    for_s: float
    offset_s: float = 0.0


class Reply(Struct, frozen=True):
    """
    An HTTP response, or why there is none.

    Attributes:
        status: the HTTP status; None without a whole response.
        body: as it came; empty without a whole response.
        fault: why there is no answer to judge; a body beside it is for people alone. None with a whole response.
    """

    status: int | None
    body: bytes
    fault: Fault | None

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body)


NOTHING_ASKED: Final = Reply(None, b"", None)
"""The reply of an exchange that was refused before anything was asked."""


class Exchange(Struct, frozen=True):
    """
    Every request for one rule at one evaluation time, with the replies.

    Attributes:
        rule: the name of the rule.
        t: evaluation time, Unix seconds.
        final: this is the final sweep.
        asked, answered: when the first request was sent and the last reply came, by our clock, Unix seconds.
        query: the rule's query as it was sent.
        reply: the reply to the query.
        refused: why the rule's reference does not resolve; nothing was asked then.
        defined: the alert as the referenced PrometheusRule defines it, once for each group that has it; empty when nobody looked.
        others: the replies to the rule type's further requests, by their role, such as `proof`.
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
    defined: Sequence[DefinedAlert] = ()
    others: Mapping[str, Reply] = field(default_factory=dict)
    why: str = ""

    @property
    def size(self) -> int:
        """Bytes of all bodies."""
        return self.reply.size + sum(reply.size for reply in self.others.values())
