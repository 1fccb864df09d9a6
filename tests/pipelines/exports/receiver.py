"""A receiver of webhooks that fails, hangs and dies as a test wants it."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Receiver:
    """What a server on loopback is to answer, status by status, and what it was sent.

    Attributes:
        received: `data` of what it answered 2xx to.
        retry_after: the field of a 429.
        on_received: called after each of them.
    """

    answers: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hang_s: float = 0
    retry_after: str = "300"
    url: str = ""
    on_received: Callable[[], None] = lambda: None


@contextmanager
def serve_receiver() -> Iterator[Receiver]:
    """One receiver, as long as the block lasts."""
    state = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append((dict(self.headers), body))
            status = state.answers.pop(0) if state.answers else 204
            if status == 0:  # dies in the middle of it
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if status == 1:
                time.sleep(state.hang_s)
                return
            if status == 2:  # a letter at a time
                for letter in b"HTTP/1.1 204 No Content\r\n":
                    time.sleep(state.hang_s / 10)
                    self.wfile.write(bytes([letter]))
                return
            if status < 300 and self.headers["Content-Type"] == "application/json":
                state.received.append(json.loads(body)["data"])
                state.on_received()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            if status == 429:
                self.send_header("Retry-After", state.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/posts?a=b"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield state
        finally:  # a thread that serves a closed socket would never end
            server.shutdown()
            thread.join()
