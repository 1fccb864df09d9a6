"""Loopback servers that send scripted bytes and remember every byte of both directions.

Promises about "the bytes that crossed the wire" can only be tested against a peer whose bytes are known. No
HTTP library stands here between the script and the socket: what a test writes down is what is sent, oddities
included, and what is logged is what came in.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import urlsplit

from crawler.loopback import close_server

if TYPE_CHECKING:
    import ssl

MAX_HEAD_BYTES = 1 << 20
PIECE_BYTES = 1 << 16
BODILESS_STATUSES = frozenset({b"204", b"304"})


class Action(StrEnum):
    """What a script may do besides sending bytes; the plain strings serve as well."""

    CLOSE = "close"  # orderly end of the connection
    RESET = "reset"  # TCP RST
    STALL = "stall"  # send nothing more and wait until the client leaves


Step: TypeAlias = bytes | float | str
"""Bytes to send, seconds to wait, or an `Action`."""

Script: TypeAlias = bytes | Sequence[Step]

Route: TypeAlias = Script | Callable[[bytes], Script]
"""A script, or a function that makes one of the raw request: it may count, and answer differently in time."""

Peer: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireExchange:
    """One request and its answer; `sent` went to the socket, a client that left may have read less."""

    received: bytes
    sent: bytes
    peer: Peer

    @property
    def target(self) -> str:
        """The request target as received; empty if no whole request line came."""
        parts = self.received.split(b"\n", 1)[0].split()
        return parts[1].decode("latin-1") if len(parts) > 1 else ""


@dataclass(slots=True)
class _Log:
    """An exchange under way: bytes are noted before they are sent, so no client knows more than its log."""

    peer: Peer
    received: bytearray = field(default_factory=bytearray)
    sent: bytearray = field(default_factory=bytearray)


class Loopback:
    """An asyncio server in its own thread, joined on exit with every connection closed.

    Args:
        hosts: loopback addresses to listen on.
        port: on each of them; 0 for any that is free.
    """

    def __init__(
        self, *, ssl_context: ssl.SSLContext | None = None, hosts: Sequence[str] = ("127.0.0.1",), port: int = 0
    ) -> None:
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._logs: list[_Log] = []
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._connections = 0
        self.hosts = hosts
        self.port = port

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=type(self).__name__)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError(f"{type(self).__name__} did not start on {self.host}; see the thread's traceback")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        if self._thread.is_alive():
            raise RuntimeError(f"{type(self).__name__} on port {self.port} did not stop within 10 s")

    @property
    def host(self) -> str:
        """The first loopback address the server is bound to."""
        return self.hosts[0]

    @property
    def base_url(self) -> str:
        """Scheme and authority, without a slash at the end."""
        return f"{'https' if self._ssl_context else 'http'}://{self.host}:{self.port}"

    @property
    def exchanges(self) -> list[WireExchange]:
        """What has crossed the wire until now, in the order in which requests began to arrive."""
        with self._lock:
            return [
                WireExchange(received=bytes(log.received), sent=bytes(log.sent), peer=log.peer) for log in self._logs
            ]

    @property
    def connections(self) -> int:
        """How many connections have been accepted."""
        return self._connections

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(
            self._accept, self.hosts, self.port, ssl=self._ssl_context, limit=MAX_HEAD_BYTES
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await close_server(server, self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        task = self._loop.create_task(self._on_connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not left to the task: one that is cancelled before it began would never reach its own clean-up.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client may leave in the middle: that too is a way for a conversation to end.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)
            await _close(writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError("a loopback server says what it does with a connection")

    def _open_log(self, peer: Peer) -> _Log:
        log = _Log(peer)
        with self._lock:
            self._logs.append(log)
        return log

    def _note(self, log: _Log, *, received: bytes = b"", sent: bytes = b"") -> None:
        with self._lock:
            log.received += received
            log.sent += sent

    async def _next_request(self, reader: asyncio.StreamReader, peer: Peer) -> tuple[bytes, _Log] | None:
        """Read one raw request, head and body, and log it; None when the connection ends between two of them.

        Raises:
            asyncio.IncompleteReadError: The client left before the request was whole; what came is logged.
        """
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            if not cut.partial:
                return None
            self._note(self._open_log(peer), received=cut.partial)
            raise
        log = self._open_log(peer)
        self._note(log, received=head)
        body = await self._read_body(reader, head, log)
        return head + body, log

    async def _read_body(self, reader: asyncio.StreamReader, head: bytes, log: _Log) -> bytes:
        body = b""
        chunked = b"chunked" in find_values(head, b"transfer-encoding")
        length = int((find_values(head, b"content-length") or [b"0"])[0])
        while (find_chunked_end(body) is None) if chunked else (len(body) < length):
            piece = await (reader.readuntil(b"\r\n") if chunked else reader.read(length - len(body)))
            if not piece:
                raise asyncio.IncompleteReadError(body, length)
            self._note(log, received=piece)
            body += piece
        return body

    async def _play(
        self, script: Script, log: _Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Play a script; True when it ended the connection."""
        for step in [script] if isinstance(script, bytes) else script:
            if isinstance(step, bytes):
                await self._send(step, log, writer)
            elif isinstance(step, str):
                await self._act(Action(step), log, reader, writer)
                return True
            else:
                await asyncio.sleep(step)
        return False

    async def _send(self, data: bytes, log: _Log, writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            self._note(log, sent=piece)
            writer.write(piece)
            await writer.drain()

    async def _act(self, action: Action, log: _Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if action is Action.STALL:
            while data := await reader.read(PIECE_BYTES):
                self._note(log, received=data)
        elif action is Action.RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class WireServer(Loopback):
    """An origin server that answers each target with its script.

    Args:
        routes: Request target (or its path alone) to script. An unknown target gets a 404 with a short body.
        ssl_context: Serve TLS with it.

    The connection stays open while request and response allow it, and is closed after a response that only
    its end delimits.
    """

    def __init__(self, routes: Mapping[str, Route], *, ssl_context: ssl.SSLContext | None = None) -> None:
        super().__init__(ssl_context=ssl_context)
        self.routes: dict[str, Route] = dict(routes)

    def url(self, target: str) -> str:
        """The absolute URL of a target that begins with a slash."""
        return self.base_url + target

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[:2]
        while (arrived := await self._next_request(reader, peer)) is not None:
            raw, log = arrived
            method, target, _ = split_request_line(raw)
            script = _find_script(self.routes, target, raw)
            ended = await self._play(script, log, reader, writer)
            if ended or not (wants_more(raw) and ends_itself(bytes(log.sent), method)):
                return


class WireProxy(Loopback):
    """An HTTP proxy on loopback that answers by itself or passes on to a mapped origin.

    Args:
        routes: Absolute URL to script, so that real host names can be crawled with no network; for a CONNECT
            that is to be refused, `host:port` to script.
        origins: `(host, port)` as the client names it to the `(host, port)` where it is really served.
            Absolute-form requests go there in origin form, otherwise untouched; CONNECT opens a tunnel to it.

    A tunnel is logged as two exchanges: the CONNECT with its reply, then all bytes that passed. What is not
    mapped, or mapped to an origin that is down, gets a 502.
    """

    def __init__(
        self, routes: Mapping[str, Route] | None = None, *, origins: Mapping[Peer, Peer] | None = None
    ) -> None:
        super().__init__()
        self.routes: dict[str, Route] = dict(routes or {})
        self.origins: dict[Peer, Peer] = dict(origins or {})

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[:2]
        upstream = _Upstream(self, writer)
        try:
            while (arrived := await self._next_request(reader, peer)) is not None:
                raw, log = arrived
                origin = self._find_origin(raw)
                if origin is None:
                    await upstream.close()
                    if not await self._answer(raw, log, reader, writer):
                        return
                elif raw.startswith(b"CONNECT "):
                    await self._tunnel(origin, log, reader, writer)
                    return
                elif not await upstream.forward(origin, build_origin_form(raw), log):
                    await self._send(_BAD_GATEWAY, log, writer)
        finally:
            await upstream.close()

    async def _answer(self, raw: bytes, log: _Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Play the script for a request; True when the connection continues."""
        method, target, _ = split_request_line(raw)
        script = _find_script(self.routes, target, raw, missing=_BAD_GATEWAY)
        if await self._play(script, log, reader, writer):
            return False
        return wants_more(raw) and ends_itself(bytes(log.sent), method)

    def _find_origin(self, raw: bytes) -> Peer | None:
        """Where a request is to be passed on; None when it is ours to answer."""
        method, target, _ = split_request_line(raw)
        if target in self.routes:
            return None
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = parts.port or (443 if method == "CONNECT" or parts.scheme == "https" else 80)
        return self.origins.get((parts.hostname or "", port))

    async def _tunnel(
        self, origin: Peer, log: _Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*origin)
        except OSError:
            await self._send(_BAD_GATEWAY, log, writer)
            return
        try:
            await self._send(b"HTTP/1.1 200 Connection established\r\n\r\n", log, writer)
            passed = self._open_log(log.peer)
            up = asyncio.ensure_future(_pump(reader, up_writer, lambda data: self._note(passed, received=data)))
            down = asyncio.ensure_future(_pump(up_reader, writer, lambda data: self._note(passed, sent=data)))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            await _close(up_writer)


class _Upstream:
    """The proxy's connection to one origin on behalf of one client connection.

    Bytes flow back as they come, with no thought for framing: a response belongs to the latest request, and
    when the origin closes, so does the client's side.
    """

    def __init__(self, proxy: WireProxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._origin: Peer | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pump: asyncio.Task[None] | None = None
        self._log: _Log

    async def forward(self, origin: Peer, raw: bytes, log: _Log) -> bool:
        """Send a request on, over the connection at hand if it leads there; False if the origin is down."""
        if origin != self._origin:
            await self.close()
            try:
                reader, self._writer = await asyncio.open_connection(*origin)
            except OSError:
                return False
            self._origin = origin
            self._pump = asyncio.ensure_future(self._flow_back(reader))
        assert self._writer is not None
        self._log = log
        self._writer.write(raw)
        await self._writer.drain()
        return True

    async def close(self) -> None:
        """End the connection, if there is one."""
        pump, writer = self._pump, self._writer
        self._origin = self._writer = self._pump = None
        if writer is not None:
            writer.transport.abort()  # before anything is awaited, where a cancellation would leave it open
        if pump is not None:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _flow_back(self, reader: asyncio.StreamReader) -> None:
        await _pump(reader, self._client, lambda data: self._proxy._note(self._log, sent=data))
        self._client.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE_BYTES):
            note(data)
            writer.write(data)
            await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)
    finally:
        writer.transport.abort()


def _find_script(routes: Mapping[str, Route], target: str, raw: bytes, *, missing: bytes | None = None) -> Script:
    route = routes.get(target, routes.get(target.split("?", 1)[0], missing or _NOT_FOUND))
    return route(raw) if callable(route) else route


def split_request_line(raw: bytes) -> tuple[str, str, str]:
    """Method, target and version; what is lacking is empty."""
    parts = raw.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    method, target, version = (*parts, "", "")[:3]
    return method, target, version


def build_origin_form(raw: bytes) -> bytes:
    """A request in absolute form with its target cut down to path and query, all other bytes as they were."""
    method, target, version = split_request_line(raw)
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{method} {path} {version}".encode("latin-1") + raw[raw.index(b"\r\n") :]


def find_values(head: bytes, name: bytes) -> list[bytes]:
    """Every value a head gives for a header, in order, trimmed and in lower case."""
    lines = (line.partition(b":") for line in head.replace(b"\r\n", b"\n").split(b"\n")[1:])
    return [value.strip().lower() for key, _, value in lines if key.strip().lower() == name.lower()]


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """Head with its blank line, and what follows; line ends may be CRLF or LF alone."""
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark)) >= 0]
    end = min(ends, default=len(raw))
    return raw[:end], raw[end:]


def wants_more(request: bytes) -> bool:
    """Whether the client means to keep the connection."""
    head, _ = split_head(request)
    tokens = find_values(head, b"connection") + find_values(head, b"proxy-connection")
    return b"keep-alive" in tokens if b" HTTP/1.0\r\n" in head else b"close" not in tokens


def ends_itself(response: bytes, method: str) -> bool:
    """Whether a client can tell where the response ends without the connection being closed."""
    head, body, status = _split_final(response)
    if b"close" in find_values(head, b"connection") or head.startswith(b"HTTP/1.0"):
        return False
    if method == "HEAD" or status in BODILESS_STATUSES:
        return True
    if b"chunked" in find_values(head, b"transfer-encoding"):
        return find_chunked_end(body) is not None
    lengths = find_values(head, b"content-length")
    return bool(lengths) and lengths[0].isdigit() and len(body) >= int(lengths[0])


def _split_final(response: bytes) -> tuple[bytes, bytes, bytes]:
    """Head, body and status of what follows the interim responses."""
    while True:
        head, body = split_head(response)
        status = (*head.split(b" ", 2), b"", b"")[1][:3]
        if not (status.startswith(b"1") and body):
            return head, body, status
        response = body


def find_chunked_end(body: bytes) -> int | None:
    """The offset just past a chunked body, trailers included; None when it is cut or malformed."""
    at = 0
    while (line_end := body.find(b"\r\n", at)) >= 0:
        try:
            size = int(body[at:line_end].split(b";", 1)[0], 16)
        except ValueError:
            return None
        if size == 0:
            end = body.find(b"\r\n\r\n", line_end)
            return None if end < 0 else end + 4
        at = line_end + 2 + size + 2
    return None


def build_response(
    body: bytes = b"", *, status: str = "200 OK", headers: Sequence[tuple[str, str]] = (), length: bool = True
) -> bytes:
    """A plain response with the given headers in the given order, Content-Length last."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def build_chunks(body: bytes, *, size: int = 100, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    """A body in chunked transfer coding; `trailers` are whole lines with their CRLF."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = [b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces]
    return b"".join(chunks) + b"0\r\n" + trailers + b"\r\n"


_NOT_FOUND = build_response(b"no script for this target\n", status="404 Not Found")
_BAD_GATEWAY = build_response(b"no origin for this target\n", status="502 Bad Gateway")

ODD_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Odd page</title>'
    "<h1>Odd page</h1><p>The tide table is printed on page four. 潮汐表见第四版。</p></html>\n"
).encode()
_GZIPPED = gzip.compress(ODD_PAGE, mtime=0)
_TYPE = b"Content-Type: text/html; charset=utf-8\r\n"
_LENGTH = b"Content-Length: %d\r\n" % len(ODD_PAGE)


def _odd(head: bytes, body: bytes = ODD_PAGE) -> bytes:
    return head + b"\r\n" + body


_OK = b"HTTP/1.1 200 OK\r\n"

ODD_RESPONSES: dict[str, bytes] = {
    "header_order": _odd(_OK + b"X-Zulu: 1\r\n" + _LENGTH + b"Age: 0\r\n" + _TYPE + b"Date: today\r\n"),
    "header_casing": _odd(_OK + b"sErVeR: press\r\ncontent-TYPE: text/html\r\nCONTENT-length: %d\r\n" % len(ODD_PAGE)),
    "repeated_headers": _odd(
        _OK + b"X-Note: one\r\nSet-Cookie: a=1\r\n" + _TYPE + b"X-Note: two\r\nSet-Cookie: b=2\r\n" + _LENGTH
    ),
    "odd_spacing": _odd(_OK + b"X-Odd:no-space\r\nX-Pad:    wide   \r\nX-Tab:\tvalue\t\r\n" + _TYPE + _LENGTH),
    "folded_header": _odd(_OK + b"X-Folded: first line\r\n\tsecond line\r\n   third line\r\n" + _TYPE + _LENGTH),
    "latin1_value": _odd(_OK + b"X-Place: Caf\xe9 M\xfcnchen\r\n" + _TYPE + _LENGTH),
    "utf8_value": _odd(_OK + "X-Place: 回环港\r\n".encode() + _TYPE + _LENGTH),
    "empty_value": _odd(_OK + b"X-Empty:\r\nX-Blank: \r\n" + _TYPE + _LENGTH),
    "empty_reason": _odd(b"HTTP/1.1 200 \r\n" + _TYPE + _LENGTH),
    "missing_reason": _odd(b"HTTP/1.1 200\r\n" + _TYPE + _LENGTH),
    "odd_reason": _odd(b"HTTP/1.1 200 All's well: r\xe9ussi (so far)\r\n" + _TYPE + _LENGTH),
    "unregistered_status": _odd(b"HTTP/1.1 299 Miscellaneous Warning\r\n" + _TYPE + _LENGTH),
    "bare_lf_head": (_OK + b"X-Line-End: LF\r\n" + _TYPE + _LENGTH + b"\r\n").replace(b"\r\n", b"\n") + ODD_PAGE,
    "http10_close_delimited": _odd(b"HTTP/1.0 200 OK\r\nServer: old press\r\n" + _TYPE),
    "http11_close_delimited": _odd(_OK + b"Connection: close\r\n" + _TYPE),
    "no_content": _odd(b"HTTP/1.1 204 No Content\r\nX-Note: nothing to print\r\n", b""),
    "not_modified": _odd(
        b'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nX-Note: unchanged\r\nContent-Length: 999\r\n', b""
    ),
    "chunked": _odd(_OK + _TYPE + b"Transfer-Encoding: chunked\r\n", build_chunks(ODD_PAGE, size=40)),
    "chunked_extensions_trailers": _odd(
        _OK + _TYPE + b"Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n",
        build_chunks(ODD_PAGE, size=64, extension=b";part=odd", trailers=b"X-Sum: 1\r\nX-Sum: 2\r\n"),
    ),
    "chunked_upper_hex": _odd(
        _OK + _TYPE + b"Transfer-Encoding: chunked\r\n",
        b"00%X\r\n" % len(ODD_PAGE) + ODD_PAGE + b"\r\n000\r\n\r\n",
    ),
    "gzip": _odd(_OK + _TYPE + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(_GZIPPED), _GZIPPED),
    "gzip_chunked": _odd(
        _OK + _TYPE + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        build_chunks(_GZIPPED, size=32),
    ),
    "zero_length_body": _odd(_OK + _TYPE + b"Content-Length: 0\r\n", b""),
    "header_without_colon": _odd(_OK + b"this line is not a header\r\n" + _TYPE + _LENGTH),
    "early_hints": b"HTTP/1.1 103 Early Hints\r\nLink: </press.css>; rel=preload\r\n\r\n" + _odd(_OK + _TYPE + _LENGTH),
    "very_long_header": _odd(_OK + b"X-Long: " + b"ink " * 3000 + b"\r\n" + _TYPE + _LENGTH),
    "forty_cookies": _odd(_OK + b"".join(b"Set-Cookie: c%d=%d\r\n" % (n, n) for n in range(40)) + _TYPE + _LENGTH),
    "nul_bytes_in_body": _odd(
        _OK + _TYPE + b"Content-Length: %d\r\n" % (len(ODD_PAGE) + 6), b"\0\0\0" + ODD_PAGE + b"\0\0\0"
    ),
    "no_headers": _odd(_OK),
}
"""Name to raw response: answers that a browser accepts and that few libraries would write."""

ODD_PAYLOADS: dict[str, bytes] = dict.fromkeys(ODD_RESPONSES, ODD_PAGE) | {
    "no_content": b"",
    "not_modified": b"",
    "zero_length_body": b"",
    "nul_bytes_in_body": b"\0\0\0" + ODD_PAGE + b"\0\0\0",
}
"""Name to the body of `ODD_RESPONSES` once transfer and content codings are undone."""
