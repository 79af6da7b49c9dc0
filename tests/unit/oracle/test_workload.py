"""What shards add up to by their exit codes and times."""

import pytest

from validationrun.oracle.workload import Shard, aggregate, early_end


@pytest.mark.parametrize(
    ("code", "failed_codes", "expected"),
    [
        (1, (1, 99), 1),
        (99, (1, 99), 1),
        (99, (1,), 2),
        # 1 is no assertion's code where the spec names others.
        (1, (99,), 2),
        (1, (), 2),
        (0, (99,), 0),
    ],
)
def test_the_spec_says_which_codes_are_an_assertion(code: int, failed_codes: tuple[int, ...], expected: int) -> None:
    assert aggregate([Shard(0, code, "Error")], 1, job_complete=True, failed_codes=failed_codes) == expected


@pytest.mark.parametrize("reason", ["OOMKilled", "Evicted", "DisruptionTarget", "Deleted", "Replaced", "SIGKILL"])
@pytest.mark.parametrize("code", [1, 99, 137])
def test_a_container_that_something_else_ended_asserts_nothing(reason: str, code: int) -> None:
    assert aggregate([Shard(0, code, reason)], 1, job_complete=True, failed_codes=(1, 99, 137)) == 2


def test_a_container_whose_process_was_killed_for_memory_has_not_passed() -> None:
    assert aggregate([Shard(0, 0, "OOMKilled")], 1, job_complete=True) == 2


def lasting(index: int, seconds: float, code: int = 0) -> Shard:
    return Shard(index, code, started=100, finished=100 + seconds)


@pytest.mark.parametrize(("seconds", "is_early"), [(0, True), (538, True), (539, False), (540, False), (600, False)])
def test_a_second_less_is_tolerated_where_times_have_whole_seconds(seconds: int, is_early: bool) -> None:
    assert (early_end([lasting(0, seconds)], 540, 1) is not None) == is_early


def test_each_shard_counts_and_the_first_end_is_told() -> None:
    shards = [lasting(0, 600), lasting(1, 40), lasting(2, 4), lasting(3, 30)]
    early = early_end(shards, 540, 1)
    assert early is not None
    assert early.at == 104
    assert early.message == (
        "shard 1 ended with 0 after 40s, shard 2 after 4s, shard 3 after 30s; load.minDuration is 9m"
    )


@pytest.mark.parametrize(("finished", "is_early"), [(698, True), (699, False), (700, False), (760, False)])
def test_a_load_that_ends_by_signal_lasts_until_the_signal(finished: int, is_early: bool) -> None:
    """However long the shard's own container lasted: another one may have started later."""
    early = early_end([Shard(0, 0, started=10, finished=finished)], 600, 1, signal_at=700)
    assert (early is not None) == is_early


def test_the_clock_of_a_shard_may_be_behind() -> None:
    shards = [Shard(index, 0, started=10, finished=695) for index in range(2)]
    early = early_end(shards, 600, 1, signal_at=700, apart_seconds={0: 5})
    assert early is not None
    assert early.message.startswith("shard 1 ended with 0 after 11m25s; ")


def test_a_shard_without_an_end_has_not_seen_the_signal() -> None:
    early = early_end([Shard(0, 0, started=100)], 600, 1, signal_at=700)
    assert early is not None
    assert early.message == (
        "shard 0 ended with 0 after 0s; with endBy: Signal it must run until it gets SIGTERM, 10m after the start"
    )


def test_of_many_early_shards_eight_are_named() -> None:
    early = early_end([lasting(index, 4) for index in range(20)], 540, 1)
    assert early is not None
    assert "shard 7 after 4s and 12 more; load.minDuration is 9m" in early.message


@pytest.mark.parametrize("code", [1, 2, None])
def test_only_a_0_can_be_early(code: int | None) -> None:
    assert early_end([Shard(0, code, started=100, finished=104)], 540, 1) is None


def test_a_minimum_of_0_lets_a_load_end_at_once() -> None:
    assert early_end([lasting(0, 0)], 0, 0) is None


@pytest.mark.parametrize(("started", "finished"), [(None, 700.0), (100.0, None), (None, None)])
def test_a_shard_whose_times_are_unknown_has_not_lasted(started: float | None, finished: float | None) -> None:
    assert early_end([Shard(0, 0, started=started, finished=finished)], 540, 1) is not None
