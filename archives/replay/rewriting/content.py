"""One archived resource as it is sent to a browser: unchanged, or with its links rewritten.

Whatever it is, it comes with a policy under which it can run nothing, send nothing and ask nobody but this viewer:
the sandbox knows no scripts, the sources are this host alone. The rewriting makes a page look right; this makes it
harmless, also where the rewriting was fooled.

Spec: Content Security Policy Level 3; HTML §7.1.5 Sandboxing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

from archives.errors import RecordError
from archives.replay.http import HTML_TYPE, Response, build_text
from archives.replay.rewriting.charsets import decode_page, decode_style
from archives.replay.rewriting.css import rewrite_style
from archives.replay.rewriting.html import rewrite_page
from archives.replay.rewriting.links import PageLinks
from archives.replay.routes import RAW, build_path
from archives.warc.content_codings import has_lost_coding
from archives.warc.messages import Head, find_mime

if TYPE_CHECKING:
    from archives.replay.http import Request
    from archives.warc.reader import Capture

MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_KEPT_HEADERS: Final = 60
_MAX_KEPT_BYTES: Final = 16 * 1024
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")
_UNPRINTABLE: Final = re.compile(rb"[^\x20-\x7e\xa0-\xff]")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}")
_CODING: Final = re.compile(r"[a-z0-9-]{1,20}")
_MARKUP: Final = re.compile(rb"\s*<(?:!doctype html|html|head|body|title|meta|script|!--)", re.IGNORECASE)
PAGE_MIMES: Final = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_MIMES: Final = frozenset(
    {"text/xml", "application/xml", "application/rss+xml", "application/atom+xml", "text/xsl"}
)
_SVG: Final = "image/svg+xml"
_TITLE: Final = re.compile(r"<title(?:\s[^>]*)?>([^<]*)", re.IGNORECASE)
_TITLE_WITHIN: Final = 256 * 1024
_MAX_TITLE: Final = 300
# Nothing in them but pictures, styles and sounds, and those from here; `{frames}` may show it in a frame.
_POLICY: Final = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
    "media-src 'self' data:; frame-src 'self'; script-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors {frames}; sandbox allow-same-origin allow-top-navigation-by-user-activation"
)
_RAW_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors {frames}; sandbox"
_DOCUMENTS: Final = frozenset({"document", "iframe", "frame", "object", "embed"})
_SHOWN_AS_IS: Final = re.compile(r"(?:image/(?!svg)|audio/|video/|font/|application/(?:pdf|octet-stream|zip|gzip))")
_SOURCE_TYPE: Final = re.compile(r"^[^;]*")
MISSING_PICTURE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60" viewBox="0 0 120 60">'
    '<rect x=".5" y=".5" width="119" height="59" fill="#8881" stroke="#888" stroke-dasharray="4 3"/>'
    '<text x="60" y="34" fill="#888" font-family="sans-serif" font-size="10" text-anchor="middle">not archived</text>'
    "</svg>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How and where a capture is shown.

    Attributes:
        stamp: the moment that the links of the page lead to.
        top: the origin of pages with a banner.
        frames: the origins whose pages may frame this one.
    """

    collection: str
    stamp: str
    modifier: str
    top: str = ""
    frames: str = "'self'"


def build_content(capture: Capture, view: View, request: Request) -> Response:
    """The answer that a capture is.

    Raises:
        RecordError: it cannot be decoded, or is larger than is shown.
    """
    head = capture.head if capture.is_http else _build_resource_head(capture)
    kept = _keep_headers(head)
    status = head.status if head.status and 200 <= head.status < 600 and head.status != 304 else 200
    if view.modifier == RAW:
        return _build_raw(capture, head, view, request, status=status, kept=kept)
    content_type = _find_content_type(head)
    mime = find_mime(content_type)
    payload = capture.decode(max_bytes=MAX_BYTES)
    if mime == "unk" and _MARKUP.match(payload):
        mime = "text/html"
    body, shown_type = _render(payload, mime, content_type, capture.url, view)
    headers = (
        ("Content-Type", shown_type),
        ("Content-Security-Policy", _POLICY.format(frames=view.frames)),
        ("Cache-Control", "private, max-age=60"),
        *kept,
    )
    return Response(status=status, headers=headers, body=body)


def is_page(capture: Capture) -> bool:
    """Return whether a capture, a revisit with its original, is an HTML page."""
    head = capture.head if capture.is_http else _build_resource_head(capture)
    return find_mime(_find_content_type(head)) in PAGE_MIMES


def find_title(capture: Capture) -> str:
    """Return the title of an archived page as one line; empty if it has none, or is no page.

    Raises:
        RecordError: it cannot be decoded.
    """
    if not is_page(capture):
        return ""
    head = capture.head if capture.is_http else _build_resource_head(capture)
    text, _ = decode_page(capture.decode(max_bytes=MAX_BYTES)[:_TITLE_WITHIN], _find_content_type(head))
    match = _TITLE.search(text)
    return " ".join(unescape(match[1]).split())[:_MAX_TITLE] if match else ""


def _render(payload: bytes, mime: str, content_type: str, url: str, view: View) -> tuple[bytes, str]:
    """The body and the media type under which it is sent."""
    is_style = mime == "text/css" or view.modifier == "cs_"
    if not is_style and mime not in PAGE_MIMES and mime != _SVG:
        return payload, _limit_type(mime, content_type)
    if len(payload) > MAX_PAGE_BYTES:
        raise RecordError(f"{url} is larger than {MAX_PAGE_BYTES} bytes; the archived bytes are under {RAW}")
    prefix = build_path(view.collection, "", stamp=view.stamp).removesuffix("/")
    modifier = "if_" if view.modifier == "if_" else "mp_"
    if is_style:
        links = PageLinks(prefix=prefix, url=url, top=view.top)
        return rewrite_style(decode_style(payload, content_type), links).encode("utf-8", "replace"), _STYLE_TYPE
    text, codec = decode_page(payload, content_type)
    links = PageLinks(prefix=prefix, url=url, top=view.top, codec=codec, page_modifier=modifier)
    shown_type = f"{_SVG}; charset=utf-8" if mime == _SVG else HTML_TYPE
    return rewrite_page(text, links).encode("utf-8", "replace"), shown_type


_STYLE_TYPE: Final = "text/css; charset=utf-8"


def _limit_type(mime: str, content_type: str) -> str:
    """A media type that cannot be its own document; what could be markup of another kind is shown as text."""
    if mime in _TEXT_MIMES or mime.endswith("+xml"):
        return "text/plain; charset=utf-8"
    if not _MEDIA_TYPE.fullmatch(mime):
        return "application/octet-stream"
    if not mime.startswith("text/"):
        return mime
    match = re.search(r"charset\s*=\s*\"?([A-Za-z0-9_-]{2,40})", content_type, re.IGNORECASE)
    return f"{mime}; charset={match[1] if match else 'utf-8'}"


def _build_raw(
    capture: Capture, head: Head, view: View, request: Request, *, status: int, kept: tuple[tuple[str, str], ...]
) -> Response:
    """The archived payload, to the byte, in its content coding if the client takes that."""
    payload = capture.payload
    codings = _find_codings(capture)
    headers: tuple[tuple[str, str], ...] = (("Vary", "accept-encoding"),)
    if codings and not has_lost_coding(payload, codings):
        if _is_accepted(codings, request.get("accept-encoding")):
            headers += (("Content-Encoding", ", ".join(codings)),)
        else:
            payload = capture.decode(max_bytes=MAX_BYTES)
    mime = find_mime(_find_content_type(head))
    content_type = _find_content_type(head) if _MEDIA_TYPE.fullmatch(mime) else "application/octet-stream"
    if request.get("sec-fetch-dest") in _DOCUMENTS and not _SHOWN_AS_IS.match(mime):
        # A reader who looks at the bytes wants to see them; what is markup to a browser has links that lead away.
        content_type = _SOURCE_TYPE.sub("text/plain", content_type, count=1)
    headers = (
        ("Content-Type", content_type),
        ("Content-Security-Policy", _RAW_POLICY.format(frames=view.frames)),
        *headers,
        *kept,
    )
    return Response(status=status, headers=headers, body=payload)


def _build_resource_head(capture: Capture) -> Head:
    """The head of a record without one: its own header states the type of its bytes."""
    mime = capture.mime.encode("latin-1", "replace")
    return Head(b"HTTP/1.1", 200, b"", [(b"Content-Type", mime)] if mime else [])


def build_missing(request: Request, message: str, view: View) -> Response | None:
    """The answer for a part of a page that is not in the archive; None if a reader asked for a page."""
    asked_for = request.get("sec-fetch-dest")
    is_picture = asked_for == "image" or (not asked_for and view.modifier == "im_")
    policy = ("Content-Security-Policy", _RAW_POLICY.format(frames=view.frames))
    if is_picture:
        headers = (("Content-Type", _SVG), ("Cache-Control", "private, max-age=60"), policy)
        return Response(status=404, headers=headers, body=MISSING_PICTURE.encode())
    if asked_for not in {"", "document", "iframe", "frame"} or view.modifier in {RAW, "im_", "cs_", "js_"}:
        return build_text(message + "\n", status=404)
    return None


def _find_codings(capture: Capture) -> list[str]:
    if not capture.is_http:
        return []
    values = b",".join(capture.head.get_all(b"Content-Encoding")).decode("latin-1").lower().split(",")
    return [name for value in values if (name := value.strip()) and name != "identity" and _CODING.fullmatch(name)]


def _is_accepted(codings: list[str], accepted: str) -> bool:
    """Whether a client takes the codings; one that names none is sent none.

    Spec: RFC 9110 §12.5.3, which would allow any coding where the header is missing.
    """
    offers = [part.strip().lower().partition(";") for part in accepted.split(",")]
    taken = {name.strip() for name, _, weight in offers if weight.replace(" ", "") not in {"q=0", "q=0.0"}}
    return all(coding in taken or "*" in taken for coding in codings)


def _find_content_type(head: Head) -> str:
    value = _UNPRINTABLE.sub(b"", head.get(b"Content-Type") or b"")
    return value[:200].decode("latin-1")


def _keep_headers(head: Head) -> tuple[tuple[str, str], ...]:
    """The archived headers, under names that no browser acts on."""
    kept: list[tuple[str, str]] = []
    size = 0
    for name, value in head.headers[:_MAX_KEPT_HEADERS]:
        size += len(name) + len(value)
        if size > _MAX_KEPT_BYTES:
            break
        if _TOKEN.fullmatch(name):
            text = _UNPRINTABLE.sub(b" ", value).decode("latin-1")
            kept.append((f"X-Archive-Orig-{name.decode('ascii')}", text))
    return tuple(kept)
