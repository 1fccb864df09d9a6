"""Serve the feeds that `scrapy export feeds -o DATA_DIR/feeds` wrote, with 304 for those that have not changed.

Spec: RFC 9110 §13.1.2 If-None-Match.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from archives.replay.http import Response, build_text

if TYPE_CHECKING:
    from pathlib import Path

    from archives.replay.http import Request

PREFIX: Final = "/feeds/"
_TYPES: Final = {
    ".atom": "application/atom+xml; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".json": "application/feed+json; charset=utf-8",
    ".xml": "text/x-opml; charset=utf-8",
}


class Feeds:
    """The files of one folder of feeds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def answer(self, request: Request) -> Response | None:
        """Answer a request for a feed, with 404 if there is none; return None for other paths."""
        if not request.path.startswith(PREFIX):
            return None
        path = self._find(unquote(request.path.removeprefix(PREFIX)))
        if path is None:
            return build_text("No such feed.\n", status=404)
        body = path.read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = (("Content-Type", _TYPES[path.suffix]), ("ETag", tag), ("Cache-Control", "no-cache"))
        known = {name.strip().removeprefix("W/") for name in request.get("if-none-match").split(",")}
        if known & {tag, "*"}:
            return Response(status=304, headers=headers)
        return Response(headers=headers, body=body)

    def _find(self, name: str) -> Path | None:
        """Return the file of a name; None unless it is inside the folder."""
        if "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        path = (self._folder / name.lstrip("/")).resolve()
        is_feed = path.is_relative_to(self._folder) and path.suffix in _TYPES and path.is_file()
        return path if is_feed else None
