"""Papers that scripts draw, crawled with a real browser: the posts, the wire, and what no page may do."""

from __future__ import annotations

import json
import re
import shutil
import signal
import ssl
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import trustme

from archives.replay.http import Request, Response
from archives.replay.routes import build_path
from archives.warc.reader import iter_records
from crawler.viewer.app import ViewerApp
from tests.crawler.rendering.scripted import APP, DEFINITION, SHELL, STORIES, TEXT, answer_with, describe, list_routes
from tests.project import LOOPBACK, Data, Process, hash_tree, run_scrapy, start_scrapy
from tests.wire import Route, WireExchange, WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
needs_browser = pytest.mark.skipif(
    not CHROMIUM or find_spec("playwright") is None,
    reason="no chromium, or no playwright: apt-get install chromium, pip install newsreel[browser]",
)


def write_definition(folder: Path, base: str, *, when: str = "shell", seconds: int = 60) -> str:
    path = folder / "scripted.toml"
    path.write_text(DEFINITION.format(base=base, when=when, seconds=seconds), "utf-8")
    return str(path)


def crawl(path: str, data: Data, **settings: object) -> tuple[int, str]:
    done = run_scrapy(
        "crawl", "category", "-a", f"source={path}", "-L", "INFO", data=data, settings=LOOPBACK | settings,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def list_received(server: WireServer) -> list[WireExchange]:
    return [exchange for exchange in server.exchanges if exchange.received]


@needs_browser
def test_articles_that_only_scripts_have_are_read_and_all_goes_through_the_archive(data: Data, tmp_path: Path) -> None:
    netlog = tmp_path / "net.json"
    with WireServer({}) as other, WireServer(list_routes(other.base_url)) as server:
        path = write_definition(tmp_path, server.base_url)
        text = (
            Path(path).read_text("utf-8").replace("}]\n", '}, { text = "Nowhere to be found" }]\nscreenshot = true\n')
        )
        Path(path).write_text(text, "utf-8")
        status, log = crawl(path, data, RENDER_FLAGS=f"--log-net-log={netlog}")
        received, elsewhere = list_received(server), other.connections
        ports = {server.port, other.port}
    assert status == 0, log
    posts = sorted(data.posts("scripted").glob("*.md"))
    assert len(posts) == STORIES, log
    for number, post in enumerate(posts, 1):
        text = post.read_text("utf-8")
        assert describe(number)["title"] in text
        assert TEXT.format(n=number).strip() in text

    records = [record for warc in data.warcs("scripted") for record in iter_records(warc)]
    by_type = {kind: [record for record in records if record.type == kind] for kind in {r.type for r in records}}
    assert Counter(r.block for r in by_type["request"]) == Counter(mask_cookies(e.received) for e in received)
    answered = by_type["response"] + by_type.get("revisit", [])
    assert len(answered) == len(received)
    assert {r.block for r in by_type["response"]} == {e.sent for e in received}
    assert len(by_type["conversion"]) == STORIES + 1
    referred = {record.get("WARC-Refers-To") for record in by_type["conversion"]}
    assert referred <= {record.record_id for record in answered}
    pictures = {r.get("WARC-Target-URI"): r.block for r in by_type["resource"] if b"PNG" in r.block[:8]}
    assert pictures.keys() == {f"urn:view:{record.get('WARC-Target-URI')}" for record in by_type["conversion"]}
    assert all(png.startswith(b"\x89PNG") and len(png) > 1_000 for png in pictures.values())
    remarks = b"".join(r.block for r in by_type["metadata"] if b"rendered-by" in r.block)
    assert b"rendered-by: Chromium " in remarks
    assert b"rendered-action: click button accept all\r\n" in remarks
    assert b"rendered-action: scroll" in remarks

    assert elsewhere == 0, "no page reaches what is out of scope"
    connected = set(list_connects(netlog))
    assert connected
    assert all(address.startswith("127.0.0.1:") for address in connected), connected
    assert not ports & {int(address.rpartition(":")[2]) for address in connected}

    check_replay(data, f"{server.base_url}/story/1")
    before = hash_tree(data.posts("scripted"))
    done = run_scrapy("verify", "scripted", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(data.posts("scripted"))
    done = run_scrapy("reparse", "scripted", data=data, settings={"RENDER_BROWSER": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert hash_tree(data.posts("scripted")) == before


def check_replay(data: Data, url: str) -> None:
    """The viewer shows the rendered document without a script that could run, its text, and its screenshot."""
    with closing(ViewerApp(data.path)) as viewer:

        def get(target: str) -> Response:
            return viewer(Request(method="GET", target=target, headers={"host": "127.0.0.1:8080"}))

        shown = get(build_path("scripted", url, stamp="20991231235959", modifier="mp_"))
        reading = get(build_path("scripted", url, stamp="20991231235959", modifier="txt_"))
        link = re.search(rb'<a href="([^"]*)">Screenshot</a>', bytes(reading.body))
        assert link is not None
        picture = get(link[1].decode())
    assert shown.status == picture.status == 200
    assert describe(1)["title"].encode() in shown.body
    policy = dict(shown.headers)["Content-Security-Policy"]
    assert "script-src 'none'" in policy


def mask_cookies(raw: bytes) -> bytes:
    return re.sub(rb"(?im)^(cookie: )([^\r\n]*)", lambda found: found[1] + b"*" * len(found[2]), raw)


def list_connects(netlog: Path) -> list[str]:
    """The addresses that the browser connected to, or tried to, and a word for each packet of UDP, by its own log."""
    text = netlog.read_text("utf-8", "replace").rstrip().rstrip(",")
    if not text.endswith("}"):
        text += "]}"
    log = json.loads(text)
    names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    found = []
    for event in log["events"]:
        name, values = names[event["type"]], event.get("params", {})
        if name == "TCP_CONNECT_ATTEMPT" and "address" in values:
            found.append(values["address"])
        if name == "UDP_BYTES_SENT":  # a socket that is only connected, to see whether there is IPv6, sends nothing
            found.append("udp")
    return found


def test_without_a_browser_the_source_says_so_once_and_the_crawl_goes_on(data: Data, tmp_path: Path) -> None:
    page = (
        "<html><body><h1>Harbour to be dredged in spring</h1><time>2026-11-02 09:00</time><div class=story>"
        f"<p>{TEXT.format(n=9) * 4}</p></div></body></html>"
    )
    routes: dict[str, Route] = {
        "/": answer_with('<html><body><a href="/story/9">Harbour</a><p>News of the day</p></body></html>', "text/html"),
        "/story/9": answer_with(page, "text/html"),
    }
    with WireServer(routes) as server:
        path = write_definition(tmp_path, server.base_url, when="always")
        status, log = crawl(path, data, RENDER_BROWSER="/nowhere/chromium")
    assert status == 0, log
    assert log.count("No page of source scripted is rendered: ") == 1
    assert len(list(data.posts("scripted").glob("*.md"))) == 1


BAD = {
    "/story/1": "<p id=p></p><script>for (;;) {}</script>",
    "/story/2": "<script>location.href = '/file.bin'</script><p>x</p>",
    "/story/3": "<script>setInterval(() => { document.body.append('more '.repeat(1e3)) }, 1)</script>",
    "/story/6": "<script>const held = []; while (held.length < 400) held.push(new Array(1e5).fill(0.5))</script>",
    "/story/4": "<script>for (let n = 0; n < 1e4; n++) fetch('/none/' + n)</script>",
}


@needs_browser
def test_pages_that_never_end_cost_themselves_alone(data: Data, tmp_path: Path) -> None:
    links = "".join(f'<a href="/story/{n}">Story {n}</a> ' for n in range(1, 7))
    routes: dict[str, Route] = {"/": answer_with(f"<html><body>{links}</body></html>", "text/html")}
    routes |= {url: answer_with(f"<html><body>{text}</body></html>", "text/html") for url, text in BAD.items()}
    routes |= {"/story/5": answer_with(SHELL, "text/html"), "/app.js": answer_with(APP, "text/javascript")}
    routes["/api/story/5"] = answer_with(json.dumps(describe(5)), "application/json")
    routes["/file.bin"] = build_response(b"\0" * 100, headers=[("Content-Disposition", "attachment; filename=a.bin")])
    with WireServer(routes) as server:
        path = write_definition(tmp_path, server.base_url, seconds=9)
        text = (tmp_path / "scripted.toml").read_text("utf-8").replace("scroll = 8", "max_requests = 20")
        (tmp_path / "scripted.toml").write_text(text, "utf-8")
        _, log = crawl(path, data, RENDER_CONCURRENCY=1, RENDER_MEMORY_MB=64)
        asked = [exchange for exchange in list_received(server) if "/none/" in exchange.target]
    assert [describe(5)["title"] in post.read_text("utf-8") for post in data.posts("scripted").glob("*.md")] == [True]
    assert len(asked) <= 20
    assert "'render/refused/bounds'" in log
    assert "'render/failed/timeout'" in log
    assert "'render/failed/browser': 1" in log, "the page that holds 320 MB"


def start_crawl(path: str, data: Data) -> Process:
    arguments = ("crawl", "category", "-a", f"source={path}", "-L", "INFO")
    return start_scrapy(*arguments, data=data, settings=LOOPBACK, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)


def find_browser(parent: int) -> psutil.Process | None:
    """The browser's own process below a crawl, not those of its pages."""
    with suppress(psutil.Error):
        for process in psutil.Process(parent).children(recursive=True):
            with suppress(psutil.Error):
                words = process.cmdline()
                if any("--remote-debugging" in word for word in words) and not any("--type=" in word for word in words):
                    return process
    return None


def wait_for(found: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 200
    while not found():
        assert time.monotonic() < until, what
        time.sleep(0.05)


@needs_browser
def test_a_killed_browser_and_a_killed_crawl_lose_nothing(data: Data, tmp_path: Path) -> None:
    routes = list_routes()
    slow: dict[str, Route] = {
        url: [0.3, route] if isinstance(route, bytes) and url.startswith("/api/story") else route
        for url, route in routes.items()
    }
    with WireServer(slow) as server:
        path = write_definition(tmp_path, server.base_url)

        def has_story(number: int = 1) -> bool:
            return sum("/api/story" in exchange.target for exchange in server.exchanges) >= number

        first = start_crawl(path, data)
        wait_for(has_story, "no page was rendered")
        browser = find_browser(first.pid)
        assert browser is not None
        browser.send_signal(signal.SIGKILL)
        wait_for(lambda: has_story(2), "no page was rendered by another browser")
        left = psutil.Process(first.pid).children(recursive=True)
        first.kill()
        assert first.stderr is not None
        first.stderr.close()
        first.wait()
        _, alive = psutil.wait_procs(left, timeout=30)
        assert alive == [], "nothing of the browser outlives the crawl"
        status, log = crawl(path, data)
    assert status == 0, log
    texts = [post.read_text("utf-8") for post in data.posts("scripted").glob("*.md")]
    assert len(texts) == STORIES
    assert all(any(describe(n)["title"] in text for text in texts) for n in range(1, STORIES + 1))
    done = run_scrapy("verify", "scripted", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


ASKING = """<!doctype html><html><body><div id=root></div><script>
const show = () => fetch('/api' + location.pathname).then(answer => answer.json()).then(story => {
  document.getElementById('root').innerHTML = `<h1>${story.title}</h1><time datetime="${story.at}">${story.at}</time>
    <div class=story><p>${story.text}</p><p>${story.text}</p></div>`;
});
if (/seen=1/.test(document.cookie)) fetch('/meter');
document.cookie = 'seen=1; path=/';
if (/consent=all/.test(document.cookie)) show(); else fetch('/layer').then(() => {
  document.getElementById('root').innerHTML = '<button>Accept all</button>';
  document.querySelector('button').onclick = () => fetch('/consent', {method: 'POST'}).then(show);
});
</script></body></html>"""


@needs_browser
def test_a_consent_layer_is_clicked_away_once_in_a_run(data: Data, tmp_path: Path) -> None:
    links = "".join(f'<a href="/story/{n}">Story {n}</a> ' for n in range(1, 4))
    routes: dict[str, Route] = {
        "/": answer_with(f"<html><body><p>News of the day</p>{links}</body></html>", "text/html"),
        "/layer": answer_with("{}", "application/json"),
        "/consent": build_response(b"{}", headers=[("Set-Cookie", "consent=all; Path=/; Max-Age=3600")]),
    }
    for number in range(1, 4):
        routes[f"/story/{number}"] = answer_with(ASKING, "text/html")
        routes[f"/api/story/{number}"] = answer_with(json.dumps(describe(number)), "application/json")
    with WireServer(routes) as server:
        path = write_definition(tmp_path, server.base_url)
        status, log = crawl(path, data, RENDER_CONCURRENCY=1)
        asked = Counter(exchange.target for exchange in list_received(server))
    assert status == 0, log
    assert len(list(data.posts("scripted").glob("*.md"))) == 3, log
    assert (asked["/layer"], asked["/consent"]) == (1, 1), "only the first page shows the layer"
    assert asked["/meter"] == 0, "what pages set by themselves is forgotten"
    assert "'render/consent_cookies': 1," in log
    requests = b"".join(
        record.block for warc in data.warcs("scripted") for record in iter_records(warc) if record.type == "request"
    )
    assert b"Cookie: ***" in requests
    assert b"consent=all" not in requests


WALLED = """<!doctype html><html><body><div id=root></div><script>
fetch('/api' + location.pathname).then(answer => answer.json()).then(story => {
  document.getElementById('root').innerHTML = `<p>Signed in as ${story.reader}</p><h1>${story.title}</h1>
    <time datetime="${story.at}">${story.at}</time><div class=story><p>${story.text}</p><p>${story.text}</p></div>`;
});
</script></body></html>"""
SID = "b5c1d7e09a4f4c6d8e2f7a3b"
READER = "ann.reader@mail.example"


@needs_browser
def test_a_page_in_the_browser_is_logged_in_and_its_document_holds_no_secret(data: Data, tmp_path: Path) -> None:
    """By TLS: the site shows its certificate to us, and we show one of ours to the browser."""
    authority, store = trustme.CA(), tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(store))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def tell(raw: bytes) -> bytes:
        if f"sid={SID}".encode() not in raw:
            return build_response(b"{}", status="403 Forbidden")
        return answer_with(json.dumps(describe(1) | {"reader": READER}), "application/json")

    routes: dict[str, Route] = {
        "/": answer_with('<html><body><a href="/story/1">Ferry</a><p>News of the day</p></body></html>', "text/html"),
        "/story/1": answer_with(WALLED, "text/html"),
        "/api/story/1": tell,
    }
    session = 'cookies = "env:NEWSREEL_SECRET_COOKIE"\nheaders = { X-Reader = "env:NEWSREEL_SECRET_READER" }\n'
    environment = {"NEWSREEL_SECRET_COOKIE": f"sid={SID}", "NEWSREEL_SECRET_READER": READER}
    settings = LOOPBACK | {"DOWNLOAD_TLS_TRUST_STORE": store}
    with WireServer(routes, ssl_context=context) as server:
        path = Path(write_definition(tmp_path, server.base_url))
        text = path.read_text("utf-8")
        path.write_text(f"{text}[session]\n{session}", "utf-8")
        done = run_scrapy(
            "crawl", "category", "-a", f"source={path}", data=data, settings=settings, environment=environment
        )
    assert done.returncode == 0, done.stderr
    (post,) = data.posts("scripted").glob("*.md")
    assert describe(1)["title"] in post.read_text("utf-8")
    kept = b"".join(record.block for warc in data.warcs("scripted") for record in iter_records(warc))
    assert f"Signed in as {'*' * len(READER)}".encode() in kept
    for secret in (SID, READER):
        assert secret.encode() not in kept
        assert secret not in done.stderr
    done = run_scrapy("verify", "scripted", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
