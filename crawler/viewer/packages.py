"""WACZ files as a browser wants them: in parts, from whatever place it asks, and the player beside them.

A ReplayWeb.page that somebody has put beside the data (two files, under a licence of their own) is served as it is, and
opens them. It runs scripts, so it has a place and a policy of its own.

Spec: WACZ 1.1.1 §7; RFC 9110 §14 Range Requests.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from archives.replay.http import HTML_TYPE, FilePart, Response, build_text
from archives.replay.markup import fill, join
from archives.replay.pages import build_bar, build_page
from crawler.monitoring.tally import format_bytes
from crawler.viewer.routes import PACKAGES, SECTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from archives.replay.http import Request

PLAYER: Final = "/-/player/"
_NAME: Final = re.compile(r"[\w .()-]{1,120}\.wacz")
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_FILES: Final = {"ui.js": "text/javascript; charset=utf-8", "replay/sw.js": "text/javascript; charset=utf-8"}
_POLICY: Final = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'; frame-src 'self' blob: data:; "
    "worker-src 'self' blob:; connect-src 'self' data: blob:; form-action 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)
_STAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>html,body{{margin:0;height:100%}}replay-web-page{{display:block;height:100%}}</style>
<script src="{player}ui.js"></script></head>
<body><replay-web-page source="{source}" replayBase="{player}replay/"></replay-web-page></body></html>
"""
# The player's worker does not control its frame the first time; the frame waits for it and loads again.
_WAIT: Final = (
    "<!doctype html><meta charset=utf-8><title>…</title>"
    "<script>navigator.serviceWorker.ready.then(() => location.reload())</script>"
)


class Packages:
    """The WACZ files of one directory.

    Args:
        player_dir: where ReplayWeb.page's `ui.js` and `sw.js` are; None where nobody has put them.
    """

    def __init__(self, directory: Path, player_dir: Path | None) -> None:
        self._directory = directory
        self._player_dir = player_dir

    def answer(self, request: Request) -> Response | None:
        """The answer to a request for a package or for the player; None for other paths."""
        path = unquote(request.path)
        if path == PACKAGES + "/":
            return self._list()
        if path.startswith(PACKAGES + "/"):
            return self._serve(path.removeprefix(PACKAGES + "/"), request)
        if path.startswith(PLAYER) and self._player_dir is not None:
            return self._play(path.removeprefix(PLAYER), request)
        return None

    def _list(self) -> Response:
        files = sorted(self._directory.glob("*.wacz")) if self._directory.is_dir() else []
        items = [
            fill(
                '<li><strong>{name}</strong><span>{size}</span><span><a href="{path}">download</a>{play}</span></li>',
                name=path.name,
                size=format_bytes(path.stat().st_size),
                path=f"{PACKAGES}/{quote(path.name)}",
                play=self._build_play_link(path.name),
            )
            for path in files
            if _NAME.fullmatch(path.name)
        ]
        hint = fill(
            "<p>A WACZ file holds a collection in one piece, to hand over or to open elsewhere. "
            "<code>scrapy pack NAME -o {directory}/NAME.wacz</code> makes one; it is then listed here.</p>",
            directory=self._directory,
        )
        body = fill('<h1>Packages</h1>{hint}<ul class="cards">{items}</ul>', hint=hint, items=join(items))
        return build_page("Packages", body, bar=build_bar(sections=SECTIONS))

    def _build_play_link(self, name: str) -> object:
        if self._player_dir is None:
            return ""
        return fill(' · <a href="{player}?{name}">open in ReplayWeb.page</a>', player=PLAYER, name=quote(name))

    def _serve(self, name: str, request: Request) -> Response:
        path = self._directory / name
        if not _NAME.fullmatch(name) or not path.is_file():
            return build_text("No such package.\n", status=404)
        return serve_part(path, request.get("range"), "application/wacz")

    def _play(self, name: str, request: Request) -> Response:
        assert self._player_dir is not None
        policy = (("Content-Security-Policy", _POLICY),)
        if not name:
            wacz = unquote(request.target.partition("?")[2])
            if not _NAME.fullmatch(wacz):
                return build_text("No such package.\n", status=404)
            page = fill(_STAGE, name=wacz, player=PLAYER, source=f"{PACKAGES}/{quote(wacz)}")
            return Response(headers=(("Content-Type", HTML_TYPE), *policy), body=page.encode())
        if name in _FILES:
            path = self._player_dir / name.rpartition("/")[2]
            if path.is_file():
                return Response(headers=(("Content-Type", _FILES[name]), *policy), body=path.read_bytes())
            return build_text(f"{path.name} is not in the player's directory.\n", status=404)
        return Response(headers=(("Content-Type", HTML_TYPE), *policy), body=_WAIT.encode())


def serve_part(path: Path, asked: str, content_type: str) -> Response:
    """A file, or the stretch of it that a Range header asks for.

    Spec: RFC 9110 §14.2; of several ranges the whole file is the answer.
    """
    size = path.stat().st_size
    headers = (("Content-Type", content_type), ("Accept-Ranges", "bytes"))
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not any(match.groups()):
        return Response(headers=headers, body=FilePart(path=path, start=0, length=size))
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        return Response(status=416, headers=(*headers, ("Content-Range", f"bytes */{size}")))
    part = FilePart(path=path, start=start, length=end - start)
    return Response(status=206, headers=(*headers, ("Content-Range", f"bytes {start}-{end - 1}/{size}")), body=part)
