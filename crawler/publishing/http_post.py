"""Sends a POST request to a receiver of webhooks or to a WebSub hub."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message


class NoAnswer(Exception):
    """No response was received; the message says why."""


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, Message]:
    """Send a request; return status and headers of the response. Redirects are not followed.

    Args:
        url: characters that a request cannot contain are escaped.
        timeout_s: for the connection, the request and the head of the response together.

    Raises:
        NoAnswer: there is no response within that time.
    """
    parts = urlsplit(safe_url_string(url))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    began = time.monotonic()
    # The socket's own time-out begins again with each byte that a slow receiver sends.
    end = threading.Timer(timeout_s, _cut, [connection])
    end.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        response = connection.getresponse()
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        is_late = time.monotonic() - began >= timeout_s
        words = f"no answer within {timeout_s:g} s" if is_late else f"{type(error).__name__}: {error}"
        raise NoAnswer(words) from error
    finally:
        end.cancel()
        connection.close()
    return response.status, response.headers


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
