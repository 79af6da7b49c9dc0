"""
A change that is half done fails here: each kind of change in docs/architecture.md, "Where a change goes", by what it must touch.

What other tests hold already (goldens, schemas, the codes of lint) is not repeated.
"""

import inspect
import json
import re
import typing

import pytest
import yaml
from tests.house.source import PACKAGE, ROOT

from validationrun.base.conventions import STEPS, SUITE_STEPS
from validationrun.cli import VERBS, init, logs, module_of, report
from validationrun.compiling.plan.model import Timings
from validationrun.compiling.plan.steps import plan_steps
from validationrun.contract.record_key import RecordKey
from validationrun.contract.record_keys import RECORD_KEYS
from validationrun.oracle.rules import RULE_TYPES
from validationrun.oracle.rules.rule_type import RuleType
from validationrun.report.suite import FORMS
from validationrun.spec.v1alpha1 import Rule
from validationrun.steps.main import PROGRAMS


def page(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_has_a_file_examples_a_row_and_a_test(verb: str) -> None:
    assert f"validationrun {verb}" in module_of(verb).EXAMPLES
    assert re.search(rf"^\| `{verb}[` ]", page("README.md"), re.MULTILINE), "a row in the table of README.md"
    tests = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    assert any(re.search(rf"""["']{verb}["']""", text) for text in tests), "a test that calls the verb"


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_the_list_of_verbs_says_of_each_what_its_own_help_says_first(verb: str) -> None:
    first = (inspect.getdoc(module_of(verb).run) or "").split("\n\n")[0]
    assert VERBS[verb] == " ".join(first.split())


def test_a_step_is_planned_started_and_listed_and_its_module_has_its_name() -> None:
    planned, last = plan_steps(Timings(1, 1, 1, 1, 1, 1, 1), has_load=True, rule_count=1)
    names = [*(step.name for step in planned), last.name]
    assert set(names) == set(PROGRAMS) - set(SUITE_STEPS) == set(STEPS) == {step.value for step in logs.Step}
    assert all((PACKAGE / "steps" / f"{name.replace('-', '_')}.py").is_file() for name in names)
    assert all(name in page("docs/glossary.md") for name in names)


def test_a_key_of_the_record_has_a_row_with_its_writer() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| ([\w-]+) \|", page("docs/run-record.md"), re.MULTILINE)
    assert sorted(rows) == sorted((key.key, key.writer) for key in RECORD_KEYS)


def test_a_key_of_the_record_has_a_step_that_writes_it() -> None:
    assert {key.writer for key in RECORD_KEYS} <= set(PROGRAMS)


def test_every_key_of_the_record_is_listed() -> None:
    defined = {key for key in RecordKey.__subclasses__() if key.__module__.startswith("validationrun.")}
    assert defined == set(RECORD_KEYS)


def test_a_rule_type_is_registered_and_has_a_body_an_example_and_a_page() -> None:
    types = set(typing.get_args(Rule.model_fields["type"].annotation))
    assert set(RULE_TYPES) == types
    assert types <= set(Rule.model_fields)
    documents = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / "examples").glob("*.yaml")]
    assert {rule["type"] for document in documents for rule in document["spec"].get("rules", [])} == types
    glossary = page("docs/glossary.md")
    assert all(f"`{name}`" in glossary for name in types)


def test_a_rule_type_that_refers_to_an_alert_does_it_by_the_key_that_preflight_reads() -> None:
    """steps/alert_preflight.py reads bundles as plain data, by `ruleRef`: another key would be passed over."""
    referring = {name for name, kind in RULE_TYPES.items() if type(kind).reference is not RuleType.reference}
    bodies = json.loads(page("schemas/validationrun.schema.json"))["$defs"]
    assert referring == {name for name in RULE_TYPES if "ruleRef" in bodies[f"{name.capitalize()}Rule"]["properties"]}


def test_a_report_format_is_named_where_reports_are_described() -> None:
    formats = "|".join(sorted(output.value for output in report.ReportOutput))
    (named,) = set(re.findall(r"report DIR -o ([\w|]*\|[\w|]*)", page("docs/results.md")))
    assert "|".join(sorted(named.split("|"))) == formats


def test_a_suite_has_each_report_format() -> None:
    assert set(FORMS) == {output.value for output in report.ReportOutput}


def test_a_starter_spec_has_a_template_and_is_made_by_make_examples() -> None:
    scenarios = {scenario.value for scenario in init.Scenario}
    assert {path.name.removesuffix(".yaml.j2") for path in (ROOT / "templates" / "init").iterdir()} == scenarios
    (made,) = re.findall(r"for scenario in (.*?);", page("Makefile"))
    assert set(made.split()) == scenarios
    assert all(f"{name}:" in str(init.ScenarioArgument.__metadata__[0].help) for name in scenarios)
