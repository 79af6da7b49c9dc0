"""
What a rule type says of its rules. A rule type is a subclass in a module beside this one, and its line in `__init__.py`.

Everything above the oracle asks these methods, and never which type a rule has. The methods with a body fit a type that has
no such thing.
"""

import abc
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from validationrun.oracle.comparison import Comparison
from validationrun.oracle.decision import Decision, Observation, Silence
from validationrun.oracle.exchange import Exchange
from validationrun.oracle.fold import RuleState
from validationrun.oracle.memory import Memory
from validationrun.oracle.outcome import Verdict
from validationrun.oracle.placeholders import Place
from validationrun.oracle.rule_context import RuleContext

if TYPE_CHECKING:
    # The steps that only read a run start without the models of a spec.
    from validationrun.spec.v1alpha1 import Matcher, Rule, Series


class AlertReference(Struct, frozen=True):
    """
    An alert and the PrometheusRule that defines it.

    Attributes:
        pending: what an instance means that is pending at the window's end: Error, Failed or Passed.
    """

    namespace: str
    name: str
    alertname: str
    pending: str = Verdict.ERROR


class InstantQuery(Struct, frozen=True):
    """A further request of an exchange: an instant query at `t`."""

    role: str
    promql: str
    t: float


class AlertRules(Struct, frozen=True):
    """A further request of an exchange: what `/api/v1/rules` says of an alert."""

    role: str
    alertname: str


Request = InstantQuery | AlertRules


class RuleType(abc.ABC):
    """
    One rule type. It keeps nothing: everything it says follows from the arguments.

    Attributes:
        name: the value of `type` in a spec, and the name of the rule's body beside it.
        own_labels: the labels that the rule's query matches by itself, so that no matcher of the user may name them.
        reads_labels: a decision depends on the labels of the answer, so that evidence keeps all of them.
        failed_word, passed_word: what a decision of such a rule says, in a drawing without values.
    """

    name: ClassVar[str]
    own_labels: ClassVar[frozenset[str]] = frozenset()
    failed_word: ClassVar[str] = "failed"
    passed_word: ClassVar[str] = "passed"
    reads_labels: ClassVar[bool] = False

    # What the user wrote, for lint, access and reports.

    def promql(self, rule: "Rule") -> str | None:
        """The PromQL that the user wrote in the body's field `promql`; None when the type makes its own query."""
        del rule
        return None

    def matchers(self, rule: "Rule") -> "Sequence[Matcher]":
        """The label matchers that the user wrote in the body's field `matchers`."""
        del rule
        return ()

    def reference(self, rule: "Rule") -> AlertReference | None:
        """The alert that the rule refers to: it must exist and be readable, and its silence needs proof."""
        del rule
        return None

    def comparison(self, rule: "Rule") -> Comparison | None:
        """What the rule's values are compared with; None for a type without values."""
        del rule
        return None

    def series(self, rule: "Rule") -> "Series | None":
        """The series that the user wants to be there; None for a type that counts none, and for a rule without."""
        del rule
        return None

    def max_age(self, rule: "Rule") -> int:
        """How many seconds old the newest samples may be at the final sweep; 0 when nobody asks."""
        del rule
        return 0

    def further_promql(self, rule: "Rule") -> "Mapping[tuple[str, ...], str]":
        """PromQL of the user besides the field `promql`, with placeholders, by its path in the body."""
        del rule
        return {}

    def own_selector(self, rule: "Rule") -> str | None:
        """The field `selector`, which must be one metric with label matchers; None for a type without."""
        del rule
        return None

    # What is asked.

    @abc.abstractmethod
    def question(self, rule: "Rule") -> tuple[str, list[Place]]:
        """The query, and the places in it that are replaced at run time."""

    def opens(self, rule: "Rule", start: float, t: float) -> float:
        """When the range of `${window}` opens in the query at T, for a window that opened at `start`."""
        del rule, t
        return start

    def next_request(
        self, context: RuleContext, exchange: Exchange, memory: Memory, asked: Collection[str]
    ) -> Request | None:
        """
        What has to be asked next, after what came back so far; None when the decision can be made.

        Args:
            memory: after the rule's decision before this one.
            asked: the roles of all requests so far, in this exchange and in those before it.
        """
        del context, exchange, memory, asked
        return None

    def asks_at_every_tick(self, rule: "Rule") -> bool:
        """Whether each tick needs requests besides the query, or a query whose answer must be kept whole."""
        del rule
        return False

    def asks_more(self, rule: "Rule", memory: Memory, *, final: bool) -> bool:
        """Whether a good answer may be followed by further requests about the past, where no alert is loaded."""
        del rule, memory, final
        return False

    def longest_range(self, rule: "Rule") -> float:
        """The longest range under the query, in seconds: before it is filled, the query may lack data."""
        del rule
        return 0.0

    def latching_series(self, query: str) -> str | None:
        """
        A selector such that the answer at T is its series with a sample between the range's opening and T.

        None for a query that must be evaluated at each tick.
        """
        del query
        return None

    # What it means.

    def silence(self, context: RuleContext, exchange: Exchange, *, assumed: bool = False) -> Silence | None:
        """
        What an exchange shows about an empty answer; None for a type that needs no proof.

        Args:
            assumed: what the present says about the past is taken for granted.
        """
        del context, exchange, assumed
        return None

    @abc.abstractmethod
    def observe(self, context: RuleContext, exchange: Exchange) -> Observation:
        """Reads the replies of an exchange."""

    @abc.abstractmethod
    def judge(self, context: RuleContext, observation: Observation, memory: Memory) -> Decision:
        """
        Decides. Never raises: every answer of Prometheus has a decision.

        Args:
            memory: after the rule's decision before this one; the new decision carries the memory after it.
        """

    # What people read.

    @abc.abstractmethod
    def requirement(self, rule: "Rule") -> str:
        """What must hold, in a few characters, such as `> 0` or `must not fire`. Without free text of the user."""

    @abc.abstractmethod
    def passes_when(self, rule: "Rule") -> str:
        """When the rule passes, in a few words, such as `value > 0`. Without free text of the user."""

    def condition(self, rule: "Rule", shown: Callable[[str], str] = str) -> str:
        """
        When the rule passes, with everything that the user wrote about it.

        Args:
            shown: makes a text of the user fit for where the sentence is shown.
        """
        del shown
        return self.passes_when(rule)

    @abc.abstractmethod
    def last_answer(self, state: RuleState, shown: Callable[[str], str] = str) -> str:
        """What the last answer was, in a few words."""

    def fired_count(self, state: RuleState) -> int | None:
        """The largest number of series for which an alert fired; None for a type that does not count them."""
        del state
        return None
