"""The members of a suite, their order, and how long they may take."""

import pytest

from emit_helpers import rules_only
from suite_helpers import codes, compile_documents, compiled_suite, edited_suite, entry, loaded, suite
from validationrun.compiling.plan.suite import TO_START_S, longest_path, worst_case_s


def test_a_matrix_makes_a_run_of_each_combination_the_last_parameter_first():
    urls = ["http://a:9090", "http://b:9090"]
    plan, _ = compiled_suite(suite(entry("smoke", matrix={"duration": ["5m", "10m"], "prometheus-url": urls})))
    assert [(member.name, dict(member.parameters)) for member in plan.members] == [
        ("smoke-0", {"duration": "5m", "prometheus-url": urls[0]}),
        ("smoke-1", {"duration": "5m", "prometheus-url": urls[1]}),
        ("smoke-2", {"duration": "10m", "prometheus-url": urls[0]}),
        ("smoke-3", {"duration": "10m", "prometheus-url": urls[1]}),
    ]
    assert {member.run.plan.name for member in plan.members} == {"gate-smoke"}


def test_an_empty_value_means_as_compiled():
    plan, _ = compiled_suite(suite(entry("smoke", matrix={"duration": ["", "10m"]})))
    assert [dict(member.parameters) for member in plan.members] == [{}, {"duration": "10m"}]


def test_what_depends_on_a_matrix_waits_for_all_its_runs():
    runs = (entry("smoke", matrix={"duration": ["5m", "10m"]}), entry("soak", dependsOn=["smoke"]))
    plan, _ = compiled_suite(suite(*runs, concurrency="Parallel"))
    assert plan.members[2].depends_on == ("smoke-0", "smoke-1")


def test_sequential_members_start_after_the_one_before():
    plan, _ = compiled_suite(suite(entry("a"), entry("b"), entry("c", dependsOn=["b"])))
    assert [(m.starts_after, m.depends_on) for m in plan.members] == [((), ()), (("a",), ()), ((), ("b",))]
    assert plan.max_parallel == 1


def test_the_deadline_of_a_member_is_its_run_at_worst_and_the_time_to_start():
    plan, _ = compiled_suite(suite(loaded("a")))
    (member,) = plan.members
    assert member.deadline_s == member.run.plan.timings.worst_case_s + TO_START_S
    assert plan.member_timeout_s > member.deadline_s


def test_the_worst_case_holds_every_attempt_of_suite_finalize():
    plan, output = compiled_suite(suite(entry("a")))
    step = output.steps["suite-finalize"]
    attempts = 1 + int(step["retryStrategy"]["limit"])
    assert attempts == 3
    assert plan.worst_case_s == plan.deadline_s + attempts * step["activeDeadlineSeconds"]


def test_sequential_members_take_their_sum():
    plan, _ = compiled_suite(suite(loaded("a"), entry("b"), entry("c")))
    assert worst_case_s(plan.members, 1) == sum(member.deadline_s for member in plan.members) < plan.deadline_s


def test_parallel_members_take_the_longest_path():
    runs = (loaded("a"), entry("b"), entry("c", dependsOn=["b"]))
    plan, _ = compiled_suite(suite(*runs, concurrency="Parallel"))
    path = [member.name for member in longest_path(plan.members)]
    a, b, c = (member.deadline_s for member in plan.members)
    assert path == (["a"] if a > b + c else ["b", "c"])
    assert max(a, b + c) <= worst_case_s(plan.members, plan.max_parallel) <= a + b + c


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_no_order_of_starts_takes_longer_than_the_bound(most: int):
    """A list schedule, computed step by step, against the formula."""
    runs = [entry(f"m{number}") for number in range(7)]
    runs[5]["dependsOn"] = ["m0", "m1"]
    runs[6]["dependsOn"] = ["m5"]
    plan, _ = compiled_suite(suite(*runs, concurrency="Parallel", maxParallel=most))
    ends: dict[str, int] = {}
    running: dict[str, int] = {}
    now = 0
    while len(ends) < len(plan.members):
        for member in plan.members:
            ready = all(name in ends for name in member.depends_on)
            if ready and member.name not in {*ends, *running} and len(running) < most:
                running[member.name] = now + member.deadline_s
        now = min(running.values())
        ends |= {name: end for name, end in running.items() if end == now}
        running = {name: end for name, end in running.items() if end > now}
    assert now <= worst_case_s(plan.members, plan.max_parallel)


def test_a_run_that_a_suite_starts_takes_the_suite_and_may_look_at_it():
    inside = next(one for one in compile_documents(suite(entry("a"))).runs if one.plan.name == "gate-a").plan
    alone = compile_documents(rules_only()).runs[0].plan
    assert [parameter.name for parameter in inside.parameters][-1] == "suite"
    assert "suite" not in [parameter.name for parameter in alone.parameters]
    rights = [(right.resources, right.verbs) for right in inside.step_rights]
    assert (("workflows",), ("get",)) in rights
    assert all(right.resources != ("workflows",) for right in alone.step_rights)


def test_a_run_by_reference_is_one_that_a_suite_starts():
    run = rules_only()
    result = compile_documents(run, suite({"name": "a", "ref": {"name": run["metadata"]["name"]}}))
    assert result.ok
    assert "suite" in [parameter.name for parameter in result.runs[0].plan.parameters]


def test_no_lock_takes_the_suite_away():
    result = compile_documents(suite(entry("a")), lock=("all",))
    assert [parameter.name for parameter in result.runs[0].plan.parameters] == ["suite"]


def test_a_locked_parameter_is_a_finding_when_compiled():
    document = suite(entry("a", parameters={"duration": "5m"}))
    assert codes(document) == []
    assert codes(document, lock=("duration",)) == [("VR710", "spec.runs[0].parameters.duration")]
    (found,) = compile_documents(document, lock=("duration",)).diagnostics
    assert found.help == "delete it, or compile without --lock"


def test_the_suite_is_no_parameter_of_a_suite():
    document = suite(entry("a", parameters={"suite": "x/00000000-0000-0000-0000-000000000000"}))
    assert codes(document) == [("VR710", "spec.runs[0].parameters.suite")]


def test_a_run_of_another_namespace_is_none():
    run = rules_only()
    run["metadata"]["namespace"] = "eng-bob"
    document = suite({"name": "a", "ref": {"name": run["metadata"]["name"]}})
    assert codes(run, document) == [("VR709", "spec.runs[0].ref.name")]


def test_nothing_more_is_said_of_a_reference_to_a_run_with_errors():
    run = rules_only()
    run["spec"]["rules"][0]["query"]["op"] = "=>"
    document = suite({"name": "a", "ref": {"name": run["metadata"]["name"]}})
    assert codes(run, document) == [("VR203", "spec.rules[0].query.op")]


def test_members_that_wait_for_each_other_may_share_a_chain_id():
    given = {"parameters": {"chain-id": "gate-1"}}
    assert codes(suite(loaded("a", **given), loaded("b", **given))) == []
    waiting = suite(loaded("a", **given), loaded("b", dependsOn=["a"], **given), concurrency="Parallel")
    assert codes(waiting) == []
    at_once = suite(loaded("a", **given), loaded("b", **given), concurrency="Parallel")
    assert codes(at_once) == [("VR711", "spec.runs[1].parameters.chain-id")]


def test_what_cannot_be_read_hides_no_fault_elsewhere():
    def edit(document):
        document["spec"]["runs"][0]["name"] = "Smoke"
        document["spec"]["maxParallel"] = 2
        document["spec"]["runs"][1]["spec"]["rules"][0]["query"]["op"] = "=>"

    found = codes(edited_suite(edit, entry("a"), entry("b"), entry("b")))
    assert {code for code, _ in found} == {"VR206", "VR707", "VR203", "VR702"}
