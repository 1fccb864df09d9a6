"""A source's rules tried on every capture that an archive holds for them, before anybody relies on them.

The spider, the reader and the pipelines are those of a reparse; only the last stage is left out, so nothing is
written. What the rules found is tallied on the way: a rule that finds nothing is as good as none, and no crawl says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

from crawler.addon import place_collection
from crawler.reparsing.reparse import REPARSE_SETTINGS, ReparseSpider, forbid_network
from crawler.sources.reading import ORIGINS
from pipelines.posts.merge import join
from pipelines.posts.post_files import PostRefused, finish
from pipelines.rules.links import LinkKind, iter_element_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scrapy.crawler import CrawlerProcessBase
    from scrapy.http import Response

    from crawler.reparsing.reparse import Holding
    from crawler.sources import Parser, Source
    from crawler.sources.reading import Reading
    from pipelines.posts.items import Post
    from pipelines.rules.expressions import Page

COLLECTING_STAGES = {
    "pipelines.stages.AdoptPipeline": 100,
    "pipelines.stages.DatesPipeline": 200,
    "pipelines.stages.TagsPipeline": 300,
    "pipelines.stages.BodyPipeline": 400,
    "pipelines.stages.PostFilesPipeline": None,
    "crawler.publishing.history.CollectPipeline": 500,
}
SHOWN_FIELDS = ("headline", "datePublished", "articleSection", "keywords", "author", "articleBody")
_SAMPLE_CHARS = 60


@dataclass(slots=True)
class Tally:
    """What a dry run saw.

    Attributes:
        pages: pages by kind.
        linked: distinct addresses that pages link to, by kind.
        matches: for each kind and pattern of the link rules, distinct addresses that it matches.
        read: pages or entries read by each parser, by its place in the definition.
        ruled: of these, those on which a parser's rules found a field.
    """

    pages: Counter[LinkKind] = field(default_factory=Counter)
    linked: Counter[LinkKind] = field(default_factory=Counter)
    matches: Counter[tuple[LinkKind, str]] = field(default_factory=Counter)
    read: Counter[int] = field(default_factory=Counter)
    ruled: Counter[tuple[int, str]] = field(default_factory=Counter)
    _seen: set[str] = field(default_factory=set)

    def add_address(self, source: Source, url: str, *, is_link: bool) -> None:
        """Count an address once, captured or linked."""
        if url in self._seen:
            return
        self._seen.add(url)
        if is_link:
            self.linked[source.find_kind(url)] += 1
        for kind, patterns in source.links.patterns.items():
            for pattern in patterns:
                self.matches[kind, pattern.pattern] += bool(pattern.search(url))

    def add_reading(self, source: Source, parser: Parser | None, reading: Reading) -> None:
        """Count what a parser's rules found on one page."""
        if parser is None:
            return
        number = next(number for number, own in enumerate(source.parsers) if own is parser)
        self.read[number] += 1
        for name, place in reading.places.items():
            self.ruled[number, name] += place.startswith("source: ")


class DryRunSpider(ReparseSpider):
    """Reads what a reparse reads and tallies it."""

    name = "dry run"

    def __init__(self, *args: Any, tally: Tally, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tally = tally

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:
        """Count the address of a page, then read it."""
        self.tally.add_address(self.source, response.url, is_link=False)
        yield from super().parse(response, **kwargs)

    def parse_page(self, response: Response, page: Page, kind: LinkKind, identifier: str) -> Iterator[Any]:
        """Count a page and its links, then read it."""
        self.tally.pages[kind] += 1
        for url in iter_element_links(page.root, response.url) if page.root is not None else ():
            self.tally.add_address(self.source, url, is_link=True)
        yield from super().parse_page(response, page, kind, identifier)

    def parse_listing(self, response: Response, page: Page) -> Iterator[Any]:
        """Count a listing, then read it."""
        self.tally.pages[LinkKind.LISTING] += 1
        yield from super().parse_listing(response, page)

    def parse_text(self, response: Response, page: Page, identifier: str) -> Iterator[Any]:
        """Count a text, then read it."""
        self.tally.pages[LinkKind.TEXT] += 1
        yield from super().parse_text(response, page, identifier)

    def read(self, response: Response, page: Page, kind: LinkKind) -> Reading:
        """Read a page and tally what its parser's rules found."""
        reading = super().read(response, page, kind)
        parser = self.source.find_parser(kind, self.captured_at(response))
        self.tally.add_reading(self.source, parser, reading)
        return reading


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShare:
    """On how many pages of a kind a field was found, and survived the pipelines.

    Attributes:
        places: where it was found, the most frequent place first.
        sample: what it is on the first page that has it.
    """

    kind: LinkKind
    field: str
    pages: int
    found: int
    places: tuple[tuple[str, int], ...]
    sample: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a dry run.

    Attributes:
        pages: pages by kind; `linked` are the distinct addresses that they link to.
        posts: how many posts come of them; `refused` are ids and reasons of the articles that get none.
    """

    source: Source
    tally: Tally
    fields: tuple[FieldShare, ...]
    posts: int
    refused: tuple[tuple[str, str], ...]
    sections: tuple[str, ...]


def run_dry(process: CrawlerProcessBase, holding: Holding, source: Source) -> Report:
    """Try a source on all captures of a collection; the network is out of reach afterwards."""
    for name, value in REPARSE_SETTINGS.items():
        process.settings.set(name, value, priority="cmdline")
    place_collection(process.settings, holding.collection.name, priority="cmdline")
    forbid_network()
    tally, pieces = Tally(), list[Any]()
    crawler = process.create_crawler(DryRunSpider)
    crawler.settings.set("ITEM_PIPELINES", COLLECTING_STAGES, priority="cmdline")
    entries = list(holding.iter_entries(source))
    process.crawl(crawler, source=source, entries=entries, collected=pieces, tally=tally)
    process.start()
    return build_report(source, tally, pieces)


def build_report(source: Source, tally: Tally, pieces: Iterable[Post]) -> Report:
    """Return what a tally and the attested parts of posts amount to."""
    parts = list(pieces)
    states: dict[tuple[str, str], Post] = {}
    for part in parts:
        states[part.key] = join(states[part.key], part) if part.key in states else join(part, part)
    posts, refused = [], []
    for state in states.values():
        try:
            posts.append(finish(state, source.post))
        except PostRefused as refusal:
            refused.append((state.identifier, refusal.reason))
    sections: dict[str, None] = reduce(lambda names, post: names | dict.fromkeys(post.articleSection), posts, {})
    return Report(
        source=source,
        tally=tally,
        fields=tuple(_iter_shares(parts)),
        posts=len(posts),
        refused=tuple(refused),
        sections=tuple(sections),
    )


def _iter_shares(parts: list[Post]) -> Iterator[FieldShare]:
    for kind, origin in ORIGINS.items():
        own = [part for part in parts if part.origin is origin]
        for name in SHOWN_FIELDS if own else ():
            having = [part for part in own if name in part.evidence]
            if kind is not LinkKind.ARTICLE and not having:
                continue
            places = Counter(part.evidence[name].place for part in having)
            yield FieldShare(
                kind=kind,
                field=name,
                pages=len(own),
                found=len(having),
                places=tuple(places.most_common()),
                sample=_sample(having[0], name) if having else "",
            )


def _sample(part: Post, name: str) -> str:
    value = getattr(part, name)
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return " ".join("".join(islice(text, 4 * _SAMPLE_CHARS)).split())[:_SAMPLE_CHARS]


def dump_report(report: Report, *, collection: str, warnings: Iterable[str]) -> dict[str, Any]:
    """Return a report as JSON holds it."""
    return {
        "source": report.source.name,
        "collection": collection,
        "pages": {str(kind): count for kind, count in sorted(report.tally.pages.items())},
        "linked": {str(kind): count for kind, count in sorted(report.tally.linked.items())},
        "fields": [
            {
                "kind": share.kind,
                "field": share.field,
                "pages": share.pages,
                "found": share.found,
                "places": dict(share.places),
                "sample": share.sample,
            }
            for share in report.fields
        ],
        "links": [
            {"kind": kind, "pattern": pattern, "addresses": count}
            for (kind, pattern), count in report.tally.matches.items()
        ],
        "posts": report.posts,
        "refused": dict(Counter(reason for _, reason in report.refused)),
        "warnings": list(warnings),
    }
