"""Papers that scripts draw, crawled with a real browser: the posts, the wire, and what no page may do."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from archives.warc.reader import iter_records
from tests.crawler.rendering.scripted import DEFINITION, STORIES, TEXT, answer_with, describe, list_routes
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import Route, WireExchange, WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium")


def write_definition(folder: Path, base: str, *, when: str = "shell", seconds: int = 60) -> str:
    path = folder / "scripted.toml"
    path.write_text(DEFINITION.format(base=base, when=when, seconds=seconds), "utf-8")
    return str(path)


def crawl(path: str, data: Data, **settings: object) -> tuple[int, str]:
    done = run_scrapy(
        "crawl", "category", "-a", f"source={path}", "-L", "INFO", data=data, settings=LOOPBACK | settings,
        timeout_s=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def list_heard(server: WireServer) -> list[WireExchange]:
    return [exchange for exchange in server.exchanges if exchange.received]


@needs_browser
def test_articles_that_only_scripts_have_are_read_and_all_goes_through_the_archive(data: Data, tmp_path: Path) -> None:
    netlog = tmp_path / "net.json"
    with WireServer({}) as other, WireServer(list_routes(other.base_url)) as server:
        path = write_definition(tmp_path, server.base_url)
        status, log = crawl(path, data, RENDER_FLAGS=f"--log-net-log={netlog}")
        heard, elsewhere = list_heard(server), other.connections
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
    assert Counter(r.block for r in by_type["request"]) == Counter(mask_cookies(e.received) for e in heard)
    answered = by_type["response"] + by_type.get("revisit", [])
    assert len(answered) == len(heard)
    assert {r.block for r in by_type["response"]} == {e.sent for e in heard}
    assert len(by_type["conversion"]) == STORIES + 1
    referred = {record.get("WARC-Refers-To") for record in by_type["conversion"]}
    assert referred <= {record.record_id for record in answered}
    remarks = b"".join(r.block for r in by_type["metadata"] if b"rendered-by" in r.block)
    assert b"rendered-by: Chromium " in remarks
    assert b"rendered-action: click button accept all\r\n" in remarks
    assert b"rendered-action: scroll" in remarks

    assert elsewhere == 0, "no page reaches what is out of scope"
    connected = set(list_connects(netlog))
    assert connected
    assert all(address.startswith("127.0.0.1:") for address in connected), connected
    assert not ports & {int(address.rpartition(":")[2]) for address in connected}

    before = hash_tree(data.posts("scripted"))
    done = run_scrapy("verify", "scripted", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(data.posts("scripted"))
    done = run_scrapy("reparse", "scripted", data=data, settings={"RENDER_BROWSER": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert hash_tree(data.posts("scripted")) == before


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
    "/story/3": "<script>setInterval(() => { document.body.append('more '.repeat(1e6)) }, 1)</script>",
    "/story/4": "<script>for (let n = 0; n < 1e4; n++) fetch('/none/' + n)</script>",
}


@needs_browser
def test_pages_that_never_end_cost_themselves_alone(data: Data, tmp_path: Path) -> None:
    links = "".join(f'<a href="/story/{n}">Story {n}</a> ' for n in range(1, 6))
    routes: dict[str, Route] = {"/": answer_with(f"<html><body>{links}</body></html>", "text/html")}
    routes |= {url: answer_with(f"<html><body>{text}</body></html>", "text/html") for url, text in BAD.items()}
    shown = list_routes()
    routes |= {url: shown[url] for url in ("/story/5", "/api/story/5", "/app.js")}
    routes["/file.bin"] = build_response(b"\0" * 100, headers=[("Content-Disposition", "attachment; filename=a.bin")])
    with WireServer(routes) as server:
        path = write_definition(tmp_path, server.base_url, seconds=12)
        text = (tmp_path / "scripted.toml").read_text("utf-8").replace("scroll = 8", "max_requests = 20")
        (tmp_path / "scripted.toml").write_text(text, "utf-8")
        _, log = crawl(path, data)
        asked = [exchange for exchange in list_heard(server) if "/none/" in exchange.target]
    assert [describe(5)["title"] in post.read_text("utf-8") for post in data.posts("scripted").glob("*.md")] == [True]
    assert len(asked) <= 20
    assert "'render/refused/bounds'" in log
    assert "'render/failed/timeout'" in log
