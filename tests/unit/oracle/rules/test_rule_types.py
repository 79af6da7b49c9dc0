"""A rule type is one file and a registration: nothing above the oracle asks which type a rule has."""

import ast
import typing
from collections.abc import Iterator

import pytest
import yaml

from helpers import ROOT
from validationrun.oracle.rules import RULE_TYPES
from validationrun.spec.v1alpha1 import Rule
from validationrun.spec.v1alpha1.rules import RuleTypeName

PRODUCT = ROOT / "compiler" / "validationrun"
KNOWING = (PRODUCT / "spec", PRODUCT / "oracle" / "rules")
NAMES = frozenset(RULE_TYPES)
NO_RULES = frozenset({"exchange", "parts"})
"""Variables with an attribute `query` that is no rule's body: an exchange, and the parts of a URL."""


def test_the_registry_has_every_type_of_the_spec() -> None:
    assert set(typing.get_args(RuleTypeName)) == NAMES
    assert {kind.name for kind in RULE_TYPES.values()} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_type_has_a_body_a_file_tests_docs_and_an_example(name: str) -> None:
    examples = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / "examples").glob("*.yaml")]

    assert name in Rule.model_fields
    assert (PRODUCT / "oracle" / "rules" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "unit" / "oracle" / "rules" / f"test_{name}.py").is_file()
    assert f"\n## Type `{name}`\n" in (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert name in {rule["type"] for example in examples for rule in example["spec"].get("rules", [])}


def asking(tree: ast.AST) -> Iterator[str]:
    """Where a module looks into the body of a type, or compares a type's name."""
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in NAMES and id(node) not in called:
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if owner not in NO_RULES:
                yield f"{node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) and side.value in NAMES for side in sides):
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_nothing_else_asks_which_type_a_rule_has() -> None:
    asked = [
        f"{path.relative_to(PRODUCT)}:{place}"
        for path in sorted(PRODUCT.rglob("*.py"))
        if not any(room in path.parents for room in KNOWING)
        for place in asking(ast.parse(path.read_text("utf-8")))
    ]
    assert asked == []


@pytest.mark.parametrize(
    "line", ["rule.query.op", "one.rule.alert is None", 'rule.type == "alert"', 'x if "query" in rule else y']
)
def test_asking_would_be_found(line: str) -> None:
    assert [*asking(ast.parse(line))]


@pytest.mark.parametrize("line", ["prometheus.query(promql, t, 30.0)", "decision.exchange.query", "rule.type"])
def test_asking_prometheus_is_something_else(line: str) -> None:
    assert not [*asking(ast.parse(line))]
