"""Maps an address of an archived page to the memento that it stands for.

Every address in a replayed page is one of ours, whatever the page wrote: relative, without a scheme, in another
encoding, or shaped so that a browser would fold it into a path outside the archive.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from archives.errors import RecordError
from archives.warc.records import quote_uri

_SPACE: Final = "".join(map(chr, range(0x21)))
_CONTROLS: Final = re.compile(r"[\t\n\r]")
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE)
_DOT: Final = re.compile(r"%2e", re.IGNORECASE)
_KEPT_SCHEMES: Final = frozenset({"mailto", "tel"})
_URL_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
MAX_URL: Final = 8192
# The addresses of one page together. A long `<base>` would make a thousandfold of a page of short links.
MAX_WRITTEN: Final = 64 * 1024 * 1024


class PageLinks:
    """The links of one page.

    Args:
        prefix: what stands before modifier and address: `/news/20260304022111`.
        url: of the page.
        top: the origin at which whole pages are shown with their banner; empty for the same one.
        codec: of the page, in which browsers encode the query of its links.
        page_modifier: of what opens in the place of the page: `mp_`, or `if_` inside a frame.
    """

    def __init__(
        self, *, prefix: str, url: str, top: str = "", codec: str = "utf-8", page_modifier: str = "mp_"
    ) -> None:
        self.page_modifier = page_modifier
        self.codec = codec
        self.top = top
        self._url = url
        self._prefix = prefix
        self._known: dict[str, str | None] = {}
        self._written = 0
        self._set_base(url if _is_sound(url) else "http://invalid/")

    def set_base(self, href: str) -> None:
        """Take in `<base href>`, if an address can be relative to it."""
        target = self.resolve(href)
        if target is not None and _is_sound(target):
            self._set_base(target)

    def _set_base(self, url: str) -> None:
        self._base = url
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._scheme = parts.scheme
        self._known.clear()

    def rewrite(self, url: str, modifier: str) -> str | None:
        """The place of a resource in the archive; None for an address that must not be requested.

        `data:` addresses and fragments of the page itself stay.

        Raises:
            RecordError: the addresses of the page are longer together than MAX_WRITTEN characters.
        """
        stripped = url.strip(_SPACE)
        if stripped.startswith("#") or not stripped:
            return stripped
        if stripped[:5].lower() == "data:":
            return stripped
        target = self.resolve(stripped)
        return None if target is None else f"{self._prefix}{modifier}/{target}"

    def rewrite_top(self, url: str) -> str | None:
        """Where a reader's click leads: the page in the archive, with its banner.

        Raises:
            RecordError: as above.
        """
        stripped = url.strip(_SPACE)
        if stripped.startswith("#"):
            return stripped
        scheme = _SCHEME.match(_CONTROLS.sub("", stripped))
        if scheme and scheme[1].lower() in _KEPT_SCHEMES:
            return stripped
        target = self.resolve(stripped)
        return None if target is None else f"{self.top}{self._prefix}/{target}"

    def resolve(self, url: str) -> str | None:
        """The absolute address, as the archive knows it; None if it is not of the web.

        Raises:
            RecordError: as above.
        """
        if url not in self._known:
            self._known[url] = self._resolve(_CONTROLS.sub("", url.strip(_SPACE)))
        target = self._known[url]
        self._written += len(url if target is None else target)
        if self._written > MAX_WRITTEN:
            raise RecordError(
                f"the addresses of {self._url} are longer together than {MAX_WRITTEN} characters, and it is not shown; "
                "the archived bytes are under id_"
            )
        return target

    def _resolve(self, url: str) -> str | None:
        if len(url) > MAX_URL:
            return None
        path, mark, query = url.partition("?")
        if "\\" in path:
            url = path.replace("\\", "/") + mark + query
        scheme = _SCHEME.match(url)
        if scheme and scheme[1].lower() not in {"http", "https"}:
            return None
        if not url.isascii():
            url = _encode(url, self.codec)
        return quote_uri(normalise_dots(self._join(url, is_absolute=scheme is not None)))

    def _join(self, url: str, *, is_absolute: bool) -> str:
        if is_absolute and url[:8].lower().startswith(("http://", "https://")):
            return url
        if url.startswith("//"):
            return f"{self._scheme}:{url}"
        if url.startswith("/"):
            return self._origin + url
        try:
            return urljoin(self._base, url)
        except ValueError:
            return self._base


def _is_sound(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def _encode(url: str, codec: str) -> str:
    """Percent-encode as browsers do: the path in UTF-8, the query in the page's own encoding."""
    path, mark, query = url.partition("?")
    fragment = ""
    if mark:
        query, hash_mark, rest = query.partition("#")
        fragment = hash_mark + quote(rest, safe=_URL_SAFE)
    return (
        quote(path, safe=_URL_SAFE, errors="replace")
        + mark
        + quote(query, safe=_URL_SAFE, encoding=codec, errors="replace")
        + fragment
    )


def normalise_dots(url: str) -> str:
    """Resolve `.` and `..`, also where they are percent-encoded: a browser would climb out of our path with them."""
    end = len(url)
    for mark in "?#":
        at = url.find(mark)
        end = at if 0 <= at < end else end
    path, rest = url[:end], url[end:]
    if not _DOTS.search(path):
        return url
    parts = path.split("/", 3)
    if len(parts) < 4:
        return url
    kept: list[str] = []
    segments = parts[3].split("/")
    for number, segment in enumerate(segments):
        plain = _DOT.sub(".", segment)
        is_last = number == len(segments) - 1
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
            continue
        if is_last:
            kept.append("")
    return "/".join(parts[:3]) + "/" + "/".join(kept) + rest
