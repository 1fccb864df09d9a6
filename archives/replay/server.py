"""A small HTTP/1.1 server for one person's browser: threads, keep-alive, GET and HEAD only.

The application is a function; what must hold for every answer is checked here: which hosts may be named, which
requests a foreign page may cause, how many connections there may be, how long one may be idle.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from archives.replay.http import FilePart, Request, Response, Stream, build_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archives.replay.http import App

MAX_CONNECTIONS: Final = 64
IDLE_S: Final = 30.0
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:/?#@;,\s]+)(?::[0-9]{1,5})?")
_CHUNK_BYTES: Final = 256 * 1024
_JOINED_BYTES: Final = 64 * 1024
# What holds for every answer: no page of another site may read or embed it, no name is looked up ahead of a click.
_ALWAYS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-DNS-Prefetch-Control", "off"),
)

logger = logging.getLogger(__name__)


class ReplayServer(ThreadingHTTPServer):
    """The viewer on a socket.

    Args:
        hosts: names, beside those of loopback, under which the viewer may be requested; a request that names another
            is refused, since a foreign page may have made its own name lead here.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    handler_class: type[Handler] | None = None

    def __init__(self, app: App, *, host: str = "127.0.0.1", port: int = 0, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = LOOPBACK_NAMES | {name.lower() for name in hosts} | {host.lower()}
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), self.handler_class or Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, as the base class does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind(self.server_address)
        except OverflowError as error:
            raise OSError(errno.EINVAL, "a port is a number from 0 to 65535") from error
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the viewer."""
        name = "127.0.0.1" if self.server_name in {"0.0.0.0", "::"} else self.server_name  # noqa: S104
        return f"http://{f'[{name}]' if ':' in name else name}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread; close it if there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the base class's name)
        """Log the error with its traceback, at debug level: most often the client has closed the connection."""
        logger.debug("connection of %s ended in an error", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "Newsreel"
    sys_version = ""
    # Without it the kernel waits 40 ms for the browser's acknowledgement between two small writes.
    disable_nagle_algorithm = True
    timeout = IDLE_S
    server: ReplayServer

    def do_GET(self) -> None:
        """Answer a request for a page."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            # A body would be read as the next request.
            self.close_connection = True
        self.respond(b"")

    do_HEAD = do_GET  # noqa: N815 (the base class calls it so)

    def respond(self, body: bytes) -> None:
        """Have the app answer the request, and send what it says."""
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        refusal = find_refusal(request, self.server.hosts)
        try:
            response = refusal or self.server.app(request)
        except Exception:
            self.close_connection = True
            logger.exception("no answer to %s", self.path)
            self.respond_with(build_text("Internal error; see the server's log.\n", status=500))
            raise
        self.respond_with(response)

    def respond_with(self, response: Response) -> None:
        """Send a response."""
        body = response.body
        length = len(body) if isinstance(body, bytes) else body.length
        self.close_connection = self.close_connection or length is None
        reason = HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
        lines = [f"HTTP/1.1 {response.status} {reason}"]
        names = {name.lower() for name, _ in response.headers}
        fields = [*response.headers, *(pair for pair in _ALWAYS if pair[0].lower() not in names)]
        # An address in a damaged index could hold a line end.
        lines += [_CONTROL.sub(" ", f"{name}: {value}") for name, value in fields]
        if self.close_connection:
            lines.append("Connection: close")
        lines.append(f"Date: {self.date_time_string()}")
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines += ["", ""]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        if self.command == "HEAD":
            self.wfile.write(head)
        elif isinstance(body, Stream):
            self.wfile.write(head)
            for chunk in body.chunks:
                self.wfile.write(chunk)
        elif isinstance(body, FilePart):
            self.wfile.write(head)
            self._send_part(body)
        elif len(body) <= _JOINED_BYTES:
            self.wfile.write(head + body)
        else:
            self.wfile.write(head)
            self.wfile.write(body)

    def _send_part(self, part: FilePart) -> None:
        left = part.length
        with part.path.open("rb") as stream:
            stream.seek(part.start)
            while left and (chunk := stream.read(min(left, _CHUNK_BYTES))):
                self.wfile.write(chunk)
                left -= len(chunk)
        self.close_connection = self.close_connection or left > 0

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a malformed or unsupported request, without repeating the client's words as the base class does."""
        del message, explain
        self.close_connection = True
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else int(code)
        self.command = getattr(self, "command", None) or "GET"
        if self.command not in {"GET", "HEAD"} and status < 400:
            status = 405
        response = build_text(f"{HTTPStatus(status).phrase}.\n", status=status)
        if status == 405:
            response = Response(status=405, headers=(*response.headers, ("Allow", "GET, HEAD")), body=response.body)
        self.respond_with(response)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Log a request at debug level."""
        logger.debug(format, *args)


_STATUSES: Final = frozenset(int(status) for status in HTTPStatus)


def find_refusal(request: Request, hosts: frozenset[str] | set[str]) -> Response | None:
    """Return the refusal of a request; None if the request may be answered.

    Spec: Fetch Metadata Request Headers (W3C), §2.
    """
    if find_host_name(request.host) not in hosts:
        return build_text("Unknown host name; use the address printed at start-up.\n", status=421)
    is_foreign = request.get("sec-fetch-site") in {"cross-site", "same-site"}
    if is_foreign and request.get("sec-fetch-mode") not in {"navigate", ""}:
        return build_text("Other sites may link to this viewer, but not load anything from it.\n", status=403)
    return None


def find_host_name(host: str) -> str:
    """Return a Host header without its port, in lower case; empty if it is malformed."""
    match = _HOST.fullmatch(host.strip().lower())
    return match[1] if match else ""
