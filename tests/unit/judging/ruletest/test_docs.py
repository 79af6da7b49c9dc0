"""docs/rule-tests.md says all there is."""

import re
import typing

import pytest

from cli_helpers import ROOT
from validationrun.judging.ruletest import model
from validationrun.judging.ruletest.parse import parse_tests

PAGE = (ROOT / "docs" / "rule-tests.md").read_text("utf-8")
SOURCE = ROOT / "compiler" / "validationrun" / "judging" / "ruletest"


def test_every_code_is_listed_and_no_other():
    used = {code for file in SOURCE.glob("*.py") for code in re.findall(r'"(RT[0-9]{3})"', file.read_text("utf-8"))} - {
        "RT201"
    }  # The place of an expectation; never shown with its code.
    assert set(re.findall(r"^\| (RT[0-9]{3}) \|", PAGE, re.MULTILINE)) == used


def test_every_fault_is_listed_and_no_other():
    tables = PAGE[PAGE.index("## Faults") : PAGE.index("## Output")]
    assert set(re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE)) == set(typing.get_args(model.FaultType))


@pytest.mark.parametrize("kind", [model.RuleTestFile, model.RuleTest, model.Expected, model.ExpectedRule, model.Fault])
def test_every_field_is_mentioned(kind):
    for field in kind.model_fields.values():
        assert re.search(rf"[`{{ ,]{field.alias}[:`]", PAGE) or f"\n{field.alias}:" in PAGE, field.alias


def test_the_example_on_the_page_is_one():
    import yaml

    text = PAGE[PAGE.index("```yaml") + 7 : PAGE.index("```\n", PAGE.index("```yaml"))]
    parsed, findings = parse_tests(yaml.safe_load(text))
    assert findings == []
    assert parsed is not None
