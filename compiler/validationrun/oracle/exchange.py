"""What was asked for one decision, and all that came back: enough to decide it again."""

from dataclasses import dataclass

from validationrun.oracle.model import Fault
from validationrun.oracle.prometheus_response import Reply

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
