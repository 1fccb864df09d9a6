"""ReplayWeb.page opens what we pack, in a browser that can reach nothing but this test.

Its two files are AGPL and are never part of this project: `NEWSREEL_REPLAYWEB` names a directory that holds `ui.js` and
`sw.js`. The browser is the system's own Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import pytest

from archives.captures.writer import MAX_BYTES
from archives.storage.collection import Collection
from archives.wacz.pack import pack_collection
from archives.warc.reader import iter_records
from tests.crawler.rendering.scripted import answer_with
from tests.crawler.rendering.test_rendering import crawl, needs_browser, write_definition
from tests.interop.sample import CASES, Case, write_sample
from tests.project import Data
from tests.wire import Route, WireServer

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLAYWEB = os.environ.get("NEWSREEL_REPLAYWEB", "")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
TIMEOUT_S = 60.0
PAGE_URLS = {case.url for case in CASES if not case.is_revisit}
# Looks through frames and shadow roots for the text of the page, and tells the test, with what the service worker says
# of the file's pages and signature. Until that worker answers for /replay/, a page there waits for it and reloads.
PAGE = """<!DOCTYPE html><meta charset="utf-8"><script src="/ui.js"></script>
<replay-web-page source="/%(source)s" url="%(url)s" ts="%(ts)s" replayBase="/replay/" embed="replayonly">
</replay-web-page>
<script>
function* roots(node) {
  yield node;
  for (const element of node.querySelectorAll("*")) {
    if (element.shadowRoot) yield* roots(element.shadowRoot);
    if (element.tagName === "IFRAME" && element.contentDocument) yield* roots(element.contentDocument);
  }
}
async function ask() {
  const view = [...roots(document)].map(root => root.defaultView).find(
    view => view && view.location.pathname.startsWith("/replay/") && !view.location.pathname.startsWith("/replay/w/"));
  const {colls} = await (await view.fetch("/replay/w/api/coll-index")).json();
  return (await view.fetch(`/replay/w/api/c/${colls[0].id}?all=1`)).json();
}
const timer = setInterval(async () => {
  const titles = [...roots(document)].flatMap(root => [...root.querySelectorAll("h1")].map(h1 => h1.textContent));
  if (!titles.includes(%(title)s)) return;
  clearInterval(timer);
  const {verify, pages} = await ask();
  await fetch("/seen", {method: "POST", body: JSON.stringify({case: %(number)s, titles, verify, pages})});
  if (%(next)s) location = %(next)s;
}, 50);
</script>"""
WAIT = "<script>navigator.serviceWorker.ready.then(() => location.reload())</script>"

needs_replayweb = pytest.mark.skipif(
    not (REPLAYWEB and CHROMIUM),
    reason="NEWSREEL_REPLAYWEB does not name a directory with ui.js and sw.js, or there is no chromium",
)


class Handler(BaseHTTPRequestHandler):
    """Files with ranges, as ReplayWeb.page asks for; whatever else is requested is noted."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.server.seen.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send(204, b"", "text/plain")

    def answer(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/case/"):
            self.send(200, self.server.build_page(int(path.removeprefix("/case/"))), "text/html")
        elif path in {"/replay/sw.js", "/replay/ui.js", "/ui.js"}:
            self.send(200, Path(REPLAYWEB, path.rpartition("/")[2]).read_bytes(), "text/javascript")
        elif path.startswith("/replay/"):
            self.send(200, WAIT.encode(), "text/html")
        elif path == f"/{self.server.source.name}":
            self.send_range(self.server.source.read_bytes())
        else:
            self.server.strays.append(self.path)
            self.send(404, b"", "text/plain")

    def send_range(self, data: bytes) -> None:
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        first, _, last = asked.partition("-")
        if not asked:
            self.send(200, data, "application/wacz")
            return
        start = int(first) if first else max(0, len(data) - int(last))
        end = min(int(last), len(data) - 1) if first and last else len(data) - 1
        self.send(206, data[start : end + 1], "application/wacz", f"bytes {start}-{end}/{len(data)}")

    def send(self, status: int, body: bytes, kind: str, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Accept-Ranges", "bytes")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """One archive file, and a page for each case that shows it.

    Attributes:
        seen: what the browser found, case by case.
        strays: requests that no part of the replay should make.
    """

    daemon_threads = True

    def __init__(self, source: Path, cases: list[Case]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.source = source
        self.cases = cases
        self.seen: Queue[dict[str, Any]] = Queue()
        self.strays: list[str] = []

    def take(self, case: Case) -> dict[str, Any]:
        """What the browser saw next."""
        try:
            return self.seen.get(timeout=TIMEOUT_S)
        except Empty:
            pytest.fail(f"{case.name}: its text does not show within {TIMEOUT_S} s; it asked for {self.strays}")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that moves to the next page leaves connections behind."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def build_page(self, number: int) -> bytes:
        case = self.cases[number]
        following = f"/case/{number + 1}" if number + 1 < len(self.cases) else ""
        values = {"source": self.source.name, "url": case.url.replace("&", "&amp;"), "ts": case.timestamp}
        words = {"title": json.dumps(case.title), "number": number, "next": json.dumps(following)}
        return (PAGE % (values | words)).encode()


@contextmanager
def serve(source: Path, cases: list[Case]) -> Iterator[Server]:
    server = Server(source, cases)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browse(address: str, profile: Path) -> Iterator[None]:
    """Run a browser that resolves no name and knows no proxy."""
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
    ]
    isolation = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}"]
    command = [CHROMIUM, *options, *isolation, "--remote-debugging-port=0", address]
    with (profile.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, 15)
            process.wait(TIMEOUT_S)


@needs_replayweb
@pytest.mark.parametrize("form", ["wacz", "wacz in blocks", "warc"])
def test_replayweb_shows_every_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Bodies in every coding, revisits of both profiles: from a WACZ file by ranges, from the bare WARC file at once.

    In the WACZ file every capture is in its own WARC file, so originals are in other files.
    """
    collection = write_sample(tmp_path, max_bytes=MAX_BYTES if form == "warc" else 1)
    source, key = next(collection.iter_warcs()), tmp_path / "key.pem"
    if form != "warc":
        monkeypatch.setattr("archives.wacz.pack.MAX_PLAIN_LINES", 2 if "blocks" in form else 10)
        source = pack_collection(collection, tmp_path / "sample.wacz", key_file=key).path
    with serve(source, CASES) as server, browse(f"{server.address}/case/0", tmp_path / "profile"):
        for number, case in enumerate(CASES):
            seen = server.take(case)
            assert seen["case"] == number
            assert case.title in seen["titles"], case.name
            assert {page["url"] for page in seen["pages"]} == (set() if form == "warc" else PAGE_URLS)
            # It tells the key only after it has read it as one of its own kind.
            assert ("publicKey" in seen["verify"]) == (form != "warc")
    assert set(server.strays) <= {"/favicon.ico"}


# The number is another each time that the script runs, so it shows whether it does.
RUNNING = """<!doctype html><html><body><div id=root></div><script src="/draw.js"></script></body></html>"""
DRAW = """fetch('/api/1').then(answer => answer.json()).then(story => {
  const number = crypto.getRandomValues(new Uint32Array(1))[0];
  document.getElementById('root').innerHTML = `<h1>${story.title}</h1><h1>Run ${number}</h1>
    <time>2026-11-02</time><div class=story><p>${story.title.repeat(20)}</p></div>`;
});"""
TITLE = "The lighthouse is lit again"


@needs_replayweb
@needs_browser
def test_a_rendered_page_is_shown_by_its_scripts(data: Data, tmp_path: Path) -> None:
    """From the captures of the page, its script, and what that fetched; the rendered document lies beside them."""
    routes: dict[str, Route] = {
        "/": answer_with(
            '<html><body><a href="/story/1">Lighthouse</a><p>News of the day</p></body></html>', "text/html"
        ),
        "/story/1": answer_with(RUNNING, "text/html"),
        "/draw.js": answer_with(DRAW, "text/javascript"),
        "/api/1": answer_with(json.dumps({"title": TITLE}), "application/json"),
    }
    with WireServer(routes) as site:
        status, log = crawl(write_definition(tmp_path, site.base_url), data)
        url = site.url("/story/1")
    assert status == 0, log
    records = [r for path in data.warcs("scripted") for r in iter_records(path) if r.url == url]
    (sent,) = [record for record in records if record.type == "response"]
    (rendered,) = [record for record in records if record.type == "conversion"]
    case = Case(name="rendered", url=url, began_at=sent.captured_at, title=TITLE, body=b"")
    collection = Collection.open(data.path, "scripted")
    source = pack_collection(collection, tmp_path / "scripted.wacz").path
    with serve(source, [case]) as server, browse(f"{server.address}/case/0", tmp_path / "profile"):
        titles = server.take(case)["titles"]
    (run,) = [title for title in titles if title.startswith("Run ")]
    assert f"<h1>{run}</h1>".encode() not in rendered.block
    assert set(server.strays) <= {"/favicon.ico"}
