"""A site that means harm: every row of the list in `docs/limits.md` has a page here, among good pages of every day.

The rows are generators where the harm is endless, so nothing here needs more memory than a page or two.
"""

from __future__ import annotations

import gzip
import io
import itertools
import random
import zlib
from typing import TYPE_CHECKING, Any

import brotli
from backports import zstd

from tests.wire import Peer, Script, WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MIB = 1 << 20
_HTML = ("Content-Type", "text/html; charset=utf-8")
_KEPT_BYTES = 1 << 16

GOOD = tuple(f"good{n:03d}" for n in range(60))
HOSTILE_TITLE = "\"]}\n---\npermalink: /evil.html\n{{ site.apikey }}{% raw %}=cmd|'/C calc'!A0\x1b]0;owned\x07"


def _page(body: bytes | str, *, title: str = "A hostile page", more: str = "") -> bytes:
    text = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    head = f"<!doctype html><html><head><title>{title}</title>{more}</head><body><h1>{title}</h1>"
    return head.encode("utf-8", "surrogatepass") + b"<time>2026-01-02 03:04:05</time><div class=body>" + text


def build_good(name: str) -> bytes:
    """The bytes of a page that must become a post whatever happens beside it."""
    text = f"<p>The ferry {name} came in at noon, and nobody was surprised, least of all the gulls.</p>" * 3
    return _page(text + "</div></body></html>", title=f"Good news of {name}")


def _answer(body: bytes, *headers: tuple[str, str]) -> bytes:
    return build_response(body, headers=[_HTML, *headers])


def _head(*lines: str) -> bytes:
    return ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + "".join(f"{line}\r\n" for line in lines)).encode()


# Bombs


def build_gzip_bomb(size: int) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for _ in range(size // _MIB):
            file.write(bytes(_MIB))
    return buffer.getvalue()


def build_deflate_bomb(size: int) -> bytes:
    packer = zlib.compressobj()
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(size // _MIB)) + packer.flush()


def build_brotli_bomb(size: int) -> bytes:
    packer = brotli.Compressor(quality=1)
    return b"".join(packer.process(bytes(_MIB)) for _ in range(size // _MIB)) + packer.finish()


def build_zstd_bomb(size: int) -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(bytes(_MIB)) for _ in range(size // _MIB)) + packer.flush()


def _build_noisy_chunks(count: int) -> list[bytes]:
    return [b"10000\r\n" + random.Random(n).randbytes(0x10000) + b"\r\n" for n in range(count)]


def _build_bombs() -> dict[str, Any]:
    size = 256 * _MIB
    bomb = build_gzip_bomb(size)
    twice, brotli_bomb = gzip.compress(bomb, mtime=0), build_brotli_bomb(size)
    full = gzip.compress(_page("<p>almost too much</p>" + " " * (30 * _MIB)), mtime=0)
    return {
        "bomb_gzip": _answer(bomb, ("Content-Encoding", "gzip")),
        "bomb_gzip_twice": _answer(twice, ("Content-Encoding", "gzip, gzip")),
        "bomb_gzip_lines": _answer(twice, ("Content-Encoding", "gzip"), ("Content-Encoding", "gzip")),
        "bomb_deflate": _answer(build_deflate_bomb(size), ("Content-Encoding", "deflate")),
        "bomb_br": _answer(brotli_bomb, ("Content-Encoding", "br")),
        "bomb_zstd": _answer(build_zstd_bomb(size), ("Content-Encoding", "zstd")),
        "bomb_br_zstd": _answer(zstd.compress(brotli_bomb), ("Content-Encoding", "br, zstd")),
        "bomb_codings": _answer(b"x", ("Content-Encoding", ", ".join(["gzip"] * 2_000))),
        "text_wide": _answer(
            gzip.compress(_page("\U0001f427" + "wide " * 1_500_000), mtime=0), ("Content-Encoding", "gzip")
        ),
        "text_han": _answer(gzip.compress(_page("<p>" + "\u6e2f" * 10_000_000), mtime=0), ("Content-Encoding", "gzip")),
        "noise": _answer(random.Random(7).randbytes(31 * _MIB)),
        "noise_chunked": [_head("Transfer-Encoding: chunked") + b"\r\n", *_build_noisy_chunks(480), b"0\r\n\r\n"],
        "chunks_tiny": [_head("Transfer-Encoding: chunked") + b"\r\n" + b"2\r\nok\r\n" * 500_000 + b"0\r\n\r\n"],
        **{f"bomb_full{n}": _answer(full, ("Content-Encoding", "gzip")) for n in range(8)},
    }


# Endless and slow


def _endless_body(_: bytes) -> Script:
    return itertools.chain([_head("Connection: close") + b"\r\n"], itertools.repeat(b"<p>and so on</p>" * 4096))  # type: ignore[return-value]


def _endless_chunks(_: bytes) -> Script:
    chunk = b"10000\r\n" + b"y" * 0x10000 + b"\r\n"
    return itertools.chain([_head("Transfer-Encoding: chunked") + b"\r\n"], itertools.repeat(chunk))  # type: ignore[return-value]


def _endless_head(_: bytes) -> Script:
    lines = (b"X-%d: %s\r\n" % (n, b"v" * 1000) for n in itertools.count())
    return itertools.chain([_head()], lines)  # type: ignore[return-value]


def _endless_hints(_: bytes) -> Script:
    return itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n" * 100)  # type: ignore[return-value]


def _endless_trailer(_: bytes) -> Script:
    opening = _head("Transfer-Encoding: chunked") + b"\r\n1\r\nx\r\n0\r\n"
    return itertools.chain([opening], itertools.repeat(b"X-T: " + b"t" * 1000 + b"\r\n"))  # type: ignore[return-value]


def _endless_extension(_: bytes) -> Script:
    opening = _head("Transfer-Encoding: chunked") + b"\r\n1;"
    return itertools.chain([opening], itertools.repeat(b"e" * 1000))  # type: ignore[return-value]


def _slowly(data: bytes) -> Callable[[bytes], Script]:
    def play(_: bytes) -> Iterator[Any]:
        for byte in data:
            yield bytes([byte])
            yield 0.5

    return play  # type: ignore[return-value]


def _build_endless() -> dict[str, Any]:
    page = _page("<p>slow</p>" * 100)
    return {
        "endless_body": _endless_body,
        "endless_body2": _endless_body,
        "endless_body3": _endless_body,
        "endless_chunks": _endless_chunks,
        "endless_head": _endless_head,
        "endless_hints": _endless_hints,
        "endless_trailer": _endless_trailer,
        "endless_extension": _endless_extension,
        "slow_head": _slowly(_answer(page)),
        "slow_body": lambda raw: itertools.chain([_head("Connection: close") + b"\r\n"], _slowly(page)(raw)),  # type: ignore[arg-type, return-value]
        "stall": [_head("Content-Length: 100"), b"\r\nabc", "stall"],
        "headers_50000": _head(*(f"X-{n}: {n}" for n in range(50_000)), "Content-Length: 2") + b"\r\nok",
        "header_10mb": _head("X: " + "h" * 10_000_000, "Content-Length: 2") + b"\r\nok",
    }


# Pages


_N = 1_000_000


def _build_markup() -> dict[str, bytes]:
    deep = "<script type='application/ld+json'>" + "[" * 100_000 + "</script>"
    number = '<script type=\'application/ld+json\'>{"@type":"NewsArticle","datePublished":' + "9" * 5000 + "}</script>"
    bodies: dict[str, bytes | str] = {
        "divs": "<div>" * _N,
        "spans_closed": "<span>" * 150_000 + "x" + "</span>" * 150_000,
        "bold": "<b>x" * 300_000,
        "anchors": "<a href=/x>" * 300_000,
        "tables": "<table><tr><td>" * 100_000,
        "attributes": "<p " + " ".join(f"a{n}=1" for n in range(500_000)) + ">text</p>",
        "attributes_quoted": "<p " + "".join(f'a{n}=">"' for n in range(200_000)) + ">text</p>",
        "class_flood": "<p class='" + "title " * 500_000 + "'>text</p>",
        "digits": "<p>" + "1" * _N + "</p>",
        "blanks": "<p>" + " " * _N + "x</p>" + "\u3000" * _N,
        "entities": "&" * _N + "&#" + "9" * 100_000 + ";",
        "nul": b"<p>before\0\0\0after</p>" + b"\0" * 100_000,
        "surrogates": "<p>\ud800\udc00 \udfff text</p>",
        "wrong_charset": "<meta charset=utf-16><p>中文 текст</p>".encode("gb18030"),
        "comments": "<!--" * 200_000,
        "scripts": "<script>" * 200_000,
        "svg": "<svg><math>" * 100_000,
        "base": "<base href='" + "a/" * 500_000 + "'>" + "<a href=x>x</a>" * 1000,
        "href": "<a href='" + "../" * 300_000 + "'>x</a>",
        "braces": '{{ site.x }}{% raw %}{:onclick="x"}{{< figure >}}' * 1000,
    }
    rows = {name: _answer(_page(body)) for name, body in bodies.items()}
    rows["jsonld_deep"] = _answer(_page("<p>text</p>", more=deep))
    rows["jsonld_number"] = _answer(_page("<p>text</p>", more=number))
    rows["json_deep"] = _answer(b'{"a":' * 100_000)
    rows["json_wide"] = _answer(b"[" + b"[]," * _N + b"0]")
    rows["title"] = _answer(_page("<p>The text of this page is harmless.</p>", title=HOSTILE_TITLE))
    rows["random"] = _answer(zlib.compress(bytes(range(256)) * 1000) * 20)
    return rows


def _build_messages() -> dict[str, Any]:
    body = _page("<p>length</p>")
    return {
        "length_long": [_head(f"Content-Length: {len(body) + 500}") + b"\r\n" + body, "close"],
        "length_short": [_head("Content-Length: 5") + b"\r\n" + body, "close"],
        "length_twice": [_head("Content-Length: 5", "Content-Length: 50") + b"\r\n" + body, "close"],
        "length_negative": [_head("Content-Length: -5") + b"\r\n" + body, "close"],
        "length_giant": [_head("Content-Length: " + "9" * 5000) + b"\r\n" + body, "close"],
        "length_and_chunks": [
            _head("Content-Length: 5", "Transfer-Encoding: chunked") + b"\r\n5\r\nhello\r\n0\r\n\r\n"
        ],
        "chunk_giant": [_head("Transfer-Encoding: chunked") + b"\r\n" + b"f" * 5000 + b"\r\nx", "close"],
        "chunk_negative": [_head("Transfer-Encoding: chunked") + b"\r\n-5\r\nhello\r\n", "close"],
        "not_http": [b"\x16\x03\x01 this is no HTTP at all\r\n\r\n", "close"],
        "status_giant": [b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n", "close"],
        "false_gzip": _answer(b"not gzip at all", ("Content-Encoding", "gzip")),
        "cut_gzip": _answer(gzip.compress(body)[:40], ("Content-Encoding", "gzip")),
        "reset": [_head("Content-Length: 500") + b"\r\nabc", "reset"],
    }


def _redirect(location: str) -> bytes:
    return build_response(status="302 Found", headers=[("Location", location)])


REFUSED_HOSTS = (
    "127.0.0.2",
    "2130706434",
    "0x7f.2",
    "0x7f000002",
    "0177.0.0.2",
    "127.2",
    "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]",
    "[::1]",
    "[::127.0.0.2]",
    "[64:ff9b::7f00:2]",
    "[2002:7f00:2::]",
    "0",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "metadata.internal",
)


def _build_redirects() -> dict[str, bytes]:
    return {
        "loop": _redirect("/a/loop.html"),
        "to_file": _redirect("file:///etc/passwd"),
        "to_data": _redirect("data:text/html,<h1>x</h1>"),
        "to_odd": _redirect("http://[::1/"),
        "to_bytes": _redirect("/a/\xff\xfe\x01.html"),
        **{f"refused{n}": _redirect(f"http://{host}:80/latest/meta-data/") for n, host in enumerate(REFUSED_HOSTS)},
    }


class HostileOrigin(WireServer):
    """The whole site; `/` links to every row and to every good page, `/trap/` to itself for ever."""

    def __init__(self) -> None:
        rows = _build_bombs() | _build_endless() | _build_markup() | _build_messages() | _build_redirects()
        self.rows = tuple(rows)
        pages = {f"/a/{name}.html": _answer(build_good(name)) for name in GOOD}
        pages |= {f"/a/{name}.html": script for name, script in rows.items()}
        super().__init__(pages | {"/": self._build_index})
        self.routes = _Traps(self.routes)

    def _build_index(self, _: bytes) -> bytes:
        hostile, good = iter(self.rows), iter(GOOD)
        names = [name for pair in itertools.zip_longest(hostile, good) for name in pair if name]
        links = "".join(f"<a href='/a/{name}.html'>{name}</a>\n" for name in names)
        starts = ("next/1", "day/1", "self/", "sid/?s=0")
        traps = "".join(f"<a href='/trap/{start}'>{start}</a>" for start in starts)
        return _answer(f"<html><body>{traps}{links}</body></html>".encode())

    def source_toml(self) -> str:
        """The definition of a source that follows all of it."""
        return f"""
name = "hostile"
timezone = "UTC"
scope = ["{self.base_url}/"]
seeds = ["{self.base_url}/"]
[links]
category = ['/trap/']
article = ['/a/(?P<id>[^/]+)\\.html$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "time"
articleBody = "html:div.body"
[politeness]
delay = 0
concurrency = 32
"""

    def _note(self, log: Any, *, received: bytes = b"", sent: bytes = b"") -> None:
        """Remember the beginning of an answer only: some have no end."""
        room = _KEPT_BYTES - len(log.sent)
        super()._note(log, received=received, sent=sent[: max(0, room)])


class _Traps(dict[str, Any]):
    """The pages, and a page at every address below `/trap/`."""

    def get(self, target: str, default: Any = None) -> Any:
        if target.startswith("/trap/"):
            return _build_trap(target)
        return super().get(target, default)


def _build_trap(target: str) -> bytes:
    kind = target.split("/")[2]
    number = target.rpartition("/")[2].rpartition("=")[2]
    following = str(int(number) + 1) if number.isdigit() else "1"
    links = {
        "next": f"<a href='/trap/next/{following}'>next</a>",
        "day": f"<a href='/trap/day/{following}'>d</a><a href='/trap/day/9{following}'>m</a>",
        "self": "<a href='more/words/'>deeper</a>",
        "sid": f"<a href='/trap/sid/?s={following}'>s</a><a href='/trap/sid/?s=7{following}'>t</a>",
    }
    return _answer(f"<html><body>{links.get(kind, '')}</body></html>".encode())


class Canary(WireServer):
    """A server that stands where nobody may connect to; it only has to stay untouched."""

    def __init__(self) -> None:
        super().__init__({})

    @property
    def host(self) -> str:
        return "127.0.0.2"


__all__ = ["GOOD", "REFUSED_HOSTS", "Canary", "HostileOrigin", "Peer", "build_good"]
