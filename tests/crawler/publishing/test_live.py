"""Webhooks while a crawl is in progress: a receiver gets an article before the crawl fetches the next one."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING

from archives.storage.collection import Collection
from crawler.publishing.library import Library
from crawler.publishing.live import LiveDelivery
from crawler.publishing.webhooks import Hook
from tests.crawler.changelog.test_events import SOURCE
from tests.pipelines.exports.receiver import serve_receiver
from tests.pipelines.exports.samples import build_statement, fill_collection
from tests.project import LOOPBACK, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 60.0


def test_a_receiver_gets_an_article_before_the_crawl_fetches_the_next(tmp_path: Path) -> None:
    """The second article is answered once the first was delivered, so a delivery at the end would never come."""
    was_received = threading.Event()
    in_time: list[bool] = []

    class Paper(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = self.path.rpartition("/")[2]
            if number == "2":
                in_time.append(was_received.wait(TIMEOUT_S))
            page = f"<h1>Article {number}</h1><time>2026-03-04 10:00</time><div><p>The text of {number}.</p></div>"
            body = page if number else '<a href="/a/1">one</a><a href="/a/2">two</a>'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    with serve_receiver() as receiver, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Paper) as paper:
        receiver.on_received = was_received.set
        threading.Thread(target=paper.serve_forever, daemon=True).start()
        source = SOURCE.replace("{base}", f"http://127.0.0.1:{paper.server_port}")
        (tmp_path / "weir.toml").write_text(source, "utf-8")
        table = f'[[webhook]]\nurl = "{receiver.url}"\nsecret_env = "NEWSREEL_SECRET"\n'
        (tmp_path / "exports.toml").write_text(table, "utf-8")
        settings = {**LOOPBACK, "EXPORTS_FILE": tmp_path / "exports.toml", "EXPORTS_DELIVER_SECONDS": 0.1}
        command = ("crawl", "category", "-a", f"source={tmp_path / 'weir.toml'}")
        secret = {"NEWSREEL_SECRET": "x"}
        done = run_scrapy(*command, data=tmp_path / "data", settings=settings, environment=secret)
        paper.shutdown()
    assert done.returncode == 0, done.stderr
    assert in_time == [True]
    assert [(post["identifier"], post["change"]) for post in receiver.received] == [("1", "new"), ("2", "new")]


def test_a_receiver_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    with serve_receiver() as receiver:
        receiver.answers, receiver.hang_s = [1], 0.5
        hook = Hook(url=receiver.url, secret=b"x", timeout_s=0.2)
        live = LiveDelivery(Library(tmp_path), [hook], "news", pause_s=0.01)
        live.start()
        fill_collection(collection.indexes_dir, [build_statement(number) for number in range(1, 4)])
        for _ in range(1000):
            if receiver.asked:
                break
            threading.Event().wait(0.01)
        live.stop()
        assert (live.delivered, live.failed) == (0, 0)  # opening the log may have entered them already
        assert [json.loads(body)["data"]["change"] for _, body in receiver.asked] == ["new"]
