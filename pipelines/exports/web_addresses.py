"""Addresses that users configure: of a site, a hub, a webhook."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_web_address(text: str) -> bool:
    """Return whether a text is a complete http or https address without blanks and without a user name."""
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        is_complete = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:
        return False
    return is_complete and text.isprintable() and " " not in text and "@" not in parts.netloc
