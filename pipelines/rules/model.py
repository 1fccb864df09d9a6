"""The part of a source definition that concerns reading: link patterns, parsers, post options."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pipelines.posts.options import PostOptions
from pipelines.rules.addresses import build_identity, respell
from pipelines.rules.expressions import iter_records
from pipelines.rules.links import LinkKind, LinkRules, Scope, unwrap_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelines.page.page import Page
    from pipelines.rules.expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRule:
    """Addresses that an article's id leads to; each holds `{id}`.

    Attributes:
        url: the share link, for articles known only by their id.
        text_url: what really holds the text behind a share link.
        article_url: the article's page, asked for when the text came without a headline; may also hold `{category}`,
            `{year}`, `{month}` and `{day}`.
    """

    url: str = ""
    text_url: str = ""
    article_url: str = ""


class Reader(Protocol):
    """Python that reads pages where expressions are not enough; a parser names it with its key `class`."""

    def find_fields(self, page: Page) -> Mapping[str, Iterable[str]]:
        """Return the texts found for each field, as found; what is not found is left out or empty.

        Nothing but the page may decide: a reparse years later must find the same.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """How one kind of page is read, up to a day.

    Attributes:
        of: kind of page.
        valid_until: last day, in the source's zone, on which captures look like this; None means still.
        records: for listings, what finds the entries.
        fields: post field to the expressions that find it, tried in order.
        fallback: an article's fields for which neither finds anything are read from the page's own words.
        reader: Python that is asked before the expressions; `reader_name` is what the definition calls it.
    """

    of: LinkKind
    valid_until: date | None = None
    records: Expression | None = None
    fields: Mapping[str, tuple[Expression, ...]] = field(default_factory=dict)
    fallback: bool = True
    reader: Reader | None = None
    reader_name: str = ""

    def iter_found(self, page: Page) -> Iterator[tuple[str, list[str], str]]:
        """Yield name, texts and place of each field that the rules find on a page; a name comes once."""
        stated = self.reader.find_fields(page) if self.reader else {}
        of_reader = {
            name: [text for text in ([texts] if isinstance(texts, str) else texts) if text.strip()]
            for name, texts in stated.items()
        }
        for name, texts in of_reader.items():
            if texts:
                yield name, texts, self.reader_name
        for name, expressions in self.fields.items():
            if of_reader.get(name):
                continue
            for expression in expressions:
                found = expression.find_all(page)
                if found:
                    yield name, found, expression.text
                    break

    def find_text(self, name: str, page: Page) -> str:
        """Return the first text that the expressions of a field find on a page, or ''."""
        found = (expression.find_all(page) for expression in self.fields.get(name, ()))
        return next(filter(None, found), [""])[0]

    def iter_records(self, page: Page) -> Iterator[Page]:
        """Yield the entries of a listing."""
        if self.records is not None:
            yield from iter_records(self.records, page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """How far a site is searched for what no rule names, and what is known of it.

    Attributes:
        depth: hops from the seeds after which no further list is opened.
        max_pages: pages of one host that a run asks for.
        since: articles dated before this day are not requested; None asks for all.
        is_zone_guessed: the source's time zone is a guess, so times without an offset are ignored.
    """

    depth: int = 4
    max_pages: int = 1_000
    since: date | None = None
    is_zone_guessed: bool = False


class RequisiteKind(StrEnum):
    """What a browser fetches in order to show a page."""

    IMAGE = "image"
    STYLE = "style"
    SCRIPT = "script"
    FONT = "font"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requisites:
    """What is captured beside article pages, so that a replayed page looks like the page.

    Attributes:
        scope: where they may be fetched from beside the source's own scope.
        max_bytes: a longer one is cut.
        max_per_page: of one page, or of one style sheet.
    """

    kinds: frozenset[RequisiteKind]
    scope: Scope
    max_bytes: int = 5_000_000
    max_per_page: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides, beside the bytes of a capture, what its page states.

    Attributes:
        name: of the source.
        seeds: pages that a crawl starts from; one without a link pattern lists articles.
        discovery: None if only what the rules name is read.
        requisites: None if only pages are captured.
    """

    name: str
    scope: Scope
    seeds: tuple[str, ...] = ()
    links: LinkRules = field(default_factory=LinkRules)
    share: ShareRule = field(default_factory=ShareRule)
    parsers: tuple[Parser, ...] = ()
    post: PostOptions = field(default_factory=PostOptions)
    discovery: Discovery | None = None
    requisites: Requisites | None = None

    def find_kind(self, url: str) -> LinkKind:
        """Return what `url` leads to; a seed without its own rule lists articles."""
        kind, _ = self.links.find_match(url)
        return LinkKind.CATEGORY if kind is LinkKind.OTHER and url in self.seeds else kind

    def find_identifier(self, url: str) -> str:
        """Return the publisher's id that `url` names, or ''."""
        return self.links.find_match(url)[1]

    def identify(self, url: str) -> str:
        """Return what an article is known by whose address is `url`: the id in it, or the address itself."""
        return self.find_identifier(url) or (build_identity(url) if self.discovery is not None else respell(url))

    @property
    def known_zone(self) -> tzinfo | None:
        """The zone that times without an offset are meant in, or None if it is a guess."""
        return None if self.discovery is not None and self.discovery.is_zone_guessed else self.post.zone

    def find_parser(self, kind: LinkKind, captured_at: datetime | None) -> Parser | None:
        """Return the parser for captures of a kind made at an instant: of those still valid, the first to end.

        Args:
            captured_at: None asks for the parser that has no end.
        """
        day = captured_at.astimezone(self.post.zone).date() if captured_at else date.max
        valid = [p for p in self.parsers if p.of is kind and (p.valid_until is None or p.valid_until >= day)]
        return min(valid, key=lambda p: p.valid_until or date.max, default=None)

    def find_text_url(self, share_url: str) -> str:
        """Return the address that really holds the text of a share link, or ''."""
        return unwrap_share(self.links, self.share.text_url, share_url)

    def admits(self, url: str) -> bool:
        """Return whether a run may fetch `url`."""
        return self.scope.admits(url) or url in self.seeds
