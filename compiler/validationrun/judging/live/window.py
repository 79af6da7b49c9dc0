"""The window of a run while the run goes on."""

import math

from msgspec import Struct


class Window(Struct):
    """
    The run's window as far as it is known, Unix seconds.

    Attributes:
        open_until: the load was seen running until this time, so that a decision at an earlier T counts.
        end: known once the load has ended; known from the start in a run without load.
        cooldown_end: where rules with `until: Cooldown` end; None without a cooldown, and while that is not known.
        over: the load has ended, or never began.
        cut: a rule's stop ended the load. A decision at `end` itself then belongs to the stop, otherwise to the final sweep.
    """

    start: float | None = None
    open_until: float = -math.inf
    end: float | None = None
    cooldown_end: float | None = None
    over: bool = False
    cut: bool = False
