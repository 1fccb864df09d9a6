"""Notify a WebSub hub that a feed has changed; the hub fetches it and tells its subscribers."""

from __future__ import annotations

import http.client
from urllib.parse import urlencode, urlsplit

_TIMEOUT_S = 10.0


def ping_hub(hub: str, feed: str) -> str:
    """Tell a hub of a feed; return what went wrong, or ''.

    Spec: how a publisher tells its hub is left to the two by WebSub §7; every public hub takes PubSubHubbub 0.4 §7.1.
    """
    parts = urlsplit(hub)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    body = urlencode({"hub.mode": "publish", "hub.url": feed})
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"Content-Type": "application/x-www-form-urlencoded"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return "" if 200 <= status < 300 else f"answered {status}"
