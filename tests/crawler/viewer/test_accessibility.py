"""Every page of the viewer for everybody: audited by axe-core, on a phone, in the dark, enlarged, printed, by keyboard.

Spec: WCAG 2.2, levels A and AA.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from crawler.control.access import Access
from crawler.control.actions import Actions
from crawler.control.app import ControlApp
from crawler.control.server import serve_control
from crawler.viewer.routes import BESIDE, VERSIONS
from tests.crawler.viewer.browser import CHROMIUM, Browser
from tests.crawler.viewer.conftest import Viewer, show
from tests.crawler.viewer.harsh_pages import NAME, SITE, build_harsh_path, find_url, import_harsh_pages
from tests.crawler.viewer.test_browser import list_tour
from tests.project import Data

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (Debian's package chromium)")

AXE = os.environ.get("NEWSREEL_AXE", "")
_RUN_AXE = """
axe.run(document, {iframes: false, resultTypes: ['violations']}).then(found => found.violations.map(
    one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.target + ' ' + node.failureSummary).join(' | ')))
"""
_SCROLLS_SIDEWAYS = """
[...document.querySelectorAll('table.stack')].some(one => one.offsetWidth > one.parentNode.clientWidth)
"""
_FIND_UNREACHABLE = """
[...document.querySelectorAll('*')].filter(one => {
    const style = getComputedStyle(one);
    const scrolls = ['auto', 'scroll'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1
        || ['auto', 'scroll'].includes(style.overflowY) && one.scrollHeight > one.clientHeight + 1;
    return scrolls && one !== document.documentElement && one !== document.body && one.tabIndex < 0
        && !one.querySelector('a, button, input, summary');
}).map(one => one.outerHTML.slice(0, 200))
"""


@pytest.fixture(scope="module")
def everything(crawl: tuple[Data, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """The newspaper, a collection that was imported and is hard to lay out, and a package."""
    data = Data(tmp_path_factory.mktemp("everything"))
    for name in ("collections", "_posts", "wacz"):
        (data.path / name).mkdir()
    for name in ("collections/newspaper", "_posts/newspaper"):
        (data.path / name).symlink_to(crawl[0].path / name)
    import_harsh_pages(data, tmp_path_factory.mktemp("scratch"))
    (data.path / "wacz" / "paper.wacz").write_bytes(b"PK")
    with show(data, crawl[1]) as viewer:
        yield viewer


def build_citation_path() -> str:
    return "/-/cite?" + urlencode({"collection": NAME, "url": find_url("arabic"), "sentence": "no such words"})


def list_everything(viewer: Viewer) -> dict[str, str]:
    """Return the path of a page of each type, by its name."""
    return list_tour(viewer) | {
        "collections": "/-/collections",
        "packages": "/-/wacz/",
        "nothing found": "/-/posts?q=brigde+-tag:x+after:soon",
        "ranked": "/-/posts?q=bridge&sort=relevance",
        "day": "/-/posts?day=2026-03-04",
        "addresses": f"/{NAME}/*/{SITE}/*",
        "text": f"/{NAME}/2026txt_/{find_url('arabic')}",
        "citation": build_citation_path(),
        "long post": build_harsh_path("long"),
        "long beside": build_harsh_path("long", page=BESIDE),
        "Arabic post": build_harsh_path("arabic"),
        "Chinese versions": build_harsh_path("chinese", page=VERSIONS),
        "harsh list": f"/-/posts?collection={NAME}",
        "harsh collection": f"/{NAME}/",
        "long memento": f"/{NAME}/2026/{find_url('long')}",
    }


@pytest.mark.skipif(not AXE, reason="NEWSREEL_AXE does not name a directory with axe-core's axe.min.js")
def test_axe_finds_nothing_on_any_page(everything: Viewer, browser: Browser) -> None:
    """On a phone and on a desktop, in light and dark."""
    program = Path(AXE, "axe.min.js").read_text("utf-8")
    page = browser.new_page()
    faults = {}
    for name, path in list_everything(everything).items():
        page.open(everything.url + path, settle_s=0)
        page.evaluate(program)
        for width, is_dark in ((390, False), (1280, True)):
            page.resize(width, 850, is_dark=is_dark)
            if found := page.evaluate(_RUN_AXE):
                faults[name, width] = found
    assert faults == {}


@pytest.mark.skipif(not AXE, reason="NEWSREEL_AXE does not name a directory with axe-core's axe.min.js")
def test_axe_finds_nothing_on_the_control_pages(browser: Browser, tmp_path: Path) -> None:
    program = Path(AXE, "axe.min.js").read_text("utf-8")
    app = ControlApp(Access("x" * 16), Actions(tmp_path), viewer="http://127.0.0.1:8080/")
    page = browser.new_page()
    with serve_control(app, host="127.0.0.1", port=0) as server:
        faults = {}
        for path in (
            "",
            f"login?token={'x' * 16}",
            "save?url=http://finews.withounder.com/",
            "save?url=http://a.example/",
        ):
            page.open(server.url + path, settle_s=0)
            page.evaluate(program)
            for width, is_dark in ((390, False), (1280, True)):
                page.resize(width, 850, is_dark=is_dark)
                if found := page.evaluate(_RUN_AXE):
                    faults[path, width] = found
                assert page.measure_overflow() <= 0
        assert page.evaluate("document.cookie") == "", "scripts do not see the cookie"
    assert faults == {}


def test_nothing_is_wider_than_its_window(everything: Viewer, browser: Browser) -> None:
    """Down to 320 pixels, which is also 400 % of 1280, and with letters of twice their size."""
    page = browser.new_page()
    wide = []
    for name, path in list_everything(everything).items():
        page.open(everything.url + path, settle_s=0)
        for width in (320, 390, 640, 1280):
            page.resize(width, 850)
            wide += [(name, width)] if page.measure_overflow() > 0 else []
            wide += [(f"a table of {name}", width)] if page.evaluate(_SCROLLS_SIDEWAYS) else []
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        wide += [(name, "twice the letters")] if page.measure_overflow() > 0 else []
        # What scrolls by itself must do so from the keyboard.
        wide += [(name, one) for one in page.evaluate(_FIND_UNREACHABLE)]
    assert wide == []


def test_pages_are_printed_light_and_whole(everything: Viewer, browser: Browser) -> None:
    """Whatever the screen shows: black on white, no menus, and nothing cut off at the height of a window."""
    page = browser.new_page()
    for name in ("front", "long post", "long beside", "memento", "text", "versions"):
        page.open(everything.url + list_everything(everything)[name], settle_s=0)
        page.resize(794, 500, is_dark=True, media="print")
        seen: dict[str, Any] = page.evaluate(
            "({paper: getComputedStyle(document.body).backgroundColor,"
            " shown: [...document.querySelectorAll('nav, form')].filter(one => one.checkVisibility()).length,"
            " cut: [...document.querySelectorAll('html, body, main, main *')].filter(one => one.checkVisibility()"
            "   && getComputedStyle(one).overflowY != 'visible' && one.scrollHeight > one.clientHeight + 1).length})"
        )
        assert (name, seen) == (name, {"paper": "rgb(255, 255, 255)", "shown": 0, "cut": 0})
