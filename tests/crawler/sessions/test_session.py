"""A paper behind a log-in: its articles are had, its session is renewed, and no secret is in anything we keep."""

from __future__ import annotations

import gzip
import re
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from archives.warc.reader import iter_records
from tests.project import LOOPBACK, Data, run_scrapy
from tests.wire import Route, WireServer, build_response, find_values

if TYPE_CHECKING:
    from pathlib import Path

EMAIL = "ann.reader@mail.example"
PASSWORD = "correct horse/battery&staple"
TOKEN = "token-of-the-client-9f2c"
DEFINITION = """
name = "wall"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/story/(?P<id>[0-9]+)$']
category = ['/$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div.story"
[session]
headers = {{ X-Client = "env:NEWSREEL_SECRET_WALL_CLIENT" }}
[session.login]
url = "{base}/login"
check = "a.out"
[session.login.fields]
email = "env:NEWSREEL_SECRET_WALL_USER"
password = "file:wall.password"
"""
STORY = (
    "<html><body><p>Signed in as {email}</p><h1>Harbour story number {n}</h1><time>2026-11-0{n} 08:00</time>"
    "<div class=story><p>{text}</p></div><a class=out href=/out>Log out</a></body></html>"
)
TEXT = "The council met on Tuesday to talk about the harbour, and story {n} says at length what was decided there. "


class Wall:
    """A paper that shows its stories to those who are logged in, and forgets everybody once."""

    def __init__(self, *, stories: int = 4) -> None:
        self.stories = stories
        self.valid: set[str] = set()
        self.given: list[str] = []
        self.form_token = secrets.token_hex(300)
        self.shown = 0
        self.elsewhere = ""

    def routes(self) -> dict[str, Route]:
        pages: dict[str, Route] = {f"/story/{n}": self.show(n) for n in range(1, self.stories + 1)}
        return pages | {"/": self.front, "/login": self.login}

    def is_known(self, raw: bytes) -> bool:
        cookies = b"; ".join(find_values(raw.partition(b"\r\n\r\n")[0], b"cookie")).decode()
        return any(f"sid={sid}" in cookies for sid in self.valid)

    def front(self, raw: bytes) -> bytes:
        if not self.is_known(raw):
            return redirect("/login?back=/")
        links = "".join(f'<a href="/story/{n}">Story {n}</a>' for n in range(1, self.stories + 1))
        links += f'<a href="{self.elsewhere}/story/9">Elsewhere</a>'
        return build_page(f"<html><body><a class=out>out</a>{links}</body></html>".encode())

    def show(self, n: int) -> Route:
        def answer(raw: bytes) -> bytes:
            self.shown += 1
            if self.shown == 2:
                self.valid.clear()
            if not self.is_known(raw):
                return redirect("/login")
            page = STORY.format(n=n, email=EMAIL, text=TEXT.format(n=n) * 3)
            return build_page(page.encode())

        return answer

    def login(self, raw: bytes) -> bytes:
        if raw.startswith(b"GET"):
            form = (
                "<html><body><form action=/search><input name=q></form><form method=post action='/login'>"
                f"<input type=hidden name=token value='{self.form_token}'><input name=email>"
                "<input type=password name=password></form></body></html>"
            )
            return build_page(form.encode())
        sent = parse_qs(raw.partition(b"\r\n\r\n")[2].decode())
        if (sent.get("email"), sent.get("password"), sent.get("token")) != ([EMAIL], [PASSWORD], [self.form_token]):
            return build_response(b"wrong", status="403 Forbidden")
        sid = secrets.token_hex(16)
        self.valid.add(sid)
        self.given.append(sid)
        return redirect("/", f"Set-Cookie: sid={sid}; Path=/; HttpOnly")


def build_page(body: bytes) -> bytes:
    return build_response(body, headers=[("Content-Type", "text/html; charset=utf-8")])


def redirect(where: str, *fields: str) -> bytes:
    lines = ["HTTP/1.1 302 Found", f"Location: {where}", "Content-Length: 0", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def write_definition(folder: Path, base: str) -> str:
    path = folder / "wall.toml"
    path.write_text(DEFINITION.format(base=base), "utf-8")
    (folder / "wall.password").write_text(PASSWORD + "\n", "utf-8")
    return str(path)


def crawl(path: str, data: Data, *, email: str = EMAIL) -> tuple[int, str]:
    environment = {"NEWSREEL_SECRET_WALL_USER": email, "NEWSREEL_SECRET_WALL_CLIENT": TOKEN}
    done = run_scrapy(
        "crawl",
        "category",
        "-a",
        f"source={path}",
        "-L",
        "DEBUG",
        data=data,
        settings=LOOPBACK,
        environment=environment,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def read_everything(data: Data) -> bytes:
    """All bytes below a data directory, compressed files once more as they are inside."""
    found = b""
    for path in sorted(data.path.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += content + (gzip.decompress(content) if path.suffix == ".gz" else b"")
    return found


def test_a_paper_behind_a_log_in_is_read_and_no_secret_is_kept(data: Data, tmp_path: Path) -> None:
    wall = Wall()
    with WireServer(wall.routes()) as server, WireServer({"/story/9": build_response(b"other")}) as other:
        wall.elsewhere = other.base_url
        path = write_definition(tmp_path, server.base_url)
        status, log = crawl(path, data)
        assert status == 0, log
        assert len(wall.given) == 2, "the session lapsed once and was renewed once"
        assert other.exchanges == []
        sent = [exchange for exchange in server.exchanges if exchange.received]
    posts = {path.stem[-1]: path.read_text("utf-8") for path in data.posts("wall").glob("*.md")}
    assert sorted(posts) == ["1", "2", "3", "4"]
    assert all(f"story {n} says at length" in text for n, text in posts.items())
    everything = read_everything(data) + log.encode()
    for secret in (EMAIL, EMAIL.replace("@", "%40"), PASSWORD, "horse%2Fbattery", "horse/battery", TOKEN, *wall.given):
        assert secret.encode() not in everything, secret

    records = [record for warc in data.warcs("wall") for record in iter_records(warc)]
    blocks = {kind: [r.block for r in records if r.type == kind] for kind in ("request", "response", "revisit")}
    hidden = re.compile("|".join(map(re.escape, (EMAIL, *wall.given))).encode())
    wanted = [hidden.sub(lambda found: b"*" * len(found[0]), exchange.sent) for exchange in sent]
    assert set(blocks["response"]) == set(wanted), "all else is what crossed the wire, to the byte"
    assert len(blocks["response"] + blocks["revisit"]) == len(sent)
    assert sorted(map(len, blocks["request"])) == sorted(len(exchange.received) for exchange in sent)
    done = run_scrapy("verify", "wall", "--posts", data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_log_in_that_fails_is_reported_once_and_the_crawl_goes_on(data: Data, tmp_path: Path) -> None:
    wall = Wall()
    with WireServer(wall.routes()) as server:
        _, log = crawl(write_definition(tmp_path, server.base_url), data, email="someone@else.example")
        posted = [exchange for exchange in server.exchanges if exchange.received.startswith(b"POST")]
    assert log.count("The log-in of source wall failed: it was answered 403; the crawl continues without it") == 1
    assert len(posted) == 1
    assert "'session/login_failed': 1" in log
    assert PASSWORD not in log


def test_a_secret_that_is_not_there_is_reported_before_the_crawl(data: Data, tmp_path: Path) -> None:
    path = write_definition(tmp_path, "http://127.0.0.1:9")
    done = run_scrapy("crawl", "category", "-a", f"source={path}", data=data, settings=LOOPBACK)
    assert done.returncode == 1
    assert "session.headers.X-Client: the environment has no NEWSREEL_SECRET_WALL_CLIENT; set it" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"file:wall.password"', '"hunter2"', "session.login.fields.password: must be env:NEWSREEL_SECRET_NAME"),
        ('"file:wall.password"', '"file:/etc/passwd"', "session.login.fields.password: must be env:NEWSREEL"),
        (
            'X-Client = "env:NEWSREEL_SECRET_WALL_CLIENT"',
            'Cookie = "a=hunter2"',
            "session.headers.Cookie: must be env:",
        ),
        ("[session]", '[session]\ncookies = "hunter2"', "session.cookies: must be env:NEWSREEL_SECRET_NAME"),
        ("env:NEWSREEL_SECRET_WALL_USER", "env:AWS_SECRET_ACCESS_KEY", "session.login.fields.email: must be env:"),
    ],
)
def test_a_secret_in_a_definition_is_refused_and_not_repeated(old: str, new: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "wall.toml"
    text = DEFINITION.format(base="http://wall.example")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    done = run_scrapy("sources", "check", str(path))
    assert told in done.stderr + done.stdout
    assert "hunter2" not in done.stderr + done.stdout
