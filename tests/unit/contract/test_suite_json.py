"""`suite.json`: what the steps accept, and what they refuse although its types are right."""

import json

import pytest
from msgspec.structs import replace

from validationrun.base.hashing import bundle_hash
from validationrun.contract.bundle import BundleError
from validationrun.contract.suite_json import PlannedMember, SuiteDocument, mounted_suite, read_suite, suite_problem

HASH = "ab" * 32


def member(name, **fields):
    return PlannedMember(name=name, run=f"run-{name}", bundle_hash=HASH, deadline_seconds=60, **fields)


def suite(*members, **fields):
    return SuiteDocument(
        name="release", namespace="eng-ada", concurrency="Sequential", stop_on_failure=True,
        service_account_name="eng-ada-validation-suite", members=members, **fields,
    )  # fmt: skip


GOOD = suite(member("a"), member("b-0", depends_on=("a",), parameters={"duration": "5m"}))


def test_a_suite_is_read_as_it_was_written():
    assert read_suite({"suite.json": GOOD.to_json()}) == GOOD
    assert GOOD.member("b-0") is GOOD.members[1]
    assert GOOD.member("c") is None


def test_the_mounted_suite_has_the_hash_of_the_template(tmp_path):
    data = {"suite.json": GOOD.to_json()}
    (tmp_path / "suite.json").write_text(data["suite.json"])
    assert mounted_suite(tmp_path, bundle_hash(data)) == GOOD
    with pytest.raises(BundleError, match="the bundle's hash is"):
        mounted_suite(tmp_path, HASH)


def test_another_format_is_named():
    text = json.dumps({**json.loads(GOOD.to_json()), "format": 2})
    with pytest.raises(BundleError, match="format 2, this runner reads format 1"):
        read_suite({"suite.json": text})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}', GOOD.to_json()[:-1], "\ud800"])
def test_a_damaged_suite_is_refused(text):
    with pytest.raises(BundleError, match=r"suite\.json is missing or damaged"):
        read_suite({"suite.json": text} if text else {})


BAD = {
    "it has 0 members": suite(),
    "it has 65 members": suite(*(member(f"m-{index}") for index in range(65))),
    "instanceId is '{{x}}'": suite(member("a"), instance_id="{{x}}"),
    "'A' is not a DNS label": suite(member("A")),
    "'' is not a DNS label": replace(GOOD, name=""),
    "'../x' is not a DNS label": suite(replace(member("a"), run="../x")),
    "'a\\n' is not a DNS label": suite(member("a\n")),
    "two members are named a": suite(member("a"), member("b"), member("a")),
    "member a depends on 'x', which is not a member": suite(member("a", depends_on=("x",))),
    "member a: bundleHash is not a SHA-256": suite(replace(member("a"), bundle_hash="ab")),
    "member a: deadlineSeconds is 0": suite(replace(member("a"), deadline_seconds=0)),
    "member a: deadlineSeconds is 99999999": suite(replace(member("a"), deadline_seconds=99_999_999)),
    "member a: its parameters are too many or too long": suite(member("a", parameters={"duration": "1" * 1025})),
    "member a: a suite does not give the parameter runner-image": suite(member("a", parameters={"runner-image": "x"})),
    "member a: a suite does not give the parameter suite": suite(member("a", parameters={"suite": "x"})),
    "members a wait for each other": suite(member("a", depends_on=("a",))),
    "members a, b wait for each other": suite(
        member("a", depends_on=("b",)), member("b", depends_on=("a",)), member("c")
    ),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_the_compiler_never_writes_is_refused(problem):
    assert suite_problem(BAD[problem]).startswith(problem)
    with pytest.raises(BundleError, match="not what the compiler writes"):
        read_suite({"suite.json": BAD[problem].to_json()})
