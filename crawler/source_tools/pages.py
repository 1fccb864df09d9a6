"""A page given by the user: a file, an address, or a capture in a collection.

A file and a capture are read; an address is requested once, politely and by our name, and what comes is kept nowhere.
Names must resolve to public addresses here as well: a redirect may lead anywhere.
"""

from __future__ import annotations

import gzip
import re
import socket
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archives.captures.revisits import read_resolved, resolve_capture
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.warc.content_codings import decode_content
from archives.warc.reader import Capture, read_capture
from crawler.addon import build_user_agent
from crawler.environment import name_program
from crawler.fetching.addresses import is_admitted, parse_networks
from crawler.reparsing.documents import build_document
from pipelines.page.document import CaptureRef, Document
from pipelines.page.encodings import decode_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scrapy.settings import BaseSettings

CAPTURE_PLACE = re.compile(r"(?P<collection>[^/@]+)/(?P<filename>[^/@]+)@(?P<offset>\d+)")
_WEB = ("http://", "https://")


class PageUnreadable(ValueError):
    """A page that cannot be read; the sentence says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """A page as it was found.

    Attributes:
        body: content coding undone.
        content_type: value of the Content-Type header; empty if there is none.
        captured_at: aware instant at which it was fetched; None if unknown.
        place: where in an archive it stands, as `collection/file@offset`; empty elsewhere.
        capture: the capture that it is, in an archive.
        head: name, in lower case, and value of each header field of the response.
    """

    body: bytes
    url: str
    content_type: bytes = b""
    captured_at: datetime | None = None
    place: str = ""
    capture: CaptureRef | None = None
    head: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def document(self) -> Document:
        """The page as `pipelines.read` takes it."""
        return Document(
            body=self.body,
            url=self.url,
            content_type=self.content_type,
            captured_at=self.captured_at,
            capture=self.capture,
            head=self.head,
        )

    def decode(self, language: str = "") -> str:
        """Return the text of the page."""
        return decode_page(self.body, content_type=self.content_type, language=language)


def build_page(held: Collection, capture: Capture, *, max_bytes: int) -> RawPage:
    """Return a capture, resolved if it is a revisit, as a page.

    Raises:
        archives.errors.RecordError: its content coding cannot be undone.
    """
    document = build_document(capture, max_bytes=max_bytes)
    return RawPage(
        body=document.body,
        url=document.url,
        content_type=document.content_type,
        captured_at=document.captured_at,
        place=f"{held.name}/{capture.filename}@{capture.offset}",
        capture=document.capture,
        head=document.head,
    )


class PageReader:
    """Reads pages under the project's settings.

    Args:
        clock: tells the instant at which an address was requested.
    """

    def __init__(self, settings: BaseSettings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._max_bytes = settings.getint("DOWNLOAD_MAXSIZE")

    def read(self, target: str, *, collection: str = "", at: datetime | None = None) -> RawPage:
        """Return the page that a target names.

        Args:
            collection: read the capture of an address in this collection instead of asking for it.
            at: of several captures the one nearest to this instant; without it the latest.

        Raises:
            PageUnreadable: there is no such page, or it is damaged or too large.
        """
        place = CAPTURE_PLACE.fullmatch(target)
        try:
            if collection:
                return self._read_nearest(collection, target, at)
            if place and not Path(target).exists():
                return self._read_place(place["collection"], place["filename"], int(place["offset"]))
        except ArchiveError as error:
            raise PageUnreadable(str(error)) from error
        return self._fetch(target) if target.lower().startswith(_WEB) else self.read_file(Path(target))

    def read_file(self, path: Path, *, url: str = "", captured_at: datetime | None = None) -> RawPage:
        """Return the page that a file holds, gzipped or not.

        Raises:
            PageUnreadable: it cannot be read, or holds more than `DOWNLOAD_MAXSIZE`.
        """
        try:
            raw = path.read_bytes()
            body = _expand(raw, self._max_bytes) if path.suffix == ".gz" else raw
        except FileNotFoundError:
            raise PageUnreadable(f"there is no file {path}; name a file, a URL or a capture") from None
        except (OSError, zlib.error, EOFError) as error:
            raise PageUnreadable(f"{path} cannot be read: {error}; name a file, a URL or a capture") from error
        if len(body) > self._max_bytes:
            raise PageUnreadable(f"{path} holds more than {self._max_bytes} bytes; raise DOWNLOAD_MAXSIZE to read it")
        return RawPage(body=body, url=url, captured_at=captured_at)

    def _read_nearest(self, name: str, url: str, at: datetime | None) -> RawPage:
        held = Collection.open(Path(self._settings["DATA_DIR"]), name)
        with CollectionIndex(held) as index:
            entry = index.find_nearest(url, at)
            if entry is None:
                raise PageUnreadable(
                    f"{url} is not in collection {name}; '{name_program()} crawl' would have to fetch it first"
                )
            return self._build(held, read_resolved(index, entry))

    def _read_place(self, name: str, filename: str, offset: int) -> RawPage:
        held = Collection.open(Path(self._settings["DATA_DIR"]), name)
        with CollectionIndex(held) as index:
            return self._build(held, resolve_capture(index, read_capture(held, filename, offset)))

    def _build(self, held: Collection, capture: Capture) -> RawPage:
        return build_page(held, capture, max_bytes=self._max_bytes)

    def _fetch(self, url: str) -> RawPage:
        settings = self._settings
        headers = dict(settings.getdict("DEFAULT_REQUEST_HEADERS")) | {"User-Agent": build_user_agent(settings)}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the opener knows http and https only)
        asked_at = self._clock()
        try:
            with _build_opener(settings.getlist("RESOLVER_ALLOW")).open(
                request, timeout=settings.getfloat("DOWNLOAD_TIMEOUT")
            ) as answer:
                raw = answer.read(self._max_bytes + 1)
                codings = (answer.headers.get("Content-Encoding") or "").split(",")
                body = decode_content(raw, codings, max_bytes=self._max_bytes)
                final_url, fields = answer.geturl(), answer.headers.items()
        except (OSError, HTTPException, ArchiveError, ValueError) as error:
            why = _explain(error)
            raise PageUnreadable(f"{url} cannot be read: {why}; try it in a browser, or name a capture") from error
        if len(body) > self._max_bytes:
            raise PageUnreadable(f"{url} holds more than {self._max_bytes} bytes; raise DOWNLOAD_MAXSIZE to read it")
        head = tuple(
            (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in fields
        )
        kind = dict(reversed(head)).get(b"content-type", b"")
        return RawPage(body=body, url=final_url, content_type=kind, captured_at=asked_at, head=head)


def _explain(error: Exception) -> str:
    """Return why a request failed, without the name that urllib gives every failure and without error numbers.

    Text, because the caller's frame must not hold the error: it holds the frame, and its connection would stay open.
    """
    reason = error.reason if type(error) is urllib.error.URLError else error
    return str(getattr(reason, "strerror", None) or reason)


def _expand(raw: bytes, max_bytes: int) -> bytes:
    """Return what a gzip file holds, a byte more than allowed at most."""
    with gzip.GzipFile(fileobj=BytesIO(raw)) as file:
        return file.read(max_bytes + 1)


class _Guard:
    """Opens connections to public addresses, to the networks allowed, and to the proxies that the user configured."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = parse_networks(allowed)
        self._proxies = {urlsplit(url).hostname for url in urllib.request.getproxies().values()}

    def connect(self, address: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        host, port = address
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        numeric = str(found[0][4][0])
        if host not in self._proxies and not is_admitted(numeric, self._allowed):
            raise OSError(f"{host} resolves to {numeric}, which is not public; add its network to RESOLVER_ALLOW")
        return socket.create_connection((numeric, port), timeout, source)


def _build_opener(allowed: Iterable[str]) -> urllib.request.OpenerDirector:
    """Return an opener that speaks http and https and nothing else, whatever a redirect says."""
    guard = _Guard(allowed)

    def build(kind: type[HTTPConnection], host: str, **options: Any) -> HTTPConnection:
        connection = kind(host, **options)
        connection._create_connection = guard.connect  # type: ignore[attr-defined]
        return connection

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> Any:
            return self.do_open(partial(build, HTTPConnection), request)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> Any:
            return self.do_open(partial(build, HTTPSConnection), request)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        Plain(),
        Secure(),
    ):
        opener.add_handler(handler)
    return opener
