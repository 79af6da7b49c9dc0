"""The rule types by name. A new type is a module here with a subclass of `RuleType`, and its line below."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from validationrun.oracle.rules.alert import Alert
from validationrun.oracle.rules.counter import Counter
from validationrun.oracle.rules.query import Query
from validationrun.oracle.rules.rule_type import RuleType

if TYPE_CHECKING:
    from validationrun.spec.v1alpha1 import Rule

RULE_TYPES: Final[Mapping[str, RuleType]] = {kind.name: kind for kind in (Alert(), Query(), Counter())}


def type_of(rule: "Rule") -> RuleType:
    return RULE_TYPES[rule.type]
