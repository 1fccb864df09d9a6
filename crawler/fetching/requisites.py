"""Requests for page requisites. They come after pages, and their failure affects nothing else."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from scrapy import Request

from pipelines.page.addresses import join_url
from pipelines.rules.requisites import iter_style_requisites

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from scrapy.http import Response

    from crawler.sources import Source
    from pipelines.rules.model import RequisiteKind

META_REQUISITE: Final = "requisite"
_PRIORITY: Final = -10
# A style sheet imports another, which names a font: more is a loop or a trap.
_MAX_HOPS: Final = 3
_MAX_REMEMBERED: Final = 1 << 16


class RequisiteRequests:
    """Builds the requests of one run, each address once as far as is remembered.

    Stats: `requisites/followed/<kind>`, `requisites/captured`, `requisites/failed`, `requisites/out_of_scope`.

    Args:
        is_known: tells whether an earlier run has a capture of an address.
        count: counts something under a name.
        callback: a method of the spider, because the frontier stores its name; likewise `errback`.
    """

    def __init__(
        self,
        source: Source,
        *,
        is_known: Callable[[str], bool],
        count: Callable[[str], None],
        callback: Callable[..., Any],
        errback: Callable[..., Any],
    ) -> None:
        self._source = source
        self._is_known = is_known
        self._count = count
        self._callback = callback
        self._errback = errback
        self._asked: set[str] = set()

    def build(
        self, found: Iterable[tuple[RequisiteKind, str]], *, is_unchanged: bool, hops: int = 1
    ) -> Iterator[Request]:
        """Yield requests for what a page or a style sheet refers to.

        Args:
            is_unchanged: the server said that the page has not changed, so what is known is left out.
            hops: from the page.
        """
        wanted = self._source.requisites
        if wanted is None:
            return
        fitting = (entry for entry in found if entry[0] in wanted.kinds and entry[1])
        for kind, url in islice(fitting, wanted.max_per_page):
            if url in self._asked:
                continue
            if len(self._asked) >= _MAX_REMEMBERED:
                self._asked.clear()
            self._asked.add(url)
            if not is_requisite_admitted(self._source, url):
                self._count("requisites/out_of_scope")
                continue
            # What a page needed when it was captured is captured; only where it is not, something was left out.
            if is_unchanged and self._is_known(url):
                continue
            self._count(f"requisites/followed/{kind}")
            yield Request(
                url,
                callback=self._callback,
                errback=self._errback,
                priority=_PRIORITY,
                meta={META_REQUISITE: hops, "download_maxsize": wanted.max_bytes},
            )

    def follow_style(self, response: Response) -> Iterator[Request]:
        """Yield requests for what a requisite refers to, if it is a style sheet."""
        content_type = (response.headers.get(b"Content-Type") or b"").lower()
        hops = int(response.meta.get(META_REQUISITE, _MAX_HOPS)) + 1
        is_style = b"css" in content_type or urlsplit(response.url).path.endswith(".css")
        if not is_style or hops > _MAX_HOPS:
            return
        text = response.body.decode("utf-8", "replace")
        found = ((kind, join_url(response.url, address)) for kind, address in iter_style_requisites(text))
        yield from self.build(found, is_unchanged="unchanged" in response.flags, hops=hops)


def is_requisite_admitted(source: Source, url: str) -> bool:
    """Return whether a requisite may be fetched: from the source's own scope, and where it says beside that."""
    return source.admits(url) or (source.requisites is not None and source.requisites.scope.admits(url))
