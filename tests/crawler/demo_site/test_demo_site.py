"""The newspaper prints what it promises: read by a small crawler of bare sockets, so that no library smooths it."""

from __future__ import annotations

import ast
import gzip
import json
import re
import socket
import subprocess
import sys
import threading
import tomllib
import zlib
from collections import Counter
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urljoin

import pytest

import crawler.demo_site
from crawler.demo_site import Newspaper, Paper, Request
from crawler.demo_site.pages import EMPTY_ENTRY_ID
from crawler.demo_site.site import PRINTED_AT, PRIVATE_PATH
from crawler.demo_site.wire_format import Coding, Quirk, choose_coding, choose_quirk

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = Paper()
NEWEST = "/go/NW202603041021110001"
FERRY = "/Harbour%20Watch/2026/03/04/NW202603041021110001.html"
REVISED = "/wenhua/2026/03/04/NW202603041930000402.html"
BUSY = "/tianqi/2026/02/16/NW202602160710000107.html"
UNDECLARED = "/shichang(huandao)/2026/02/23/NW202602231330000205.html"
HOSTILE = "/shichang(huandao)/2026/02/13/NW202602131640000208.html"
LISTED_ONLY = "NW202603080600000501"


@dataclass(frozen=True)
class Reply:
    raw: bytes
    status: int
    head: bytes
    payload: bytes

    def find(self, name: str) -> str:
        found = re.search(rf"(?im)^{name}:[ \t]*(.*?)[ \t]*\r?$", self.head.decode("latin-1"))
        return found.group(1) if found else ""


def parse_reply(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    reply = Reply(raw, int(head.split()[1]), head, b"")
    if reply.find("transfer-encoding") == "chunked" and body:
        body = join_chunks(body)
    elif reply.find("content-length") and body:
        assert len(body) == int(reply.find("content-length"))
    coding = reply.find("content-encoding")
    body = gzip.decompress(body) if coding == "gzip" and body else body
    body = zlib.decompress(body) if coding == "deflate" and body else body
    return Reply(raw, reply.status, head, body)


def join_chunks(body: bytes) -> bytes:
    payload = b""
    while True:
        size, _, rest = body.partition(b"\r\n")
        if size == b"0":
            assert rest == b"\r\n"
            return payload
        payload += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]


def fetch(newspaper: Newspaper, target: str, *lines: str, method: str = "GET") -> Reply:
    given = [*lines, "Accept-Encoding: gzip, deflate", "Connection: close"]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{newspaper.port}", *given, "", ""])
    with socket.create_connection(("127.0.0.1", newspaper.port), timeout=60) as connection:
        connection.sendall(head.encode())
        raw = b""
        while piece := connection.recv(65536):
            raw += piece
    return parse_reply(raw)


def build_request(target: str, *lines: str, attempt: int = 1) -> Request:
    head = "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode()
    return Request(method="GET", target=target, head=head, attempt=attempt)


def ask(target: str, *lines: str, attempt: int = 1) -> Reply:
    """What the first edition answers with no socket between."""
    return parse_reply(FIRST.respond(build_request(target, *lines, attempt=attempt)))


class Reader:
    """A patient reader: follows every link the source definition knows, through redirects and busy signals."""

    def __init__(self, newspaper: Newspaper) -> None:
        self.newspaper = newspaper
        self.source = tomllib.loads(newspaper.source_toml())
        self.replies: dict[str, Reply] = {}
        self.articles: dict[str, Reply] = {}
        self.texts: dict[str, str] = {}
        self.unread: list[str] = []

    def read_all(self) -> None:
        waiting = list(self.source["seeds"])
        while waiting:
            url = waiting.pop()
            if url in self.replies or not url.startswith(self.source["scope"][0]):
                continue
            if url.startswith(self.newspaper.base_url + "/private/"):
                self.unread.append(url)
                continue
            waiting += self.read(url)

    def read(self, url: str) -> list[str]:
        target = url.removeprefix(self.newspaper.base_url)
        reply = fetch(self.newspaper, target)
        while reply.status == 503 and reply.find("Retry-After") == "0":
            reply = fetch(self.newspaper, target)
        self.replies[url] = reply
        if location := reply.find("Location"):
            return [urljoin(url, location)]
        if reply.status != 200:
            return []
        if self.match("text", url):
            answer = json.loads(reply.payload)
            if text := answer.get("text") or answer.get("content"):
                self.texts[answer["infoCode"]] = text
            return []
        if self.match("listing", url):
            return self.read_listing(reply)
        if found := self.match("article", url):
            self.articles[found["id"]] = reply
        links = [
            urljoin(url, quote(unescape(href), safe="/:?=&()-."))
            for href in re.findall(r'href="([^"]+)"', reply.payload.decode("utf-8", "replace"))
        ]
        shares = [found["id"] for link in links if (found := self.match("share", link))]
        texts = [self.source["share"]["text_url"].format(id=id_) for id_ in shares]
        kinds = ("category", "article", "share", "listing")
        return texts + [link for link in links if any(self.match(kind, link) for kind in kinds)]

    def read_listing(self, reply: Reply) -> list[str]:
        answer = json.loads(reply.payload)
        records = answer.get("records") or answer.get("nodeList") or answer.get("record")
        ids = [record.get("infoCode") or record.get("infocode") for record in records]
        return [self.source["share"]["text_url"].format(id=id_) for id_ in ids]

    def match(self, kind: str, url: str) -> re.Match[str] | None:
        return next((m for pattern in self.source["links"][kind] if (m := re.search(pattern, url))), None)


@pytest.fixture(scope="module")
def crawled() -> Iterator[Reader]:
    with Newspaper() as newspaper:
        reader = Reader(newspaper)
        reader.read_all()
        yield reader


@pytest.fixture
def newspaper() -> Iterator[Newspaper]:
    with Newspaper() as newspaper:
        yield newspaper


def test_a_full_crawl_finds_exactly_what_is_expected(crawled: Reader) -> None:
    expected = crawled.newspaper.expected
    assert expected.edition == 1
    assert crawled.articles.keys() == expected.pages
    assert crawled.articles.keys() | crawled.texts.keys() == expected.posts
    assert crawled.texts.keys() >= expected.shared | expected.listed_only
    sections = {url for url, r in crawled.replies.items() if "/section/" in url and r.status == 200}
    assert len(sections) == expected.section_pages


def test_the_facts_of_both_editions() -> None:
    first, second = Paper(1).expected, Paper(2).expected
    assert (first.sections, first.section_pages) == (5, 10)
    assert (len(first.posts), len(first.pages), len(first.whole), len(first.shared)) == (41, 40, 8, 32)
    assert first.listed_only == second.listed_only == {LISTED_ONLY}
    assert first.posts - first.pages == {LISTED_ONLY}
    assert not first.added
    assert not first.revised
    assert second.posts - first.posts == second.added
    assert len(second.added) == 2
    assert second.revised == {REVISED.rsplit("/", 1)[1].removesuffix(".html")}


def test_there_is_no_third_edition() -> None:
    with pytest.raises(ValueError, match="no edition 3"):
        Paper(3)


def test_the_notice_board_leads_out_of_the_ordinary(crawled: Reader) -> None:
    statuses = Counter(reply.status for reply in crawled.replies.values())
    assert (statuses[301], statuses[302], statuses[404], statuses[410]) == (1, 1, 1, 1)
    assert crawled.unread == [crawled.newspaper.base_url + PRIVATE_PATH]
    assert b"http://example.invalid/" in crawled.replies[crawled.newspaper.base_url + "/"].payload


def test_robots_are_asked_to_stay_out_of_a_page_that_exists() -> None:
    assert b"Disallow: /private/\n" in ask("/robots.txt").payload
    assert ask(PRIVATE_PATH).status == 200


def test_every_coding_and_every_quirk_crosses_the_wire(crawled: Reader) -> None:
    heads = [reply.head for reply in crawled.replies.values() if reply.status == 200]
    marks = {
        Coding.GZIP: rb"Content-Encoding: gzip\r\nContent-Length",
        Coding.DEFLATE: rb"Content-Encoding: deflate",
        Coding.CHUNKED: rb"Type: [^\r]+\r\nTransfer-Encoding: chunked",
        Coding.GZIP_CHUNKED: rb"Content-Encoding: gzip\r\nTransfer-Encoding: chunked",
        Coding.IDENTITY: rb"(?i)Type: [^\r]+\r\nContent-Length",
        Quirk.REPEATS: rb"(?s)X-Note: one.*Set-Cookie: tide.*X-Note: two",
        Quirk.CASING: rb"\r\nsErVeR: ",
        Quirk.SPACING: rb"X-Odd:no-space\r\nX-Pad:    x   \r\n",
        Quirk.LATIN1: rb"X-Place: Caf\xe9",
        Quirk.FOLDED: rb"X-Folded: set in two\r\n\tlines",
        Quirk.NO_REASON: rb"^HTTP/1.1 200 \r\n",
        Quirk.OLD: rb"^HTTP/1.0 200 OK\r\n",
        Quirk.NONE: rb"^HTTP/1.1 200 OK\r\nServer: ",
    }
    assert marks.keys() == {*Coding, *Quirk}
    for mark, pattern in marks.items():
        assert any(re.search(pattern, head) for head in heads), mark


def test_an_old_press_frames_nothing_and_closes(newspaper: Newspaper) -> None:
    target = next(a.path for a in Paper().edition.articles if choose_quirk(a.path) is Quirk.OLD)
    with socket.create_connection(("127.0.0.1", newspaper.port), timeout=60) as connection:
        connection.sendall(f"GET {quote(target)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        raw = b""
        while piece := connection.recv(65536):
            raw += piece
    assert raw.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Content-Length" not in raw
    assert raw.endswith(b"</html>\n")


def test_a_client_that_accepts_no_coding_gets_none() -> None:
    paper = Paper()
    for article in paper.edition.articles:
        raw = paper.respond(build_request(quote(article.path), attempt=2))
        assert b"Content-Encoding" not in raw
    accepting = build_request("/", "accept-encoding: gzip")
    assert {choose_coding(a.path, accepting) for a in paper.edition.articles} == {*Coding} - {Coding.DEFLATE}


@pytest.mark.parametrize("edition", [1, 2])
def test_the_same_request_gets_the_same_bytes(edition: int) -> None:
    one, other = Paper(edition), Paper(edition)
    for article in one.edition.articles:
        request = build_request(quote(article.path), "Accept-Encoding: gzip, deflate")
        assert one.respond(request) == other.respond(request) == one.respond(request)


def test_a_connection_is_kept_and_the_log_is_exact(newspaper: Newspaper) -> None:
    request = f"GET {FERRY} HTTP/1.1\r\nhOsT: x\r\nX-Odd:  a \r\n\r\n".encode()
    expected = Paper().respond(build_request(FERRY))
    with socket.create_connection(("127.0.0.1", newspaper.port), timeout=60) as connection:
        for _ in range(2):
            connection.sendall(request)
            raw = b""
            while len(raw) < len(expected):
                raw += connection.recv(65536)
            assert raw == expected
    assert [(r.method, r.target, r.head) for r in newspaper.requests] == [("GET", FERRY, request)] * 2
    assert [served.response for served in newspaper.exchanges] == [expected] * 2


def test_links_are_printed_raw_and_found_in_any_escaping() -> None:
    home = ask("/").payload.decode()
    for section in Paper().edition.sections:
        assert f'href="{section.path()}"' in home
        forms = {section.path().replace(" ", "%20"), quote(section.path()), quote(section.path(), safe="/()")}
        assert {ask(form).status for form in forms} == {200}
    slugs = [section.slug for section in Paper().edition.sections]
    assert any(" " in slug for slug in slugs)
    assert any("(" in slug for slug in slugs)
    assert any(slug.isupper() for slug in slugs)


def test_section_pages_lead_on_and_back() -> None:
    first, second = ask("/section/SCIENCE.html").payload, ask("/section/SCIENCE-2.html").payload
    assert b'<link rel="next" href="/section/SCIENCE-2.html">' in first
    assert '<a rel="next" href="/section/SCIENCE-2.html">下一页 Older</a>'.encode() in first
    assert b'rel="prev"' not in first
    assert b'<a rel="prev" href="/section/SCIENCE.html">' in second
    assert b'rel="next"' not in second
    assert ask("/section/SCIENCE-3.html").status == 404


def test_home_shows_the_five_newest_of_each_section() -> None:
    home = unescape(ask("/").payload.decode())
    edition = Paper().edition
    for section in edition.sections:
        articles = edition.articles_of(section)
        shown = [article.path in home for article in articles]
        assert shown == [True] * 5 + [False] * (len(articles) - 5)


def test_an_article_page_has_the_shape_the_source_expects() -> None:
    page = ask(FERRY).payload.decode()
    assert "<small>(GMT+8, Asia/Shanghai, CST) 2026-03-04 10:21:11</small>" in page
    assert page.count("<h1>") == 1
    assert "<h1>The night ferry returns after eleven winters</h1>" in page
    assert '<ul class="tags"><li>ferry</li><li>night service</li><li>North Quay</li></ul>' in page
    assert 'href="/s/share.html?infoCode=NW202603041021110001"' in page
    assert '<a href="/section/Harbour Watch.html">港湾瞭望 Harbour Watch</a>' in page
    story = re.search(r'(?s)<div class="story">\n(.*?)\n</div>', page)
    assert story
    assert story.group(1).count("<p>") == 1


def test_a_whole_article_needs_no_share_link() -> None:
    for article in Paper().edition.articles:
        page = ask(quote(article.path), attempt=2).payload
        assert (b"/s/share.html" in page) is not (article.whole or article.listed_only)
        if article.whole:
            assert page.count(b"<p>") == len(article.paragraphs)


def test_the_text_comes_from_json_under_either_key_with_the_page_s_words(crawled: Reader) -> None:
    keys: Counter[str] = Counter()
    for article in Paper().edition.articles:
        reply = ask(f"/api/text.do?id={article.id}")
        assert reply.find("content-type").startswith("text/html")
        answer = json.loads(reply.payload)
        assert answer["title"] == article.title
        keys[article.text_key] += 1
        assert all(paragraph in answer[article.text_key] for paragraph in article.paragraphs)
        assert ("<p>　　" in answer[article.text_key]) is (article.language == "zh")
    assert keys == {"text": 36, "content": 5}


def test_an_unknown_id_gives_an_object_without_text() -> None:
    for id_ in (EMPTY_ENTRY_ID, "", "NW202603091015000601"):
        reply = ask(f"/api/text.do?id={id_}")
        assert reply.status == 200
        assert json.loads(reply.payload).keys() == {"code", "message"}


def test_share_pages_are_one_script_shell() -> None:
    shells = {ask(f"/s/share.html?infoCode={a.id}").payload for a in Paper().edition.articles}
    (shell,) = shells
    assert b"<script>" in shell
    assert b"<article" not in shell


def test_listings_have_the_three_shapes() -> None:
    a = json.loads(ask("/api/list-a.json").payload)["records"]
    b = json.loads(ask("/api/list-b.json").payload)["nodeList"]
    c = json.loads(ask("/api/list-c.json").payload)["record"]
    assert a[0].keys() == {"infoCode", "id", "title", "digest", "url_w", "showtime"}
    assert b[0].keys() == {"infocode", "title", "from", "showtime", "simtitle", "simdigest"}
    assert c[0].keys() == {"infoCode", "title", "medianame", "datetime"}
    (empty,) = [record for record in a if not record["title"]]
    assert (empty["infoCode"], empty["url_w"], empty["showtime"]) == (EMPTY_ENTRY_ID, "", "")
    assert all(node["simtitle"] for node in b)
    assert not all(node["title"] for node in b)
    assert LISTED_ONLY in [record["infoCode"] for record in c]


def test_the_listed_only_article_is_on_no_page(crawled: Reader) -> None:
    pages = [r.payload for url, r in crawled.replies.items() if "/api/" not in url]
    assert not any(LISTED_ONLY.encode() in page for page in pages)


def test_one_article_is_gb18030_and_nothing_says_so() -> None:
    reply = ask(UNDECLARED)
    assert reply.find("Content-Type") == "text/html"
    assert b"charset" not in reply.raw
    with pytest.raises(UnicodeDecodeError):
        reply.payload.decode("utf-8")
    assert "老字号酱油厂公布年报" in reply.payload.decode("gb18030")


def test_one_title_is_hostile() -> None:
    page = ask(HOSTILE).payload.decode()
    title = re.search("<h1>(.*)</h1>", page)
    assert title
    text = unescape(title.group(1))
    assert all(part in text for part in ('"', "'", ": ", "---", "{{ site.x }}", "{% raw %}", "# ", "🚢", "<b>", "&"))
    assert "<b>now" not in page


def test_one_article_is_busy_once(newspaper: Newspaper) -> None:
    first, second, third = (fetch(newspaper, BUSY) for _ in range(3))
    assert (first.status, first.find("Retry-After")) == (503, "0")
    assert (second.status, third.status) == (200, 200)
    assert [request.attempt for request in newspaper.requests] == [1, 2, 3]


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        (NEWEST, 302, FERRY),
        ("/section/harbour.html", 301, "/section/Harbour%20Watch.html"),
        ("/go/NW0", 404, ""),
        ("/tianqi/2026/01/31/NW202601310800000410.html", 410, ""),
        ("/nowhere", 404, ""),
        ("//[", 404, ""),
        ("/press.css", 200, ""),
        ("/images/masthead.svg", 200, ""),
    ],
)
def test_statuses(target: str, status: int, location: str) -> None:
    reply = ask(target)
    assert (reply.status, reply.find("Location")) == (status, location)


def test_the_picture_is_a_png() -> None:
    payload = ask("/images/harbour.png").payload
    assert payload.startswith(b"\x89PNG\r\n\x1a\n")
    length = int.from_bytes(payload[33:37], "big")
    pixels = zlib.decompress(payload[41 : 41 + length])
    assert len(pixels) == 96 * (1 + 320 * 3)


@pytest.mark.parametrize("target", ["/", FERRY, REVISED, "/section/tianqi.html", UNDECLARED])
def test_what_has_not_changed_is_not_sent_again(newspaper: Newspaper, target: str) -> None:
    first = fetch(newspaper, target)
    for line in (
        f"If-None-Match: {first.find('ETag')}",
        f'If-None-Match: "other", W/{first.find("ETag")}',
        f"If-Modified-Since: {first.find('Last-Modified')}",
    ):
        again = fetch(newspaper, target, line)
        assert again.status == 304
        assert again.raw.endswith(b"\r\n\r\n")
        assert again.find("ETag") == first.find("ETag")
    for line in (
        'If-None-Match: "other"',
        "If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
        "If-Modified-Since: yesterday",
        f'If-None-Match: "other"\r\nIf-Modified-Since: {first.find("Last-Modified")}',
    ):
        assert fetch(newspaper, target, line).status == 200


def test_a_new_edition_changes_one_article_and_adds_two(newspaper: Newspaper) -> None:
    targets = [quote(article.path) for article in Paper().edition.articles if not article.listed_only]
    fetch(newspaper, BUSY)
    tags = {target: fetch(newspaper, target).find("ETag") for target in targets}
    newspaper.publish(edition=2)
    changed = [t for t in targets if fetch(newspaper, t, f"If-None-Match: {tags[t]}").status == 200]
    assert changed == [REVISED]
    assert "24 minutes, not 22" in fetch(newspaper, REVISED).payload.decode()
    assert fetch(newspaper, REVISED).find("Last-Modified") == "Mon, 09 Mar 2026 22:00:00 GMT"
    reader = Reader(newspaper)
    reader.read_all()
    assert reader.articles.keys() | reader.texts.keys() == newspaper.expected.posts
    home = reader.replies[newspaper.base_url + "/"].payload.decode()
    assert all(id_ in home for id_ in newspaper.expected.added)


def test_head_sends_the_head_alone(newspaper: Newspaper) -> None:
    full, head = fetch(newspaper, FERRY), fetch(newspaper, FERRY, method="HEAD")
    assert head.raw == full.head + b"\r\n\r\n"


def test_other_methods_are_refused(newspaper: Newspaper) -> None:
    reply = fetch(newspaper, "/", "Content-Length: 3", method="POST")
    assert (reply.status, reply.find("Allow")) == (405, "GET, HEAD")


def test_a_request_that_is_none_is_refused(newspaper: Newspaper) -> None:
    with socket.create_connection(("127.0.0.1", newspaper.port), timeout=60) as connection:
        connection.sendall(b"hello\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert connection.recv(1) == b""


def test_a_head_without_end_ends_the_conversation(newspaper: Newspaper) -> None:
    with (
        socket.create_connection(("127.0.0.1", newspaper.port), timeout=60) as connection,
        pytest.raises(ConnectionError),
    ):
        while True:
            connection.sendall(b"X: " + b"x" * 65536)
    assert newspaper.requests == []
    assert fetch(newspaper, "/").status == 200


def test_the_articles_are_worth_reading() -> None:
    articles = Paper(2).edition.articles
    assert len({article.id for article in articles}) == len(articles) == 43
    assert Counter(article.language for article in articles) == {"zh": 22, "en": 21}
    for article in articles:
        assert 2 <= len(article.paragraphs) <= 6, article.id
        assert article.published < PRINTED_AT[article.edition], article.id
        assert all(paragraph == paragraph.strip() for paragraph in article.paragraphs)


def test_the_source_definition_names_the_address_it_is_served_under(newspaper: Newspaper) -> None:
    source = tomllib.loads(newspaper.source_toml())
    assert source["seeds"] == source["scope"] == [f"{newspaper.base_url}/"]
    assert source["share"]["text_url"] == newspaper.base_url + "/api/text.do?id={id}"
    assert source["post"]["day_from_id"] == r"^[A-Z]*(\d{8})"
    assert "$base" not in newspaper.source_toml()
    for patterns in source["links"].values():
        assert [re.compile(pattern) for pattern in patterns]


def test_it_ends_with_its_block_even_while_a_client_holds_on() -> None:
    before = threading.active_count()
    with Newspaper() as newspaper:
        left_open = socket.create_connection(("127.0.0.1", newspaper.port), timeout=60)
        fetch(newspaper, "/")
    assert threading.active_count() == before
    with left_open:
        assert left_open.recv(1) == b""


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}: .*choose another port"), Newspaper(port=port):
            pass


def test_it_can_be_served_for_people() -> None:
    command = [sys.executable, "-m", "crawler.demo_site", "--edition", "2"]
    root = Path(crawler.demo_site.__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
            port = int(url.rsplit(":", 1)[1].rstrip("/"))
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(b"GET /robots.txt HTTP/1.0\r\n\r\n")
                assert b" 200 " in connection.recv(65536)
        finally:
            process.terminate()


def test_it_needs_only_the_standard_library_and_its_template_engine() -> None:
    allowed = sys.stdlib_module_names | {"jinja2", "markupsafe"}
    own = Path(crawler.demo_site.__file__).parent
    for file in (*own.glob("*.py"), own.parent / "loopback.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                assert module.split(".")[0] in allowed or module.startswith(("crawler.demo_site", "crawler.loopback"))


def test_unquoted_paths_reach_the_log_as_they_were_asked_for(newspaper: Newspaper) -> None:
    fetch(newspaper, quote(HOSTILE))
    assert unquote(newspaper.requests[0].target) == HOSTILE
    assert newspaper.requests[0].target == quote(HOSTILE)
