"""Serves WACZ files with ranges, and a player for them.

The player is a copy of ReplayWeb.page (two files, under their own licence) that the user provides. It runs
scripts, so it has its own path and policy.

Spec: WACZ 1.1.1 §7; RFC 9110 §14 Range Requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from archives.replay.http import HTML_TYPE, FilePart, Response, build_text
from crawler.viewer.pages import build_page, load_templates
from crawler.viewer.routes import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A WACZ file in the list.

    Attributes:
        play: where the player opens it; empty if there is no player.
    """

    name: str
    size: int
    href: str
    play: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesPage:
    """What `packages.html` shows."""

    packages: Sequence[Package]


class Packages:
    """The WACZ files of one directory.

    Args:
        player_dir: where ReplayWeb.page's `ui.js` and `sw.js` are; None to do without.
    """

    def __init__(self, directory: Path, player_dir: Path | None) -> None:
        self._directory = directory
        self._player_dir = player_dir

    def answer(self, request: Request) -> Response | None:
        """Answer a request for a package or the player; return None for other paths."""
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
        packages = [
            Package(
                name=path.name,
                size=path.stat().st_size,
                href=f"{PACKAGES}/{quote(path.name)}",
                play=f"{PLAYER}?{quote(path.name)}" if self._player_dir else "",
            )
            for path in files
            if _NAME.fullmatch(path.name)
        ]
        return build_page("packages.html", PackagesPage(packages=packages))

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
            text = _render("player.html", package=wacz, player=PLAYER, source=f"{PACKAGES}/{quote(wacz)}")
            return Response(headers=(("Content-Type", HTML_TYPE), *policy), body=text)
        if name in _FILES:
            path = self._player_dir / name.rpartition("/")[2]
            if path.is_file():
                return Response(headers=(("Content-Type", _FILES[name]), *policy), body=path.read_bytes())
            return build_text(f"{path.name} is not in the player's directory.\n", status=404)
        return Response(headers=(("Content-Type", HTML_TYPE), *policy), body=_render("player_wait.html"))


def _render(name: str, **values: str) -> bytes:
    return load_templates().get_template(name).render(values).encode()


def serve_part(path: Path, asked: str, content_type: str) -> Response:
    """Return a file, or the part of it that a Range header asks for.

    Spec: RFC 9110 §14.2; a request for several ranges gets the whole file.
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
