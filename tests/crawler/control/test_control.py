"""The control port: who may act, what a form of another page can do, and what the buttons do to real processes."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from archives.errors import CollectionError
from archives.replay.http import Request, Response
from crawler.control.access import VARIABLE, Access, find_token
from crawler.control.actions import Actions
from crawler.control.app import ControlApp
from crawler.control.server import MAX_FORM_BYTES, serve_control
from crawler.demo_site import Newspaper
from crawler.scheduling import children
from crawler.scheduling.pauses import list_paused
from tests.crawler.scheduling.test_schedule import TIMEOUT_S, wait_until
from tests.project import LOOPBACK, Data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a token of the tests"
HOST = "127.0.0.1:8081"


class Desk:
    """A control port as a function, and a browser that knows its token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access = Access(TOKEN)
        self.app = ControlApp(self.access, Actions(folder), viewer="http://127.0.0.1:8080/")
        self.cookie = self.access.cookie.partition(";")[0]

    def get(self, target: str, **headers: str) -> Response:
        return self.app(Request(method="GET", target=target, headers={"host": HOST} | headers))

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Response:
        names = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app(Request(method="POST", target=path, headers=names, body=urlencode(fields).encode()))

    def press(self, path: str, **fields: str) -> Response:
        return self.post(path, {"key": self.access.form_key} | fields, cookie=self.cookie, origin=f"http://{HOST}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "schedule")


def read(response: Response) -> str:
    assert isinstance(response.body, bytes)
    return response.body.decode()


def test_nothing_is_shown_without_the_token(desk: Desk) -> None:
    for target in ("/", "/save?url=http://finews.withounder.com/", "/start", "/nowhere"):
        for cookie in ("", "newsreel_control=x", f"newsreel_control={TOKEN}", "newsreel_control=é", ";;=;"):
            answer = desk.get(target, cookie=cookie)
            assert answer.status == 401
            assert "finews" not in read(answer)
    assert desk.get("/login?token=wrong").status == 401
    assert desk.get("/login?token=%C3%A9").status == 401
    assert desk.post("/login", {}).status == 401
    for answer in (desk.get(f"/login?token={quote(TOKEN)}"), desk.post("/login", {"token": TOKEN})):
        assert (answer.status, answer.get("Location")) == (303, "/")
        assert answer.get("Set-Cookie").endswith("; HttpOnly; SameSite=Lax")
        assert TOKEN not in answer.get("Set-Cookie")
        assert "finews" in read(desk.get("/", cookie=answer.get("Set-Cookie").partition(";")[0]))


def test_a_form_of_another_page_does_nothing(desk: Desk) -> None:
    """Not even one on another port of this host, whose forms are sent with the cookie."""
    key = {"key": desk.access.form_key, "source": "finews"}
    strangers = [
        ({"source": "finews"}, {"cookie": desk.cookie}),
        (key | {"key": "x"}, {"cookie": desk.cookie}),
        (key, {}),
        (key, {"cookie": desk.cookie, "origin": "http://127.0.0.1:8080"}),
        (key, {"cookie": desk.cookie, "origin": "null"}),
        (key, {"cookie": desk.cookie, "sec_fetch_site": "same-site"}),
        (key, {"cookie": desk.cookie, "sec_fetch_site": "cross-site"}),
        ({"source": "finews"}, {"authorization": "Bearer wrong"}),
    ]
    for fields, headers in strangers:
        assert desk.post("/pause", fields, **headers).status in {401, 403}
    assert list_paused(desk.folder) == set()
    for path in ("/pause?source=finews", f"/pause?{urlencode(key)}"):
        assert desk.get(path, cookie=desk.cookie).status == 404
    assert list_paused(desk.folder) == set()
    assert desk.post("/pause", {"source": "finews"}, authorization=f"Bearer {TOKEN}").status == 200
    assert list_paused(desk.folder) == {"finews"}
    assert desk.press("/resume", source="finews").status == 303
    assert list_paused(desk.folder) == set()


def test_only_sources_of_the_project_are_acted_upon(desk: Desk) -> None:
    for path in ("/start", "/stop", "/pause", "/resume"):
        for source in ("", "no-such", "../finews", "finews.toml", "/etc/passwd"):
            assert desk.press(path, source=source).status == 409
    assert desk.press("/nowhere").status == 404
    assert desk.press("/stop", source="finews").status == 409
    assert not list(desk.folder.glob("*.log")) and not list(desk.folder.glob("*.paused"))


@pytest.mark.parametrize(
    "url", ["", "finews", "javascript:alert(1)", "file:///etc/passwd", "http://other.example/", "http:///x",
            "http://finews.withounder.com/a\nb", "http://finews.withounder.com/" + "x" * 5000]
)  # fmt: skip
def test_only_pages_of_a_source_are_saved(desk: Desk, url: str) -> None:
    assert desk.press("/save", url=url).status == 409
    assert desk.get(f"/save?url={quote(url)}", cookie=desk.cookie).status == 409
    assert not list(desk.folder.glob("*.share*"))


def test_the_bookmarklet_only_asks(desk: Desk) -> None:
    page = read(desk.get("/", cookie=desk.cookie))
    assert f"javascript:location=&#39;http://{HOST}/save?url=&#39;+encodeURIComponent(location.href)" in page.replace(
        "'", "&#39;"
    )
    asked = read(desk.get("/save?url=http%3A%2F%2Ffinews.withounder.com%2F%3Ca%3E", cookie=desk.cookie))
    assert "&lt;a&gt;" in asked
    assert 'method="post" action="/save"' in asked
    assert not desk.folder.exists() or not list(desk.folder.glob("*.share*"))


def test_a_crawl_is_started_once_and_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its lock is the schedule's; a stop reaches the process, and its end frees the source."""
    ready = tmp_path / "ready"
    code = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('asked to stop'), sys.exit()))\n"
        f"pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    )
    monkeypatch.setattr(
        "crawler.control.actions.build_crawl_command", lambda words, options: [sys.executable, "-c", code, *words]
    )
    assert desk.press("/start", source="finews").status == 303
    assert "running" in read(desk.get("/", cookie=desk.cookie))
    assert "already" in read(desk.press("/start", source="finews"))
    wait_until(ready.exists)
    assert desk.press("/pause", source="finews").status == 303
    wait_until(lambda: children.SourceLock.take(desk.folder / "finews.lock") is not None)
    assert "asked to stop" in (desk.folder / "finews.log").read_text("utf-8")
    assert list_paused(desk.folder) == {"finews"}


def test_a_crawl_whose_process_is_unknown_is_not_said_to_be_stopped(desk: Desk) -> None:
    """Its lock is held and does not name a process that holds it."""
    lock = children.SourceLock.take(desk.folder / "finews.lock")
    assert lock is not None
    try:
        lock.sign(1)
        answer = desk.press("/stop", source="finews")
    finally:
        lock.close()
    assert (answer.status, "the crawl of finews could not be stopped" in read(answer)) == (409, True)


def test_a_token_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert len(find_token()) >= 32
    assert find_token() != find_token()
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(CollectionError, match="16 characters"):
        find_token()
    monkeypatch.setenv(VARIABLE, TOKEN)
    assert find_token() == TOKEN


# On a socket


@contextmanager
def connect(desk: Desk) -> Iterator[http.client.HTTPConnection]:
    with serve_control(desk.app, host="127.0.0.1", port=0) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=TIMEOUT_S)
        try:
            yield connection
        finally:
            connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {TOKEN}"}
FORMS = [
    (b"source=finews", FORM, 200),
    (b"source=finews", FORM | {"Authorization": "Bearer x"}, 401),
    (b"source=finews", FORM | {"Host": "evil.example"}, 421),
    (b"source=finews", FORM | {"Content-Type": "text/plain"}, 415),
    (b"{}", FORM | {"Content-Type": "application/json"}, 415),
    (b"x" * (MAX_FORM_BYTES + 1), FORM, 413),
    (b"source=finews", FORM | {"Content-Length": "-1"}, 411),
    (b"source=finews", FORM | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
]


@pytest.mark.parametrize(("body", "headers", "status"), FORMS)
def test_the_port_takes_small_forms_and_nothing_else(
    desk: Desk, body: bytes, headers: dict[str, str], status: int
) -> None:
    with connect(desk) as connection:
        connection.request("POST", "/pause", body, headers)
        assert connection.getresponse().status == status
    assert list_paused(desk.folder) == ({"finews"} if status == 200 else set())


def test_other_methods_are_refused(desk: Desk) -> None:
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        with connect(desk) as connection:
            connection.request(method, "/start", headers=FORM)
            assert connection.getresponse().status == 405


def test_a_page_is_saved_by_the_command_as_users_type_it(tmp_path: Path) -> None:
    """`serve --control`: the viewer has no such power, the other port saves a page of a source, by loopback alone."""
    folder = tmp_path / "project"
    (folder / "sources").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "newsreel.toml").write_text("")
    with Newspaper() as paper:
        (folder / "sources" / "newspaper.toml").write_text(paper.source_toml(), "utf-8")
        settings = [word for name, value in LOOPBACK.items() for word in ("-s", f"{name}={value}")]
        command = [sys.executable, "-m", "crawler", "serve", "--port", "0", "--control", "0", *settings]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                viewer, control = (urlsplit(process.stdout.readline().strip()) for _ in range(2))
                assert (viewer.hostname, control.hostname) == ("127.0.0.1", "127.0.0.1")
                (token,) = parse_qs(control.query)["token"]
                url = f"{paper.base_url}/Harbour%20Watch/2026/03/04/NW202603041021110001.html"
                for port, status in ((viewer.port, 405), (control.port, 200)):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
                    connection.request(
                        "POST", "/save", urlencode({"url": url}), FORM | {"Authorization": f"Bearer {token}"}
                    )
                    answer = connection.getresponse()
                    assert (answer.status, answer.read() and answer.status) == (status, status)
                    connection.close()
                posts = Data(folder / "data").posts("newspaper")
                wait_until(lambda: bool(list(posts.glob("*.md"))))
                assert re.search("ferry", next(posts.glob("*.md")).read_text("utf-8"))
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(TIMEOUT_S)
