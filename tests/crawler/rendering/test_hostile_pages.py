"""Pages that try what pages can do to a browser: each is rendered within its limits, and no other page is lost."""

from __future__ import annotations

import itertools
import json
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.crawler.rendering.scripted import answer_with, describe
from tests.crawler.rendering.test_rendering import crawl, list_received, needs_browser, write_definition
from tests.project import Data, run_scrapy
from tests.wire import Route, Script, WireServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

PAGE = """<!doctype html><html><body><div id=root></div><script>
const story = %(story)s;
document.getElementById('root').innerHTML = `<h1>${story.title}</h1><time datetime="${story.at}">${story.at}</time>
  <div class=story><p>${story.text}</p><p>${story.text}</p></div>`;
%(mischief)s
</script></body></html>"""

MISCHIEF = {
    "endless scroll": "const grow = () => document.body.insertAdjacentHTML('beforeend', '<p style=height:9999px>more');"
    " grow(); addEventListener('scroll', grow);",
    "windows": "for (let n = 0; n < 5; n++) open('/popup?' + n); alert('a'); confirm('b'); prompt('c'); print();"
    "addEventListener('beforeunload', event => { event.preventDefault(); event.returnValue = 'stay'; });"
    "setInterval(() => alert('d'), 200);",
    "download": "const a = document.createElement('a'); a.href = '/file.bin'; a.download = 'x'; a.click();",
    "workers": "new Worker(URL.createObjectURL(new Blob(['for (;;) {}'])));navigator.serviceWorker.register('/sw.js');",
    "sockets": "new WebSocket('ws://' + location.host + '/socket'); new EventSource('/stream');"
    "fetch('OTHER/x').catch(() => document.body.append('refused'));",
    "floods": "window.held = []; setInterval(() => held.push(new Array(1e5).fill(1)), 20);"
    "for (let n = 0; n < 1e4; n++) console.log('x'.repeat(1e3)); fetch('/large').then(answer => answer.arrayBuffer());",
    "powers": "document.documentElement.requestFullscreen(); navigator.geolocation.getCurrentPosition(() => 0);"
    " Notification.requestPermission(); history.pushState(0, '', '/elsewhere');",
}
SERVICE_WORKER = "self.addEventListener('fetch', event => event.respondWith(new Response('hijacked')));"
LARGE_BYTES = 500 << 20


def send_large(_: bytes) -> Script:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % LARGE_BYTES
    return itertools.chain([head], itertools.repeat(bytes(1 << 16)))  # type: ignore[return-value]


@needs_browser
def test_no_page_harms_another(data: Data, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)  # nobody trusts it
    links = "".join(f'<a href="/story/{number}">Story {number}</a> ' for number, _ in enumerate(MISCHIEF, 1))
    with WireServer({"/x": answer_with("seen", "text/plain")}, ssl_context=context) as other, WireServer({}) as server:
        server.routes |= list_routes(links, other.base_url)
        path = write_definition(tmp_path, server.base_url, when="always")
        definition = (tmp_path / "scripted.toml").read_text("utf-8")
        definition = definition.replace("scroll = 8", "scroll = 2\nmax_bytes = 1_000_000").rpartition("clicks")[0]
        definition = definition.replace('scope = ["', f'scope = ["{other.base_url}/", "')
        (tmp_path / "scripted.toml").write_text(definition, "utf-8")
        status, log = crawl(path, data, RENDER_CONCURRENCY=4)
        asked = [exchange.target for exchange in list_received(server)]
        elsewhere = list_received(other)
    assert status == 0, log
    posts = "".join(post.read_text("utf-8") for post in data.posts("scripted").glob("*.md"))
    assert [name for number, name in enumerate(MISCHIEF, 1) if describe(number)["title"] not in posts] == []
    (run,) = data.read_manifests("scripted")
    assert run["counts"]["render/pages"] == len(MISCHIEF) + 1
    assert run["counts"]["render/browsers"] == 1, "no page ended the browser"
    assert run["counts"]["render/refused/failed"] >= 2, "the large file, and the certificate that nobody trusts"
    assert "/socket" not in asked
    assert elsewhere == []
    verified = run_scrapy("verify", "scripted", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def list_routes(links: str, other: str) -> dict[str, Route]:
    routes: dict[str, Route] = {
        "/": answer_with(f"<html><body><p>News of the day</p>{links}</body></html>", "text/html"),
        "/sw.js": answer_with(SERVICE_WORKER, "text/javascript"),
        "/large": send_large,
        "/file.bin": answer_with("x" * 1000, "application/octet-stream"),
    }
    for number, mischief in enumerate(MISCHIEF.values(), 1):
        text = PAGE % {"story": json.dumps(describe(number)), "mischief": mischief.replace("OTHER", other)}
        routes[f"/story/{number}"] = answer_with(text, "text/html")
    return routes
