"""The viewer in a real browser: what a reader sees, what the browser asks for, what a page full of attacks leaves."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from archives.replay.rewriting import content
from archives.storage.collection import Collection
from archives.wacz.pack import pack_collection
from archives.warc.records import Exchange
from tests.crawler.viewer.browser import CHROMIUM, Browser, list_requests
from tests.crawler.viewer.conftest import Viewer, keep, show
from tests.crawler.viewer.test_viewer import FERRY, REVISED, build_path
from tests.project import Data

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (Debian's package chromium)"),
]

REPLAYWEB = os.environ.get("NEWSREEL_REPLAYWEB", "")
ATTACKS = Path(__file__).with_name("attacks")
AT = datetime(2026, 3, 4, 2, 21, 11, tzinfo=UTC)
# Where the pictures of each page go, for somebody to look at.
PICTURES = os.environ.get("NEWSREEL_PICTURES", "")


def find_article(viewer: Viewer) -> str:
    return f"{viewer.paper_url}/Harbour%20Watch/2026/03/04/{FERRY}.html"


def find_strangers(log: Path, viewer: Viewer) -> list[str]:
    """What the browser asked of anybody but the viewer, under either of its names."""
    port = urlsplit(viewer.url).port
    ours = {f"127.0.0.1:{port}", f"localhost:{port}", "127.0.0.1", "localhost"}
    return [url for url in list_requests(log) if urlsplit(url).netloc not in ours]


def list_tour(viewer: Viewer) -> dict[str, str]:
    article = find_article(viewer)
    return {
        "front": "/",
        "search": "/-/posts?q=%E6%B8%A1%E8%BD%AE",
        "posts": "/-/posts?collection=newspaper",
        "post": build_path("/-/post", FERRY),
        "beside": build_path("/-/beside", FERRY),
        "versions": build_path("/-/versions", REVISED),
        "runs": "/-/runs",
        "status": "/-/status",
        "collection": "/newspaper/",
        "calendar": f"/newspaper/*/{viewer.paper_url}/",
        "memento": f"/newspaper/2026/{article}",
        "missing": f"/newspaper/2026/{viewer.paper_url}/nowhere.html",
    }


def test_a_reader_walks_through_and_nobody_else_is_asked(viewer: Viewer, tmp_path: Path) -> None:
    viewer.asked.clear()
    with Browser(tmp_path) as browser:
        page = browser.new_page()
        for name, path in list_tour(viewer).items():
            for width, is_dark in ((1200, False), (390, False), *([(1200, True)] if PICTURES else [])):
                page.resize(width, 850 if width > 600 else 780, is_dark=is_dark)
                page.open(viewer.url + path, settle_s=0.1)
                if PICTURES:
                    page.take_picture(Path(PICTURES, f"{name}-{width}{'-dark' if is_dark else ''}.png"))
                assert page.measure_overflow() <= 0, f"{name} is wider than {width} pixels"
        log = browser.log
    assert find_strangers(log, viewer) == []
    asked = dict(viewer.asked)
    style = next(status for target, status in viewer.asked if target.endswith("/press.css"))
    picture = next(status for target, status in viewer.asked if target.endswith("/images/masthead.svg"))
    assert (style, picture) == (200, 200)
    assert asked["/-/style.css"] == 200
    unexpected = [(target, status) for target, status in viewer.asked if status >= 400 and "nowhere" not in target]
    assert [target for target, _ in unexpected if "favicon" not in target and "/-/post" not in target[:7]] == []


def test_an_archived_page_has_its_picture_and_its_style(viewer: Viewer, browser: Browser) -> None:
    page = browser.new_page().open(f"{viewer.url}/newspaper/2026mp_/{find_article(viewer)}")
    root = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    page.call("CSS.enable")
    body = page.call("DOM.querySelector", nodeId=root, selector="body")["nodeId"]
    styles = {s["name"]: s["value"] for s in page.call("CSS.getComputedStyleForNode", nodeId=body)["computedStyle"]}
    assert styles["background-color"] == "rgb(253, 252, 248)"
    image = page.call("DOM.querySelector", nodeId=root, selector="header img")["nodeId"]
    box = page.call("DOM.getBoxModel", nodeId=image)["model"]
    assert (box["width"], box["height"]) == (40, 40)


def test_a_click_in_an_archived_page_opens_the_next_one_with_its_banner(viewer: Viewer, browser: Browser) -> None:
    page = browser.new_page().open(f"{viewer.url}/newspaper/2026/{find_article(viewer)}")
    root = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    banner = page.call("DOM.querySelector", nodeId=root, selector=".banner")["nodeId"]
    height = page.call("DOM.getBoxModel", nodeId=banner)["model"]["height"]
    page.follow(600, height + 50)  # the masthead, which leads to the front page
    assert "/http://127.0.0.1:" in page.read_url()
    assert page.read_url().startswith(viewer.url)
    assert 'class="banner"' in page.read_html()
    assert page.read_url().endswith(f"{urlsplit(viewer.paper_url).netloc}/")


def test_the_keyboard_reaches_everything(viewer: Viewer, browser: Browser) -> None:
    """From the first key: skip link, mark, sections, field, button, and then the posts."""
    page = browser.new_page().open(f"{viewer.url}/")
    seen = []
    for _ in range(12):
        page.press("Tab", 9, settle_s=0.05)
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        focused = [n for n in nodes for p in n.get("properties", []) if p["name"] == "focused" and p["value"]["value"]]
        seen.append(focused[-1].get("name", {}).get("value", "") if focused else "")
    assert seen[:2] == ["Skip to content", "Newsreel"]
    assert {"Posts", "Runs", "Collections", "Search posts", "Search"} <= set(seen)


def test_whatever_a_field_takes_leads_to_a_page(viewer: Viewer, browser: Browser) -> None:
    page = browser.new_page().open(f"{viewer.url}/newspaper/")
    root = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    field = page.call("DOM.querySelector", nodeId=root, selector="input[name=url]")["nodeId"]
    page.call("DOM.focus", nodeId=field)
    page.call("Input.insertText", text=f"{viewer.paper_url}/*")
    page.press("Enter", 13)
    page.call("Input.dispatchKeyEvent", type="char", text="\r")
    page.open(f"{viewer.url}/-/open?collection=newspaper&url={viewer.paper_url}/*")
    assert "addresses" in page.read_html()


# A page full of attacks


class LiveWeb:
    """What must never be reached: a server that remembers every byte that comes to it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._listen)

    @contextmanager
    def open(self) -> Iterator[LiveWeb]:
        self._thread.start()
        try:
            yield self
        finally:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._thread.join()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                connection.settimeout(2)
                with connection, suppress(OSError):
                    self.received.append(connection.recv(2000))
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 1\r\n\r\nx"
                    )


def build_attack(url: str, name: str, live: str, content_type: str, *lines: str) -> Exchange:
    text = ATTACKS.joinpath(name).read_text("utf-8").replace("LIVE", live)
    head = ["HTTP/1.1 200 OK", f"Content-Type: {content_type}", *(line.replace("LIVE", live) for line in lines)]
    raw = "\r\n".join([*head, "", text]).encode()
    return Exchange(url=url, began_at=AT, raw_request=b"GET / HTTP/1.1\r\n\r\n", raw_response=raw)


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[tuple[Viewer, LiveWeb]]:
    live = LiveWeb()
    data = Data(tmp_path / "data")
    hostile = (
        "Refresh: 0;url=http://LIVE/header-refresh",
        "Link: <http://LIVE/header-preload>; rel=preload; as=image, <http://LIVE>; rel=preconnect",
        "Content-Security-Policy: default-src *; script-src * 'unsafe-inline'",
        "Set-Cookie: stolen=1",
        'Report-To: {"endpoints":[{"url":"http://LIVE/report"}]}',
        "Access-Control-Allow-Origin: *",
        "Service-Worker-Allowed: /",
    )
    site = "http://attack.example"
    exchanges = [
        build_attack(f"{site}/", "page.html", live.origin, "text/html; charset=utf-8", *hostile),
        build_attack(f"{site}/picture.svg", "picture.svg", live.origin, "image/svg+xml", *hostile),
        build_attack(f"{site}/style.css", "style.css", live.origin, "text/css"),
        build_attack(f"{site}/worker.js", "worker.js", live.origin, "text/javascript", "Service-Worker-Allowed: /"),
        build_attack(f"{site}/feed.xml", "picture.svg", live.origin, "application/xml"),
        build_attack(f"{site}/frame.html", "page.html", live.origin, "text/html"),
    ]
    collection = Collection.open(data.path, "attack", create=True)
    keep(collection, [replace(exchange, began_at=AT) for exchange in exchanges])
    with live.open(), show(data) as viewer:
        yield viewer, live


ATTACKED = [(modifier, name) for name in ("", "picture.svg", "feed.xml") for modifier in ("", "mp_", "id_", "if_")]


def test_an_attack_leaves_no_trace(attacked: tuple[Viewer, LiveWeb], tmp_path: Path) -> None:
    """Framed, bare, raw: nothing runs, nothing is asked of anybody, nothing opens, nothing stays."""
    viewer, live = attacked
    port = urlsplit(viewer.url).port
    ours = (viewer.url, f"http://localhost:{port}/", "about:blank")
    with Browser(tmp_path) as browser:
        page = browser.new_page()
        for modifier, name in ATTACKED:
            url = f"{viewer.url}/attack/20260304022111{modifier}/http://attack.example/{name}"
            page.open(url, settle_s=0.7)
            assert page.read_url() == url
            assert 'class="OWNED"' not in page.read_html()
            assert "<title>OWNED" not in page.read_html()
            for x, y in ((300, 200), (900, 200), (900, 700)):
                page.click(x, y, settle_s=0.2)
            assert page.read_url().startswith(ours), (modifier, name)
            assert [tab for tab in browser.list_pages() if not tab.startswith(ours)] == []
            assert (modifier, name, live.received) == (modifier, name, [])
        assert browser.list_workers() == []
        assert browser.call("Storage.getCookies")["cookies"] == []
        assert browser.list_events("Runtime.consoleAPICalled") == []
        assert browser.list_events("Page.javascriptDialogOpening") == []
        log = browser.log
    assert find_strangers(log, viewer) == []
    assert [target for target, _ in viewer.asked if target.startswith(("/-/post", "/-/runs"))] == []


def test_the_attacks_would_work_on_a_page_of_their_own(tmp_path: Path) -> None:
    """The page is worth the name: opened bare, with nobody in between, it reaches the live web."""
    live = LiveWeb()
    page_file = tmp_path / "page.html"
    text = ATTACKS.joinpath("page.html").read_text("utf-8")
    # What would end the page before it has shown all it can do.
    for stop in ('alert("OWNED");', 'top.location = "http://LIVE/top"', "url=http://LIVE/meta-refresh", ".submit()"):
        assert stop in text
        text = text.replace(stop, "")
    page_file.write_text(text.replace("LIVE", live.origin), "utf-8")
    with live.open(), Browser(tmp_path) as browser:
        browser.call("Target.createTarget", url=page_file.as_uri())
        browser.new_page().open("about:blank", settle_s=3)
    paths = {raw.split(b" ")[1].decode() for raw in live.received if raw.count(b" ") > 1}
    assert {"/fetch", "/beacon", "/image-by-script", "/stylesheet", "/srcdoc-image", "/frame"} <= paths


def test_other_sites_cannot_frame_or_read_the_viewer(viewer: Viewer, browser: Browser, tmp_path: Path) -> None:
    """A page of another origin that embeds the viewer's pages and pictures gets nothing of them."""
    stranger = tmp_path / "stranger.html"
    article = find_article(viewer)
    stranger.write_text(
        f'<iframe src="{viewer.url}/"></iframe>'
        f'<img src="{viewer.url}/newspaper/2026im_/{viewer.paper_url}/images/harbour.png">'
        f'<link rel=stylesheet href="{viewer.url}/-/style.css">'
        f'<iframe src="{viewer.url}/newspaper/2026mp_/{article}"></iframe>',
        "utf-8",
    )
    before = len(viewer.asked)
    page = browser.new_page().open(stranger.as_uri(), settle_s=1.0)
    reached = {target for target, _ in viewer.asked[before:]}
    assert not any(target.endswith((".png", ".css")) for target in reached)
    root = page.call("DOM.getDocument", depth=-1, pierce=True)
    assert "Archived news" not in str(root)
    assert "night ferry" not in str(root)


@pytest.mark.skipif(not REPLAYWEB, reason="NEWSREEL_REPLAYWEB does not name a directory with ui.js and sw.js")
def test_a_player_beside_the_viewer_opens_packages(crawl: tuple[Data, str], tmp_path: Path) -> None:
    """In parts, under its own policy, and it asks nobody else either."""
    data = Data(tmp_path / "data")
    data.path.mkdir()
    (data.path / "collections").symlink_to(crawl[0].path / "collections")
    package = data.path / "wacz" / "newspaper.wacz"
    package.parent.mkdir()
    pack_collection(Collection.open(data.path, "newspaper"), package)
    with show(data, player_dir=Path(REPLAYWEB)) as viewer:
        with Browser(tmp_path) as browser:
            page = browser.new_page()
            page.open(f"{viewer.url}/-/player/?newspaper.wacz", settle_s=1)
            end = time.monotonic() + 60
            while "NW202603041930000402.html" not in str(page.call("DOM.getDocument", depth=-1, pierce=True)):
                assert time.monotonic() < end, "the player does not list the package's pages"
                time.sleep(0.5)
            assert any("/-/player/replay/sw.js" in worker for worker in browser.list_workers())
            log = browser.log
        assert find_strangers(log, viewer) == []
    assert ("/-/wacz/newspaper.wacz", 206) in viewer.asked


def test_the_policy_holds_where_the_rewriting_was_fooled(
    attacked: tuple[Viewer, LiveWeb], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page as it was, with every attack in it, under nothing but the policy that it is sent with."""
    viewer, live = attacked
    monkeypatch.setattr(content, "rewrite_page", lambda text, links: text)
    with Browser(tmp_path) as browser:
        page = browser.new_page()
        for path in ("/", "mp_/"):
            page.open(f"{viewer.url}/attack/20260304022111{path}http://attack.example/", settle_s=1.5)
        assert browser.call("Storage.getCookies")["cookies"] == []
    # A preconnection, of which no policy speaks, opens a connection and sends nothing on it.
    assert [raw for raw in live.received if raw] == []
