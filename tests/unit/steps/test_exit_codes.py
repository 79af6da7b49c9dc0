"""What a step ends with: 0, or 3 with the reason as its message when what it recorded speaks against the run."""

import pathlib
from typing import Any

import pytest
from tests.unit.steps import chain_world, evaluator_world, load_world
from tests.unit.steps.evaluator_world import AWAY, BAD, GOOD, answer, rule

from record_kit import forget, load_end
from runner_helpers import START, ended, write
from validationrun.base.conventions import EXIT_AGAINST_RUN
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.evaluation_entries import RuleStates
from validationrun.contract.load_entries import LoadStart
from validationrun.oracle.fold import RuleState
from validationrun.oracle.outcome import RuleReason, RunReason, Verdict
from validationrun.steps import context
from validationrun.steps.rule_evaluator import rule_evaluator

OK = 0


pytestmark = pytest.mark.usefixtures("termination_log")


@pytest.fixture
def chain(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> chain_world.World:
    return chain_world.World(tmp_path, monkeypatch)


def test_a_chain_that_comes_up_is_green(chain: chain_world.World, termination_log: pathlib.Path) -> None:
    chain.ensure()
    assert chain.exit_code == OK
    heights = iter(range(5, 100))
    chain.height = lambda: next(heights)
    chain.wait()
    assert chain.exit_code == OK
    assert not termination_log.exists()


def test_a_nodes_escape_sequences_do_not_reach_the_workflow_or_the_log(
    chain: chain_world.World, termination_log: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of a step's pod becomes the Workflow's, and the controller's text quotes the node."""
    chain.makes_ready = False
    detail = {"error": "invalid write_mode\x1b]0;all is well\x07\nverdict: Passed"}
    status = {"phase": "Failed", "plan": {"failedTaskDetail": detail}}
    name = ("seinodedeployments", chain_world.VALIDATORS)
    chain.clock.after(5, lambda: chain.cluster.objects[name].update(status=status))
    result = chain.ensure()
    assert result["message"].isprintable()
    assert "invalid write_mode\\x1b]0;all is well\\x07\\nverdict: Passed" in result["message"]
    assert termination_log.read_text().isprintable()
    context.termination_message("first \x1b[2J\nsecond")
    assert termination_log.read_text() == "first \\x1b[2J\nsecond"
    assert capsys.readouterr().err == "first \\x1b[2J\nsecond\n"


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_chain_that_does_not_come_up_is_red_at_ensure_chain_alone(
    chain: chain_world.World, termination_log: pathlib.Path, attempt: int
) -> None:
    """Also by an attempt that finds the failure of an earlier one, which was lost before it ended."""
    chain.height = 1
    for _ in range(attempt):
        termination_log.unlink(missing_ok=True)
        chain.ensure()
    assert chain.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith("ChainNotReady: not within timeouts.chainReady: ")
    chain.wait()
    assert chain.exit_code == OK


def test_a_spec_that_does_not_fit_is_red(chain: chain_world.World, termination_log: pathlib.Path) -> None:
    chain.ensure(duration="for ever")
    assert chain.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith("ChainSpecInvalid: ")
    assert (chain.folder / "outputs" / "message").read_text().startswith("ChainSpecInvalid: ")


def test_a_bundle_that_is_missing_is_red(chain: chain_world.World, termination_log: pathlib.Path) -> None:
    for file in (chain.folder / "bundle").iterdir():
        file.unlink()
    chain.ensure()
    assert chain.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith("BundleMissing: ")
    assert (chain.folder / "outputs" / "message").read_text().startswith("BundleMissing: ")


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_chain_that_does_not_serve_is_red(
    chain: chain_world.World, termination_log: pathlib.Path, attempt: int
) -> None:
    chain.ensure()
    chain.height = 5
    for _ in range(attempt):
        termination_log.unlink(missing_ok=True)
        chain.wait()
    assert chain.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith("ChainNotReady: not serving within timeouts.chainReady: ")


def test_without_a_predecessors_result_a_step_makes_nothing_and_is_green(tmp_path: pathlib.Path) -> None:
    for key in (ChainEntry, ChainReady):
        load = load_world.World(tmp_path)
        evaluator = evaluator_world.World(tmp_path, [rule()])
        for world, step in ((load, load_world.load_job), (evaluator, rule_evaluator)):
            forget(world.cluster, key)
            before = list(world.cluster.created)
            assert step(world.context) == OK
            assert world.cluster.created == before


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ((0, 1), "WorkloadFailed: shard 0 exit 0, shard 1 exit 1"),
        ((1, 2), "WorkloadInfraFailure: shard 0 exit 1, shard 1 exit 2"),
    ],
)
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_load_that_fails_is_red(
    tmp_path: pathlib.Path, termination_log: pathlib.Path, codes: tuple[int, int], message: str, attempt: int
) -> None:
    world = load_world.World(tmp_path, 2)
    world.plays(*(ended(code, 5, 60) for code in codes), kind="Failed")
    for _ in range(attempt):
        termination_log.unlink(missing_ok=True)
        world.run()
    assert world.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text() == message


def test_a_load_that_does_not_start_is_red_by_its_own_reason(
    tmp_path: pathlib.Path, termination_log: pathlib.Path
) -> None:
    world = load_world.World(tmp_path)
    world.run()
    assert world.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text().startswith("LoadNotStarted: the evaluator was not ready")


def test_a_load_that_passes_or_that_a_rule_stops_is_green(
    tmp_path: pathlib.Path, termination_log: pathlib.Path
) -> None:
    passes = load_world.World(tmp_path)
    passes.plays(ended(0, 5, 60))
    assert passes.run()["code"] == 0
    stopped = load_world.World(tmp_path)
    stopped.stop()
    stopped.evaluator_is_ready()
    assert stopped.run()["code"] is None
    assert (passes.exit_code, stopped.exit_code) == (OK, OK)
    assert not termination_log.exists()


@pytest.fixture
def prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator_world.install(monkeypatch)


def judged(folder: pathlib.Path, *rules: dict[str, Any]) -> evaluator_world.World:
    world = evaluator_world.World(folder, list(rules))
    world.load_ends(at=35, learned=38)
    world.judge()
    return world


@pytest.mark.usefixtures("prometheus")
def test_rules_that_hold_are_green(tmp_path: pathlib.Path, termination_log: pathlib.Path) -> None:
    assert judged(tmp_path, rule()).exit_code == OK
    assert termination_log.read_text() == "signed off: height Passed"


@pytest.mark.usefixtures("prometheus")
def test_a_rule_that_does_not_pass_is_red_the_first_failed_one_first(
    tmp_path: pathlib.Path, termination_log: pathlib.Path
) -> None:
    """`unanswered` is an Error, `late` fails at 30, `early` at 10."""
    names = ("unanswered", "late", "early", "good")
    rules = [{**rule(name), "query": {"promql": f"max({name})", "op": ">", "threshold": "0"}} for name in names]

    def reply(promql: str, t: float) -> Any:
        bad = promql == "max(early)" or (promql == "max(late)" and t >= 30)
        return AWAY if promql == "max(unanswered)" else BAD if bad else GOOD

    answer(reply)
    assert judged(tmp_path, *rules).exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text() == (
        "ThresholdViolated: rule early: 0, not > 0; ThresholdViolated: rule late: 0, not > 0; "
        "PrometheusUnavailable: rule unanswered: connection refused"
    )


@pytest.mark.usefixtures("prometheus")
@pytest.mark.parametrize("reply", [BAD, AWAY])
def test_a_second_attempt_of_the_evaluator_is_as_red_as_the_first(
    tmp_path: pathlib.Path, termination_log: pathlib.Path, reply: Any
) -> None:
    answer(lambda _promql, _t: reply)
    world = judged(tmp_path, rule())
    first = termination_log.read_text()
    termination_log.unlink()
    assert rule_evaluator(world.context) == world.exit_code == EXIT_AGAINST_RUN
    assert termination_log.read_text() == first


@pytest.mark.usefixtures("prometheus")
def test_a_failure_that_another_attempt_recorded_beside_the_sign_off_is_red(tmp_path: pathlib.Path) -> None:
    world = judged(tmp_path, rule())
    assert world.exit_code == OK
    failed = RuleState("height", Verdict.FAILED, RuleReason.ALERT_FIRED, "it fired", failed_t=START)
    write(world.written, RuleStates([failed]))
    assert rule_evaluator(world.context) == EXIT_AGAINST_RUN


@pytest.mark.usefixtures("prometheus")
def test_where_no_load_began_the_rules_say_nothing(tmp_path: pathlib.Path) -> None:
    """load-job is red then; the rules were not asked."""
    world = evaluator_world.World(tmp_path, [rule()])
    forget(world.cluster, LoadStart)
    never_began = load_end(2, start=None, end=None, reason=RunReason.LOAD_NOT_STARTED)
    world.clock.after(30, lambda: write(world.written, never_began))
    assert world.judge()["start"] is None
    assert world.exit_code == OK
