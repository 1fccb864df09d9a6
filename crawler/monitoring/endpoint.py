"""`/metrics` on loopback, served by a thread of the scheduler's process."""

from __future__ import annotations

import ipaddress
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from crawler.monitoring.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATH: Final = "/metrics"


def parse_endpoint(text: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9410`, `[::1]:9410` or `localhost:9410`.

    Raises:
        ValueError: it is not a loopback address; metrics are not for the network.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    is_loopback = host == "localhost"
    try:
        is_loopback = is_loopback or ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        is_loopback, number = False, -1
    if not is_loopback or not 0 <= number < 1 << 16:
        raise ValueError(f"SCHEDULE_METRICS is {text!r}; it must be a loopback address with a port: 127.0.0.1:9410")
    return ("127.0.0.1" if host == "localhost" else host), number


@contextmanager
def serve_metrics(host: str, port: int, build: Callable[[], str]) -> Iterator[int]:
    """Answer `/metrics` while the block runs.

    Args:
        port: 0 for any that is free.
        build: makes the text, in its own thread, for every request.

    Yields:
        The port.

    Raises:
        OSError: the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != _PATH:
                self.send_error(404, f"only {_PATH} is served")
                return
            body = build().encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the standard library's name)
            """Keep the schedule's own lines readable."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

    with Server((host, port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
