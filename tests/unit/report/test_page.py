"""`report.html`: what stands where, what it never holds, and what it refers to."""

import base64
import dataclasses
import hashlib
import itertools
import re

import msgspec
import pytest
from tests.report.page import read
from tests.report.worlds import WORLDS

from simulation import START
from validationrun import report
from validationrun.base.resources import data_folder
from validationrun.contract.status_document import Status
from validationrun.oracle.decision import Decision
from validationrun.report.from_result import view_of
from validationrun.report.page import render

SHORT = [name for name in WORLDS if name != "soak"]
WORDS = {
    "passed": "Passed",
    "stopped": "Failed",
    "error": "Error",
    "no-data": "Error",
    "interrupted": "Cancelled",
    "alert-fired": "Failed",
    "swept": "Failed",
    "small": "Failed",
    "never-began": "Error",
    "many-rules": "Failed",
    "hostile": "Error",
}


@pytest.fixture
def page(world):
    return lambda name: read(report.to_html(world(name).result))


def decisions(world, name, rule) -> list[tuple[Decision, bool]]:
    view = view_of(world(name).result)
    found = next(one for one in view.rules if one.name == rule)
    return [(point.decision, point.counted) for point in found.points]


def lane(tree, rule):
    return next(one for one in tree.all("div", class_="lane") if any(a.text == rule for a in one.all("a")))


@pytest.mark.parametrize("name", SHORT)
def test_the_verdict_is_the_first_thing_that_is_read(page, name):
    """Nothing stands before it, so that no reader and no screen reader meets anything else first."""
    tree = page(name)
    body = tree.one("body").text.split()
    assert body[0] == WORDS[name]
    assert tree.one("h1").text == WORDS[name]
    assert tree.one("head").one("title").text.startswith(f"{WORDS[name]}: ")


@pytest.mark.parametrize("name", SHORT)
def test_reason_and_message_stand_beside_the_verdict(page, world, name):
    header = page(name).one("header")
    status = world(name).result.status.to_data()
    assert " ".join(status["message"].split())[:30] in header.text
    assert status["reason"][:20] in header.text


@pytest.mark.parametrize("name", SHORT)
def test_only_a_run_that_passed_looks_like_one(page, name):
    """The banner's tone is the verdict's, and the tone `passed` is used for nothing but rules that passed."""
    tree = page(name)
    tone = {"Passed": "passed", "Failed": "failed", "Error": "error", "Cancelled": "cancelled"}[WORDS[name]]
    header = tree.one("header")
    assert header.classes == ["verdict", tone]
    assert header.one("use").attributes["href"] == f"#sign-{tone}"
    icon = tree.one("link", rel="icon").attributes["href"]
    assert ("1a7f37" in icon) == (tone == "passed")
    for chip in tree.all("span", class_="chip"):
        assert ("passed" in chip.classes) == (chip.text.strip() == "Passed")


def test_a_run_without_data_shows_nothing_green(page):
    tree = page("no-data")
    assert not [one for one in tree.all() if "passed" in one.classes]
    assert all("no data" in row.text for row in tree.all("svg", class_="row") if list(row.all("rect", class_="gap")))
    assert not list(tree.all("path", class_="line", vector_effect="non-scaling-stroke"))


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_loaded_from_anywhere(page, world, name):
    """Offline, and in a browser that allows nothing, the page is whole: it refers to itself and to the files beside it."""
    text = report.to_html(world(name).result)
    tree = read(text)
    for node in tree.all():
        for attribute, value in node.attributes.items():
            if attribute in ("src", "srcset", "action", "poster", "data", "background"):
                pytest.fail(f"<{node.tag} {attribute}={value}>")
            if attribute in ("href", "xlink:href"):
                assert re.fullmatch(r"#[a-z0-9-]+|(rules/)?[a-z0-9.-]+\.(html|log|xml|md|json|jsonl)", value) or (
                    node.tag == "link" and value.startswith("data:image/svg+xml,")
                ), value
            assert not attribute.startswith("on"), attribute
            assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", value))
    style = tree.one("style").text
    assert "@import" not in style
    assert "url(" not in style
    assert not list(tree.all("iframe")) + list(tree.all("img")) + list(tree.all("base"))


@pytest.mark.parametrize("name", SHORT)
def test_the_only_script_is_the_one_that_the_policy_names(world, name):
    text = report.to_html(world(name).result)
    script = read(text).one("script").text
    policy = read(text).one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    assert script == data_folder("templates").joinpath("report", "page.js").read_text("utf-8")
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", SHORT)
def test_what_is_referred_to_is_there_and_names_are_unique(page, name):
    tree = page(name)
    names = [node.attributes["id"] for node in tree.all() if "id" in node.attributes]
    assert len(names) == len(set(names))
    for node in tree.all():
        for attribute in ("aria-labelledby", "aria-describedby"):
            for target in node.attributes.get(attribute, "").split():
                assert target in names, target
        for attribute in ("href", "fill"):
            found = re.fullmatch(r"#([a-z0-9-]+)|url\(#([a-z0-9-]+)\)", node.attributes.get(attribute, ""))
            if found and not re.fullmatch(r"#[0-9a-f]{3,8}", found[0]):
                assert (found[1] or found[2]) in names, found[0]


@pytest.mark.parametrize("name", SHORT)
def test_each_row_of_the_timeline_is_described_in_words(page, name):
    """Colours and lines alone tell nothing to somebody who can't see them."""
    tree = page(name)
    for row in tree.all("svg", role="img"):
        if "aria-label" in row.attributes:
            continue
        title, words = row.attributes["aria-labelledby"].split()
        assert tree.one("title", id=title).text
        assert tree.one("desc", id=words).text


def test_every_failed_and_every_unanswered_tick_has_its_mark(page, world):
    row = lane(page("stopped"), "p99-latency")
    found = decisions(world, "stopped", "p99-latency")
    failed = [one for one, counted in found if counted and one.verdict == "Failed"]
    errors = [one for one, counted in found if counted and one.verdict == "Error"]
    assert len(failed) == 11
    assert len(errors) == 3
    assert len(list(row.all("use", class_="failed"))) == len(failed)
    assert len(list(row.all("use", class_="error"))) == len(errors)
    assert row.one("path", class_="failed").attributes["d"].count("M") == len(failed)
    assert row.one("path", class_="error").attributes["d"].count("M") == len(errors)
    titles = [mark.text for mark in row.all("use", class_="failed")]
    assert titles[0] == "2026-11-18T11:10:00Z (+3m20s): Failed: ThresholdViolated 1.263, not <= 0.8"


def test_a_stretch_without_answers_is_a_gap_in_the_line(page):
    """Three ticks in the middle had no answer: the line is broken there, and the stretch is hatched."""
    row = lane(page("stopped"), "p99-latency")
    line = row.one("path", class_="line").attributes["d"]
    assert line.count("M") == 2
    gap = row.one("rect", class_="gap")
    assert gap.attributes["fill"] == "url(#hatch)"
    left, width = float(gap.attributes["x"].rstrip("%")), float(gap.attributes["width"].rstrip("%"))
    before, after = (part.split("L") for part in line[1:].split("M"))
    assert float(before[-1].split()[0]) / 10 <= left
    assert left + width <= float(after[0].split()[0]) / 10


def test_what_was_never_asked_is_not_drawn_as_an_answer(page, world):
    tree = page("interrupted")
    row = lane(tree, "p99-latency")
    hole = row.one("rect", class_="holes")
    line = row.one("path", class_="line").attributes["d"]
    assert hole.attributes["fill"] == "url(#holes)"
    assert float(hole.attributes["x"].rstrip("%")) * 10 >= float(re.findall(r"[ML]([\d.]+)", line)[-1])
    assert "interrupted 11:10:40" in tree.text
    assert any(fact.text.startswith("interrupted") for fact in tree.all("dt"))
    assert view_of(world("interrupted").result).rules[1].missing


def test_the_stop_is_drawn_through_every_row(page, world):
    tree = page("stopped")
    view = view_of(world("stopped").result)
    lines = list(tree.all("line", class_="stop"))
    assert len(lines) == 1 + len(view.rules)
    assert len({line.attributes["x1"] for line in lines}) == 1
    assert "stop 11:11:40" in tree.text
    after = list(tree.all("rect", class_="after"))
    assert [one.attributes["x"] for one in after] == [lines[0].attributes["x1"]] * len(lines)


def test_a_stop_in_the_final_sweep_stopped_nothing(page, world):
    """And nothing is missing: each rule has its ticks and its sweep."""
    tree = page("swept")
    assert "failed in the final sweep, when there was nothing left to stop" in tree.one("header").text
    assert "nothing left to stop" in tree.one("dl").text
    assert not list(tree.all("rect", class_="holes"))
    assert not list(tree.all("rect", class_="after"))
    assert [rule.expected for rule in view_of(world("swept").result).rules] == [6, 4, 3]


def test_the_final_sweep_and_what_did_not_count_have_marks_of_their_own(page):
    tree = page("passed")
    assert len(list(lane(tree, "p99-latency").all("use", class_="sweep"))) == 1
    assert not list(lane(tree, "memory-stable").all("use", class_="sweep"))
    row = lane(page("no-data"), "p99-latency")
    assert len(list(row.all("use", class_="uncounted"))) == 3
    assert "did not count" in next(row.all("use", class_="uncounted")).text


def test_an_alerts_row_shows_since_when_it_fires(page):
    tree = page("alert-fired")
    row = lane(tree, "node-failed")
    quiet, fired = row.one("rect", class_="quiet"), row.one("rect", class_="fired")
    assert fired.attributes["fill"] == "url(#fire)"
    assert float(quiet.attributes["x"].rstrip("%")) < float(fired.attributes["x"].rstrip("%"))
    assert len(list(row.all("use", class_="failed"))) == 1
    card = tree.one("details", id="rule-node-failed")
    assert 'ALERTS{pod="nightly-0", severity="page"}' in card.text


def test_rows_share_one_time_axis(page):
    """The same moment lies at the same place in each row."""
    tree = page("passed")
    windows = {(one.attributes["x"], one.attributes["width"]) for one in tree.all("rect", class_="window")}
    assert len(windows) == 1
    grids = [
        [line.attributes["x1"] for line in row.all("line", class_="grid")] for row in tree.all("svg", class_="row")
    ]
    assert len({tuple(grid) for grid in grids if grid}) == 1


def test_a_rules_card_says_all_that_is_known_of_it(page, world):
    card = page("no-data").one("details", id="rule-height-advances")
    state = world("no-data").result.document.states[0]
    assert state.why in card.text
    assert "the query gave no sample" in card.text
    assert "0 of 17 decisions had an answer (NoSamples 17)" in card.text
    assert 'min(increase(tendermint_consensus_height{chain_id="nightly-0f8fad5b"}[2m]))' in card.text
    assert [a.attributes["href"] for a in card.all("a")] == [
        "rules/height-advances.jsonl",
        "rules/height-advances.json",
    ]
    text = page("stopped").one("details", id="rule-p99-latency").text
    assert "failed first2026-11-18T11:10:00Z (+3m20s): 1.263, not <= 0.8" in text
    assert "furthest beyond the threshold by 0.474: value 1.274 at 2026-11-18T11:10:20Z (+3m40s)" in text
    assert "27 of 30 decisions had an answer (PrometheusUnavailable 3)" in text


def test_what_went_wrong_comes_before_what_passed_and_is_open(page):
    cards = list(page("many-rules").all("details", class_="card"))
    assert [card.attributes["id"][-2:] for card in cards[:3]] == ["05", "09", "17"]
    assert ["open" in card.attributes for card in cards] == [True] * 3 + [False] * 29


def test_shards_parameters_versions_clock_notes_and_files_are_named(page, world):
    tree = page("passed")
    text = tree.text
    for words in ("shard", "process 4101", "Completed", "duration", "2.42.0+ds", "Prometheus' clock differs by 0s"):
        assert words in text, words
    assert tree.one("ul", class_="notes").text.strip() == world("passed").result.document.notes[0]
    assert {a.attributes["href"] for a in tree.one("ul", class_="files").all("a")} == {
        "report.html",
        "report.log",
        "report.junit.xml",
        "report.md",
        "result.json",
        "termination-message.json",
    }


def test_images_and_where_the_results_lie_are_named(world):
    """Which release was judged is the first thing that is asked of an old report."""
    result = world("passed").result
    status = result.status.to_data()
    image = {
        "name": "rpc",
        "role": "fullNode",
        "objectName": "x-rpc",
        "image": "registry.example.com/sei/seid:v6.2",
        "imageID": "sha256:0123",
    }
    status["chain"] = {**status["chain"], "deployments": [image, {**image, "name": "validators", "imageID": None}]}
    status["load"] = {**status["load"], "image": "seiload:v1", "imageIDs": ["a@sha256:1", "a@sha256:2"]}
    status["report"] = {"s3Url": "s3://harbor/eng-ada/evm_transfer/nightly/"}
    document = msgspec.structs.replace(result.document, status=Status.from_data(status))
    made = dataclasses.replace(result, document=document)
    text = read(report.to_html(made)).one("div", class_="details").text
    assert "rpcregistry.example.com/sei/seid:v6.2 sha256:0123" in text
    assert "validatorsregistry.example.com/sei/seid:v6.2" in text
    assert "loadseiload:v1 pods with different images: a@sha256:1, a@sha256:2" in text
    assert "s3://harbor/eng-ada/evm_transfer/nightly/" in text
    assert "<code>s3&#58;//harbor/eng-ada/evm&#95;transfer/nightly/</code>" in report.to_markdown(made)


def test_a_window_that_never_opened_is_said_in_the_place_of_the_timeline(page):
    tree = page("never-began")
    assert "The window never opened" in tree.one("p", class_="nothing").text
    assert not list(tree.all("div", class_="lanes"))
    assert not [one for one in tree.all() if "passed" in one.classes]


def test_text_of_others_is_shown_and_never_obeyed(page, world):
    """Tags, escape sequences, marks that turn the writing, and endless text: all of it shown, bounded, and nothing else."""
    text = report.to_html(world("hostile").result)
    tree = read(text)
    assert len(list(tree.all("script"))) == 1
    assert "</script><script>alert(1)</script><img src=x onerror=alert(2)>" in tree.one("header").text
    assert "\\x1b[2J" in tree.text
    assert "\\u202eevil" in tree.text
    assert "{{ 7*7 }}" in tree.text
    assert "49 " not in tree.one("header").text
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert len(text) < 120_000
    assert re.search(r"\[cut, \d{6} characters in all\]", tree.text)


def test_the_template_can_forget_to_bound_a_text_and_the_page_is_still_safe(world):
    """Whatever reaches the template passes one gate."""
    from validationrun.report.markup import environment

    made = (
        environment().from_string("<p title='{{ words }}'>{{ words }}</p>").render(words="\x1b<b>\u202e'" + "x" * 9000)
    )
    node = read(made).one("p")
    assert node.text.startswith("\\x1b<b>\\u202e'xxx")
    assert len(node.text) < 4100
    assert node.attributes["title"] == node.text


# Long runs.


def test_a_day_at_five_seconds_keeps_the_one_tick_that_failed(world):
    """17,280 ticks are thinned, and the single breach is still there: in the line, in the strip, and as a mark."""
    view = view_of(world("soak").result)
    row = lane(read(render(view)), "soak-1")
    assert len(view.rules[0].points) == 17_280
    assert row.one("path", class_="failed").attributes["d"].count("M") == 1
    mark = row.one("use", class_="failed")
    assert "(+11h6m40s)" in mark.text
    heights = [
        float(y) for _, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", row.one("path", class_="line").attributes["d"])
    ]
    assert 500 < len(heights) < 1100
    assert min(heights) == float(mark.attributes["y"])
    assert sorted(heights)[1] - min(heights) > 20


def test_a_days_outages_keep_their_places(world):
    row = lane(read(report.to_html(world("soak").result)), "soak-3")
    strip = [int(x) for x in re.findall(r"M(\d+) ", row.one("path", class_="error").attributes["d"])]
    assert len(strip) == 24
    assert all(abs(later - earlier - 40.5) < 3 for earlier, later in itertools.pairwise(strip))
    assert len(list(row.all("rect", class_="gap"))) == 24


# Colours.


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_every_text_has_the_contrast_of_wcag_aa(theme):
    """4.5 to 1 on every ground that a text stands on."""
    style = data_folder("templates").joinpath("report", "page.css").read_text("utf-8")
    blocks = re.findall(r":root \{([^}]*--ground[^}]*)\}", style)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})\b", blocks[["light", "dark", "print"].index(theme)]))
    pairs = [(text, ground) for text in ("text", "muted", "link") for ground in ("ground", "raised")]
    pairs += [
        (tone, ground) for tone in ("passed", "failed", "error", "cancelled") for ground in ("ground", f"{tone}-ground")
    ]
    pairs += [
        ("error", "error-stripe"),
        ("cancelled", "cancelled-stripe"),
        ("text", "error-stripe"),
        ("failed", "window"),
    ]
    pairs += [("text", f"{tone}-ground") for tone in ("passed", "failed", "error", "cancelled")] + [("value", "ground")]
    poor = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: found for pair, found in poor.items() if found < 4.5} == {}


def test_times_on_the_page_are_the_windows(page):
    assert "2026-11-18 11:06:40 to 11:16:40 UTC" in page("passed").text
    assert START == 1_795_000_000.0


def labels(tree) -> list[tuple[str, float, float, float]]:
    """Of each named moment: its name, its height, and from where to where it reaches on a row of 350 pixels."""
    found = []
    for text in tree.all("text", class_="event"):
        x = float(text.attributes["x"].rstrip("%")) * 3.5 + float(text.attributes["dx"])
        length = 6.5 * len(text.text)
        low, high = (x - length, x) if text.attributes["text-anchor"] == "end" else (x, x + length)
        found.append((text.text, float(text.attributes["y"]), low, high))
    return found


@pytest.mark.parametrize("seconds_before_the_end", [0, 1, 20, 60, 150, 400])
def test_stop_and_end_are_not_printed_over_each_other(world, seconds_before_the_end):
    view = view_of(world("passed").result)
    stop = max(view.start, view.end - seconds_before_the_end)
    view = dataclasses.replace(view, stop_time=stop, interrupted=True, completed=stop + 1)
    tree = read(render(view))
    found = labels(tree)
    assert len(found) == 3
    for one, other in itertools.combinations(found, 2):
        assert one[1] != other[1] or one[3] <= other[2] or other[3] <= one[2], (one, other)
    clocks = [float(text.attributes["y"]) for text in tree.all("text", class_="clock")]
    assert max(y for _, y, _, _ in found) + 10 < min(clocks)
