"""Requests and responses of the viewer, independent of any server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

HTML_TYPE: Final = "text/html; charset=utf-8"
_MAX_ARGUMENTS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        target: path and query as sent, percent-encoding and all.
        headers: names in lower case.
        body: of a form, where the server takes any.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target up to its query, as sent."""
        return self.target.partition("?")[0]

    @property
    def host(self) -> str:
        """The host and port that the client believes it talks to."""
        return self.headers.get("host", "")

    @property
    def arguments(self) -> dict[str, str]:
        """The query's arguments, decoded; of a repeated one the last."""
        query = self.target.partition("?")[2]
        try:
            return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_ARGUMENTS))
        except ValueError:
            return {}

    def get(self, name: str) -> str:
        """A header's value; empty if it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A stretch of a file that is the body of a response."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A body that comes piece by piece.

    Attributes:
        chunks: asked for one after the other, each when the one before has been sent.
        length: of all together; None if it is not known in advance, and the end of the connection shows it.
    """

    chunks: Iterator[bytes]
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response; `Content-Length` and what every response has are added by the server."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | FilePart | Stream = b""

    def get(self, name: str) -> str:
        """The first value of a header, whatever its case; empty if it is not there."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")


if TYPE_CHECKING:
    App = Callable[[Request], Response]


def has_etag(known: str, tag: str) -> bool:
    """Whether an If-None-Match field names an entity tag, also as a weak one, which compressing proxies make of it.

    Spec: RFC 9110 §13.1.2
    """
    return not {tag, "*"}.isdisjoint(name.strip().removeprefix("W/") for name in known.split(","))


def build_text(text: str, *, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
    """A response of a text."""
    return Response(status=status, headers=(("Content-Type", content_type),), body=text.encode("utf-8", "replace"))


def build_redirect(location: str, *headers: tuple[str, str]) -> Response:
    """A temporary redirect to `location`."""
    return Response(status=302, headers=(("Location", location), *headers))
