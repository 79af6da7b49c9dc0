"""
The page in a real browser: what no parser can tell. By hand, or by `make report-pages`; needs Chromium (CHROMIUM_BIN elsewhere).

    python -m tests.report.browser_check [FOLDER] [WORLD...]

Opens the page of every world and of every suite, and that of a history, in light and dark, on a wide screen and on a phone, checks it, and
leaves pictures of it in FOLDER (build/report-pages) to be looked at. Ends 1 when something is wrong with a page, 2 without a browser.
"""

import pathlib
import sys
import tempfile
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tests.report.browser import Page, browser, find  # noqa: E402 - after the path is set
from tests.report.histories import DAY, kinds, make_history  # noqa: E402
from tests.report.suites import SUITES  # noqa: E402
from tests.report.worlds import WORLDS  # noqa: E402

from simulation import START  # noqa: E402
from validationrun import report  # noqa: E402
from validationrun.report import history_page  # noqa: E402
from validationrun.report.from_result import view_of  # noqa: E402
from validationrun.report.history import history_of  # noqa: E402
from validationrun.report.suite import FORMS  # noqa: E402
from validationrun.report.suite_view import suite_view  # noqa: E402

HISTORY = "history"
NIGHTS = 120
SCREENS = {"wide": 1280, "phone": 390}
VISIBLE = "[...document.querySelectorAll('h1, .message, .lane, .overview, .card')].filter(one => one.getBoundingClientRect().height < 8).length"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SPILLED = """
[...document.querySelectorAll('main *')].filter(one => !one.closest('svg, .wide, pre') &&
  one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(one => one.className).join()
"""
OUTPUTS = "[...document.querySelectorAll('.lane output')].map(one => one.textContent)"


def problems(page: Page, name: str) -> Iterator[str]:
    """What is wrong with the page that is open."""
    found = [url for url in page.requests() if not url.endswith("/report.html")]
    if found:
        yield f"asks for {found}"
    if page.complaints():
        yield f"complains: {page.complaints()[0]}"
    if any(event.get("method") == "Page.javascriptDialogOpening" for event in page.events):
        yield "runs somebody else's script"
    if page.run(SIDEWAYS) > 0:
        yield f"is wider than the screen: {page.run(SPILLED)}"
    if page.run(VISIBLE):
        yield "hides what it should show"
    top = page.run("document.querySelector('h1').getBoundingClientRect().bottom")
    if not 0 < top < 300:
        yield "does not begin with the verdict"
    if name == "many-rules" and page.run("document.querySelectorAll('.lane svg.row').length") < 2 * 24 + 8 + 2:
        yield "lacks rows"


def hover(page: Page) -> Iterator[str]:
    """The line under the pointer, and the values at it."""
    box = page.run("(({x, y, width}) => [x, y, width])(document.querySelector('.axis svg').getBoundingClientRect())")
    if page.run("document.querySelector('.cross')?.hidden") is not True:
        yield "has no line for the pointer, or shows it before there is one"
        return
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] * 0.8, y=box[1] + 20)
    if not any(text.startswith("≈") for text in page.run(OUTPUTS)):
        yield "shows no value under the pointer"
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=5, y=5)
    if any(page.run(OUTPUTS)):
        yield "keeps the values when the pointer has left"


def without_script(page: Page, path: pathlib.Path) -> Iterator[str]:
    """Where scripts are forbidden, as in Argo's and Jenkins' viewers, the same is read."""
    page.open(path)
    with_script = page.run("document.querySelector('main').innerText")
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.open(path)
    if page.run("document.querySelector('main').innerText") != with_script:
        yield "reads otherwise without its script"
    page.send("Emulation.setScriptExecutionDisabled", value=False)


def links(page: Page) -> Iterator[str]:
    """A link to a rule opens its card."""
    page.run("location.hash = '#rule-memory-stable'; new Promise(done => setTimeout(done, 50))")
    if page.run("document.getElementById('rule-memory-stable').open") is not True:
        yield "does not open a rule that a link leads to"


def sticky(page: Page) -> Iterator[str]:
    """The names of runs and rules stay in sight while the grid is scrolled, and a link to a run opens its card."""
    page.run("Object.assign(document.querySelector('.cells'), {scrollTop: 400, scrollLeft: 150})")
    box = "(({top, left}) => [top, left])(document.querySelector('%s').getBoundingClientRect())"
    top, left = page.run(box % ".cells")
    if (
        abs(page.run(box % ".cells thead th")[0] - top) > 3
        or abs(page.run(box % ".cells tbody tr:last-child th")[1] - left) > 3
    ):
        yield "loses the names of its rows or columns"
    page.run("location.hash = '#run-upgrade-3'; new Promise(done => setTimeout(done, 50))")
    if page.run("document.getElementById('run-upgrade-3').open") is not True:
        yield "does not open a run that a link leads to"


def shades(page: Page) -> tuple[str, str]:
    """Ground and verdict as they are painted."""
    return page.run(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    )


def look(page: Page, name: str, path: pathlib.Path, pictures: pathlib.Path) -> list[str]:
    found: list[str] = []
    painted = {}
    for scheme in ("light", "dark"):
        for screen, width in SCREENS.items():
            page.open(path, dark=scheme == "dark", width=width)
            found += [f"{name}, {scheme}, {screen}: {words}" for words in problems(page, name)]
            painted[scheme] = shades(page)
            page.screenshot(pictures / f"{name}-{scheme}-{screen}.png")
    if painted["light"][0] == painted["dark"][0]:
        found.append(f"{name}: is the same in light and in dark")
    page.open(path, height=2000)
    if name == "suite-many":
        found += [f"{name}: {words}" for words in sticky(page)]
    if name in ("passed", "stopped"):
        found += [f"{name}: {words}" for words in (*hover(page), *links(page), *without_script(page, path))]
    page.pdf(pictures / f"{name}.pdf")
    return found


def page_of(name: str, folder: pathlib.Path) -> tuple[str, str]:
    """Verdict and page of a world, a suite or a history."""
    if name == HISTORY:
        root = make_history(folder / "results", kinds(folder / "kinds"), NIGHTS)
        history = history_of(root, START + (NIGHTS + 2) * DAY, expect_every=26 * 3600.0)
        return ("stale" if history.stale else "current"), history_page.render(history)
    if name in SUITES:
        view = suite_view(SUITES[name]())
        return view.word, FORMS["html"](view)
    world = WORLDS[name](folder / name)
    return view_of(world.result).verdict, report.to_html(world.result)


def main() -> int:
    binary = find()
    if binary is None:
        print("browser_check: needs Chromium; CHROMIUM_BIN names it elsewhere", file=sys.stderr)
        return 2
    pictures = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "report-pages"
    pictures.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or [*WORLDS, *SUITES, HISTORY]
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder, browser(binary) as page:
        for name in names:
            verdict, text = page_of(name, pathlib.Path(folder))
            path = pathlib.Path(folder) / name / "report.html"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            wrong = look(page, name, path, pictures)
            print(f"{name:16} {verdict:7} {path.stat().st_size:>8} bytes  {'ok' if not wrong else 'WRONG'}", flush=True)
            found += wrong
    for words in found:
        print(f"browser_check: {words}", file=sys.stderr)
    print(f"pictures: {pictures}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
