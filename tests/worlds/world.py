"""
The worlds as their files tell them: what differs from the healthy system, and when.

    story: One of the validators is gone for good in the middle of the load.
    changes:
      - {series: '{pod="${validator}"}', gone: true, from: 50%}

A time is `start`, `end` (of the load) or a share of the load such as `50%`, and may have `+ 40s` or `- 1m45s` behind it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from validationrun.base.durations import parse_duration

HERE: Final = Path(__file__).parent
STARTERS: Final = ("nightly", "release", "soak", "early-stop", "shadow")
Starter = Literal["nightly", "release", "soak", "early-stop", "shadow"]

_TIME: Final = re.compile(r"(start|end|(\d+)%)(?: ([+-]) (\w+))?")
_NUMBER: Final = r"-?\d+(?:\.\d+)?"
_VALUE: Final = re.compile(rf"(?P<base>{_NUMBER})(?: \+ (?P<rate>{_NUMBER})/s)?|(?P<only_rate>{_NUMBER})/s")


class Moment(BaseModel):
    """A time of the load: a share of its length, and seconds to add."""

    share: float
    seconds: int

    def of(self, length: int) -> int:
        """Seconds since the load began."""
        return round(self.share * length) + self.seconds


def read_moment(text: Any) -> Any:
    match = _TIME.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no time of a world, such as `end - 1m45s`")
    share = {"start": 0.0, "end": 1.0}.get(match[1], float(match[2] or 0) / 100)
    seconds = parse_duration(match[4]) if match[4] else 0
    return Moment(share=share, seconds=-seconds if match[3] == "-" else seconds)


class Line(BaseModel):
    """A value over time."""

    base: float
    rate: float


def read_line(text: Any) -> Any:
    match = _VALUE.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is no value, such as `100 + 2.5/s`")
    return Line(base=float(match["base"] or 0), rate=float(match["rate"] or match["only_rate"] or 0))


At = Annotated[Moment, BeforeValidator(read_moment)]
Value = Annotated[Line, BeforeValidator(read_line)]
Seconds = Annotated[int, BeforeValidator(lambda text: parse_duration(str(text)))]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Change(Part):
    """
    What happens to the series that a selector names, from one time until another.

    Attributes:
        gone: they have no samples, and Prometheus marks them stale.
        holds: they stay as they are.
        is_: they show this value; a rate counts from `from_`.
        adds: so much is added to their value.
        slower: they grow at this share of their pace.
        resets: they begin at 0 again.
        labels: they go on under other labels. An empty value removes a label.
    """

    series: str
    from_: At | None = Field(None, alias="from")
    until: At | None = None
    gone: bool = False
    holds: bool = False
    is_: Value | None = Field(None, alias="is")
    adds: float | None = None
    slower: float | None = None
    resets: bool = False
    labels: Mapping[str, str] = {}


class Further(Part):
    """A series that a healthy system has not."""

    series: str
    is_: Value = Field(alias="is")
    from_: At | None = Field(None, alias="from")
    until: At | None = None


class PrometheusFault(Part):
    """
    What is wrong with Prometheus itself.

    Attributes:
        is_: `down`: no answers and no samples. `deaf`: it answers and appends nothing, as with a full disk. `replaced`: another
            one, which is empty, is there from now on. `pair`: two that scrape apart answer in turns. `partial`: answers say
            isPartial. `warned`: answers carry a warning. `failing`: HTTP 503.
    """

    is_: Literal["down", "deaf", "replaced", "pair", "partial", "warned", "failing"] = Field(alias="is")
    from_: At | None = Field(None, alias="from")
    until: At | None = None
    every: int = 1


class Load(Part):
    """
    How the load goes on.

    Attributes:
        ends: when the load pods end; after the whole duration when absent.
        code: their exit code.
        pods: how many end so; the others last for the whole duration and end with 0. All when absent.
    """

    ends: At | None = None
    code: int = 0
    pods: int | None = None

    def of(self, pod: int, length: int) -> tuple[int, int]:
        """The exit code of a load pod, and how many seconds it lasts in a load of that length."""
        if self.ends is None:
            return self.code, length
        return (self.code, self.ends.of(length)) if self.pods is None or pod < self.pods else (0, length)


class AlertingRule(Part):
    alert: str
    expr: str
    for_: Seconds = Field(0, alias="for")
    labels: Mapping[str, str] = {}


class Group(Part):
    name: str
    interval: Seconds
    rules: list[AlertingRule]


class World(Part):
    """
    One world.

    Attributes:
        starters: to which it applies, when not to all; `why` says what the others have not.
        scrape: how often Prometheus scrapes, when not as the starter's spec says.
        jitter: scrapes are up to this much late.
        clock: how far Prometheus' clock is ahead.
        because: in a bad world, the reasons of which a run must give one.
    """

    story: str
    because: list[str] = []
    starters: tuple[Starter, ...] = STARTERS
    why: str = ""
    scrape: Seconds | None = None
    jitter: Seconds = 0
    clock: Seconds = 0
    load: Load = Load()
    changes: list[Change] = []
    further: list[Further] = []
    prometheus: list[PrometheusFault] = []
    alerts: list[Group] | None = None


class System(Part):
    """The healthy system."""

    history: Seconds
    node: Mapping[str, Value]
    replayer: Mapping[str, Value]
    load: Mapping[str, Value]
    alerts: list[Group]


def system() -> System:
    return System.model_validate(yaml.safe_load((HERE / "system.yaml").read_text("utf-8")))


def world(path: Path) -> World:
    read = World.model_validate(yaml.safe_load(path.read_text("utf-8")))
    if bool(read.why) != (read.starters != STARTERS):
        raise ValueError(f"{path.name}: `why` says why a world is not for every starter")
    return read


def files(kind: Literal["bad", "good"]) -> list[Path]:
    return sorted((HERE / kind).glob("*.yaml"))
