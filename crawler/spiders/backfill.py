"""What the spiders share that can also fetch the past of a source: `-a backfill=DAY`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from crawler.spiders.arguments import parse_bound, parse_day
from crawler.spiders.base import NewsSpider
from crawler.spiders.bounds import is_too_old
from pipelines.rules.addresses import build_identity
from pipelines.rules.links import LinkKind
from pipelines.rules.model import Discovery

if TYPE_CHECKING:
    from datetime import date

    from scrapy.http import Response

    from crawler.sources import Source
    from pipelines.rules.links import Link


class BackfillSpider(NewsSpider):
    """Base of the spiders that take `-a backfill=DAY`.

    Such a run fetches articles from that day on that are not archived yet, the newest first, up to a number for each
    host. The next one continues where it stopped.
    """

    arguments: ClassVar[tuple[str, ...]] = (*NewsSpider.arguments, "backfill", "max_pages")

    def __init__(
        self,
        source: Source,
        seeds: tuple[str, ...] = (),
        *,
        backfill: date | None = None,
        max_pages: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(source, seeds, **kwargs)
        self.backfill = backfill
        self._max_articles = max_pages or (source.discovery or Discovery()).max_pages
        self._wanted: set[str] = set()
        self._wanted_of: Counter[str] = Counter()
        self._listed: dict[bool, set[str]] = {False: set(), True: set()}
        # A run with a budget of articles does not say that the lists were walked to their ends.
        self._is_partial = self._is_partial or backfill is not None

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Turn the text of `-a` arguments into what the constructor takes."""
        day, most = arguments.pop("backfill", ""), arguments.pop("max_pages", "")
        if most and not day:
            raise ValueError("max_pages is the number of articles of a back-fill; give backfill=DAY, too")
        parsed = super().parse_arguments(arguments)
        if day:
            parsed["backfill"] = parse_day(day, "backfill")
        return parsed | ({"max_pages": parse_bound(most, "max_pages")} if most else {})

    def is_worth_walking_on(self, links: list[Link], response: Response) -> bool:
        """Return whether the next page of a list is to be requested; a back-fill asks for all that may lead further."""
        if self.backfill is None:
            return super().is_worth_walking_on(links, response)
        articles = [link for link in links if link.kind is LinkKind.ARTICLE]
        is_past = all(is_too_old(link, link.kind, self.backfill) for link in articles)
        is_spent = self._wanted_of[urlsplit(response.url).netloc] >= self._max_articles
        return self.is_showing_unlisted({link.url for link in articles}) and not is_past and not is_spent

    def is_showing_unlisted(self, articles: set[str], *, by_feed: bool = False) -> bool:
        """Return whether a list, or a feed, shows an article that none of its kind before it showed.

        An endless calendar and a pager that turns in circles do not.
        """
        is_showing = bool(articles - self._listed[by_feed])
        self._listed[by_feed] |= articles
        return is_showing

    def find_past_bound(self, link: Link, kind: LinkKind) -> str:
        """Return why a back-fill does not ask for a page, or ''; an article that it asks for counts."""
        if self.backfill is None:
            return ""
        if is_too_old(link, kind, self.backfill):
            return "too_old"
        known_by = build_identity(link.url)
        if kind is not LinkKind.ARTICLE or known_by in self._wanted:
            return ""
        is_archived = self.memory is not None and self.memory.is_archived(link.url)
        if known := "archived" if is_archived else self.find_known(link.url, is_changed=False):
            return known
        host = urlsplit(link.url).netloc
        if self._wanted_of[host] >= self._max_articles:
            return "too_many_pages"
        self._wanted.add(known_by)
        self._wanted_of[host] += 1
        return ""
