"""What the files of worlds say is what is played."""

import itertools

import pytest
from tests.worlds.samples import Sample, Shown, scraped, shown
from tests.worlds.starter import starter
from tests.worlds.world import HERE, Line, World, files, read_line, read_moment, system, world

from validationrun.judging.ruletest.promtool_series import Mark


@pytest.mark.parametrize(
    ("text", "base", "rate"),
    [("5", 5, 0), ("100 + 2.5/s", 100, 2.5), ("400/s", 0, 400), ("-1", -1, 0), ("0.5/s", 0, 0.5)],
)
def test_a_value_over_time(text, base, rate):
    assert read_line(text) == Line(base=base, rate=rate)


@pytest.mark.parametrize("text", ["", "fast", "5 + 2", "/s", "5/m"])
def test_what_is_no_value_is_refused(text):
    with pytest.raises(ValueError, match="is no value"):
        read_line(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("start", 0), ("end - 1m45s", 495), ("50%", 300), ("50% + 20s", 320), ("start - 1m", -60)]
)
def test_a_time_of_the_load(text, seconds):
    assert read_moment(text).of(600) == seconds


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="is no time"):
        read_moment("soon")


def test_a_world_that_is_not_for_every_starter_says_why(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text("story: nothing happens\nstarters: [soak]\n")
    with pytest.raises(ValueError, match="`why` says why"):
        world(path)


def test_a_change_that_selects_nothing_is_refused():
    here = World.model_validate({"story": "s", "changes": [{"series": "misspelt", "gone": True}]})
    with pytest.raises(ValueError, match="no series is misspelt"):
        shown(system(), here, starter("nightly"))


@pytest.mark.parametrize("path", [*files("bad"), *files("good")], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_bad_world_says_why_it_does_not_pass_and_a_good_one_does_not(path):
    assert bool(world(path).because) == (path.parent.name == "bad")


def changed(line, **change):
    """The samples of one series and of what becomes of it by a change, in a load of 600 s."""
    here = World.model_validate({"story": "s", "changes": [{"series": "x", **change}]})
    small = system().model_copy(update={"node": {'x{job="a", pod="${pod}"}': line}, "load": {}})
    (series, *others) = [one for one in shown(small, here, starter("nightly")) if one.labels["pod"].endswith("rpc-0-0")]
    return [by_time(series), *map(by_time, others)]


def by_time(series: Shown):
    return {sample.t: sample.value for sample in scraped(series, starter("nightly"), World(story="s"), -60, 600)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"holds": True}, lambda t: 400),
        ({"adds": 7}, lambda t: 107 + t),
        ({"resets": True}, lambda t: t - 300),
        ({"slower": 0.5}, lambda t: 400 + (t - 300) / 2),
        ({"is": "5 + 2/s"}, lambda t: 5 + 2 * (t - 300)),
    ],
    ids=["holds", "adds", "resets", "slower", "is"],
)
def test_a_change_begins_at_its_time(change, expected):
    (samples,) = changed(Line(base=100, rate=1), **change, **{"from": "50%"})
    assert {t: value for t, value in samples.items() if t < 300} == {t: 100 + t for t in samples if t < 300}
    assert {t: value for t, value in samples.items() if t >= 300} == {t: expected(t) for t in samples if t >= 300}


def test_a_series_that_is_gone_is_marked_stale_once_and_comes_back():
    (samples,) = changed(Line(base=100, rate=0), gone=True, **{"from": "50%", "until": "50% + 1m"})
    assert [value for t, value in samples.items() if 300 <= t < 360] == [Mark.STALE]
    assert samples[max(samples)] == 100


def test_a_series_goes_on_under_other_labels():
    before, after = changed(Line(base=100, rate=1), labels={"instance": "b"}, **{"from": "50%"})
    assert list(before.values()).count(Mark.STALE) == 1
    assert max(t for t, value in before.items() if value is not Mark.STALE) < 300 <= min(after)


def test_a_node_that_cannot_be_scraped_has_an_up_of_0_and_nothing_else_of_its_own():
    here = starter("nightly")
    unreachable, undiscovered = (
        world(HERE / "bad" / f"validator-{name}.yaml") for name in ("unreachable", "undiscovered")
    )
    assert _of_seid(unreachable, here, 290) == _of_seid(undiscovered, here, 290)
    assert _of_seid(unreachable, here, 310) == {"up": 0}
    assert _of_seid(undiscovered, here, 310) == {}


def _of_seid(world, here, t):
    """What the first validator's seid shows at a time, by metric."""
    labels = {"job": "seid", "pod": here.validator}
    series = [each for each in shown(system(), world, here) if labels.items() <= each.labels.items()]
    return {each.labels["__name__"]: value for each in series if (value := each.show(t)) is not None}


def test_scrapes_have_their_interval_and_their_jitter():
    series = Shown({"job": "a"}, lambda t: t)
    regular = [sample.t for sample in scraped(series, starter("nightly"), World(story="s"), 0, 600)]
    assert {later - earlier for earlier, later in itertools.pairwise(regular)} == {30}
    late = [sample.t for sample in scraped(series, starter("nightly"), World(story="s", jitter="8s"), 0, 600)]
    assert all(0 <= b - a < 8 for a, b in zip(regular, late, strict=True))
    assert late != regular
    slow = list(scraped(series, starter("nightly"), World(story="s", scrape="60s"), 0, 600))
    assert len(slow) == 10
    assert isinstance(slow[0], Sample)
