"""What a document that is read may ask of the spider that reads it.

The spiders stand upon this room, so that it must not know them, not even by type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from scrapy import Request
    from scrapy.http import Response
    from twisted.python.failure import Failure

    from crawler.sources import Source
    from pipelines.discovery.found import FoundLink
    from pipelines.posts.items import Post
    from pipelines.rules.expressions import Page
    from pipelines.rules.links import LinkKind


class Memory(Protocol):
    """What has been captured before."""

    def is_archived(self, url: str) -> bool:
        """Tell whether there is a capture of an address."""


class Reader(Protocol):
    """A spider as far as a document that it reads may use it."""

    source: Source
    requisites: set[str]

    @property
    def follows(self) -> Collection[LinkKind]:
        """Kinds of links that are asked for."""

    @property
    def memory(self) -> Memory | None:
        """What earlier runs have captured; None where nothing is remembered."""

    def count(self, name: str) -> None:
        """Count something under a name."""

    def captured_at(self, response: Response) -> datetime:
        """Return when a response was captured."""

    def is_unchanged(self, response: Response) -> bool:
        """Tell whether the server said that nothing has changed."""

    def build_post(self, response: Response, page: Page, kind: LinkKind, *, identifier: str) -> Post:
        """Return what a page states of an article."""

    def follow_found(self, link: FoundLink, response: Response | None = None) -> Iterator[Request]:
        """Yield the request for a link that was found, if it is wanted."""

    def parse_requisite(self, response: Response) -> Iterator[Request]:
        """Read a page requisite."""

    def miss_requisite(self, failure: Failure) -> Any:
        """Count a page requisite that could not be had."""
