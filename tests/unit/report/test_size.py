"""The largest page that a run can have: 32 rules, and more ticks than there is room for."""

from tests.report.page import read
from tests.report.worlds import flapping

from validationrun import report

TWO_MEGABYTES = 2_000_000


def test_the_page_stays_under_two_megabytes_and_every_part_of_the_day_keeps_its_failures():
    """More ticks than columns: from here on the page does not grow with them."""
    text = report.to_html(flapping(24, "60s"))
    assert 500_000 < len(text.encode()) < TWO_MEGABYTES
    row = next(read(text).all("div", class_="values"))
    # A day of 1,440 ticks has one failed and one unanswered tick in nearly each of 500 columns.
    assert row.one("path", class_="failed").attributes["d"].count("M") > 250
    assert row.one("path", class_="error").attributes["d"].count("M") > 300
    places = [float(mark.attributes["x"].rstrip("%")) for mark in row.all("use", class_="error")]
    assert max(places) - min(places) > 90, "marks are spread over the whole day"


def test_more_ticks_do_not_make_a_larger_page():
    less, more = (len(report.to_html(flapping(hours, "60s", rules=2))) for hours in (24, 72))
    assert more < 1.15 * less
