"""`read`: from the bytes of one capture to its statements and links.

`read` knows no network, no clock, no disk and no other capture. A crawl turns its links into requests and its
statements into items; a reparse, a preview, a test case and the viewer take the same statements from the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from pipelines.discovery.address_shapes import is_front
from pipelines.discovery.canonical import find_canonical
from pipelines.discovery.classification import is_article_page, judge_document
from pipelines.discovery.feeds import read_feed
from pipelines.discovery.link_headers import find_linked
from pipelines.discovery.sitemaps import read_sitemap, sort_children, sort_newest_first
from pipelines.discovery.structure import iter_announced, list_structure
from pipelines.page.addresses import iter_links, join_url
from pipelines.page.classes import IN_PLACE, PageClass
from pipelines.page.classification import classify, classify_other, observe
from pipelines.page.encodings import decode_page
from pipelines.page.page import Page
from pipelines.page.templates import fingerprint
from pipelines.posts.items import Origin, Statement
from pipelines.reading.announcements import state_entry
from pipelines.reading.fields import find_identifier, is_marked_up, read_fields
from pipelines.reading.witnesses import BY_RULE
from pipelines.rules.addresses import is_same_place, normalise_location, respell
from pipelines.rules.links import Link, LinkKind, Reason
from pipelines.rules.requisites import iter_page_requisites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelines.discovery.feeds import Feed, FeedEntry
    from pipelines.discovery.sitemaps import Sitemap, SitemapEntry
    from pipelines.page.document import Document
    from pipelines.rules.model import RequisiteKind, Rules

# Of these kinds is what a rule does not name, or names as what its bytes can prove.
_UNRULED = (LinkKind.OTHER, LinkKind.CATEGORY, LinkKind.FEED, LinkKind.SITEMAP)
# Witnesses of a date that are on pages that are not articles as well.
_WEAK = ("url", "script:", "comment:", "attribute:")
# A body of so many paragraphs is doubled if no larger part of them is its own.
_MOST_PARAGRAPHS, _LEAST_PARAGRAPH, _MOST_OWN = 200, 40, 0.6
# Behind the witness of a field that is in a document which a browser made.
RENDERED = "(rendered)"
_NO_PAGE = re.compile(
    rb"\s*(?:(?:image|video|audio|font)/|text/(?:css|javascript)|application/(?:pdf|zip|(?:x-)?javascript|wasm|font))",
    re.IGNORECASE,
)
# Most links of a page stand on every page of its site.
_REMEMBERED = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one document says.

    Attributes:
        kind: what the document is, by its address or its content.
        page_class: what it holds, by its bytes; only an ARTICLE states anything of an article. None for a share link.
        is_named: a rule of the source matches its address; otherwise its content was classified.
        statements: what it states of articles, as found.
        links: where it leads, each address once, in the order of the document; empty unless asked for.
        requisites: what a browser fetches to show it, for sources that capture that.
        notes: what was left out or could not be read, by name: `listing/no_identifier`, `discovery/refused/damaged`.
    """

    kind: LinkKind
    page_class: PageClass | None = None
    is_named: bool = True
    statements: tuple[Statement, ...] = ()
    links: tuple[Link, ...] = ()
    requisites: tuple[tuple[RequisiteKind, str], ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)


def read(document: Document, rules: Rules, *, with_links: bool = True, as_article: bool = False) -> Reading:
    """Return what a document states and where it leads.

    Args:
        with_links: also list links and requisites; what is stated does not depend on it.
        as_article: take a page for an article even if neither rules nor content say so.

    Raises:
        pipelines.page.limits.PageRefused: it is larger or more work than one page may be.
    """
    return _Reader(document, rules, with_links=with_links).read(as_article=as_article)


@lru_cache(_REMEMBERED)
def _build_ruled(url: str, kind: LinkKind) -> Link:
    return Link(url=url, kind=kind, reason=Reason.RULE)


def _pass_on(statement: Statement) -> Statement:
    """Return what a page says of the article at its own address: that it is another."""
    return Statement(
        source=statement.source,
        identifier=statement.read_at,
        passed_to=statement.identifier,
        origin=Origin.SHARE,
        capture=statement.capture,
        captured_at=statement.captured_at,
    )


def _is_doubled(body: str) -> bool:
    """Return whether a body says most of its paragraphs twice, as a rule makes it that fits two elements."""
    paragraphs = [text for text in body.split("</p>")[:_MOST_PARAGRAPHS] if len(text) >= _LEAST_PARAGRAPH]
    own = {text.rpartition("<p")[2] for text in paragraphs}
    return len(paragraphs) >= 4 and len(own) <= _MOST_OWN * len(paragraphs)


class _Reader:
    """Reads one document."""

    def __init__(self, document: Document, rules: Rules, *, with_links: bool) -> None:
        self._document = document
        self._rules = rules
        self._with_links = with_links
        self._notes: Counter[str] = Counter()

    def read(self, *, as_article: bool) -> Reading:
        document = self._document
        kind, identifier = self._judge()
        if kind in _UNRULED:
            announcing = judge_document(document.body, document.content_type)
            if announcing is not LinkKind.OTHER:
                return self._read_feed() if announcing is LinkKind.FEED else self._read_sitemap()
        if kind is LinkKind.OTHER and _NO_PAGE.match(document.content_type):
            return self._build(kind, PageClass.DOCUMENT, note="pages/not_html")
        if kind is LinkKind.SHARE:
            return self._read_share()
        language = self._rules.post.language
        page = Page(decode_page(document.body, content_type=document.content_type, language=language), document.url)
        if kind in (LinkKind.OTHER, LinkKind.CATEGORY) and page.data is not None:
            kind = LinkKind.LISTING
        return self._read_page(page, kind, identifier, as_article=as_article)

    def _read_page(self, page: Page, kind: LinkKind, identifier: str, *, as_article: bool) -> Reading:
        if kind is LinkKind.LISTING:
            return self._read_listing(page)
        if kind is LinkKind.TEXT:
            return self._read_text(page, identifier)
        if page.is_empty:
            return self._build(kind, PageClass.EMPTY, note="pages/not_html")
        if kind is LinkKind.ARTICLE:
            return self._read_article(page, identifier)
        if as_article or self._is_article_found(page, kind):
            return self._read_found(page)
        page_class = classify_other(page, observe(self._document, page))
        return self._build(kind, page_class, links=self._iter_page_links(page))

    def _judge(self) -> tuple[LinkKind, str]:
        """Return kind and id by the address; a redirect's first address speaks where its last says nothing."""
        for url in (self._document.url, *reversed(self._document.asked)):
            kind, identifier = self._rules.find_kind(url), self._rules.find_identifier(url)
            if kind is not LinkKind.OTHER:
                return kind, identifier
        return LinkKind.OTHER, ""

    def _is_article_found(self, page: Page, kind: LinkKind) -> bool:
        """Return whether a page that no rule names is an article, where the source lets pages speak for themselves."""
        is_unruled = kind in (LinkKind.OTHER, LinkKind.CATEGORY) and self._rules.discovery is not None
        is_unruled = is_unruled and self._rules.links.find_match(page.url)[0] is LinkKind.OTHER
        return is_unruled and is_article_page(page.root, page.url)

    def _build(
        self,
        kind: LinkKind,
        page_class: PageClass | None,
        *,
        statements: tuple[Statement, ...] = (),
        links: Iterator[Link] | tuple[Link, ...] = (),
        note: str = "",
        is_named: bool = True,
        requisites: tuple[tuple[RequisiteKind, str], ...] = (),
    ) -> Reading:
        if note:
            self._notes[note] += 1
        if page_class is not None:
            self._notes[f"captures/{page_class}"] += 1
        unique: dict[str, Link] = {}
        for link in links:
            if link.url not in unique or unique[link.url].kind is LinkKind.OTHER:
                unique[link.url] = link
        return Reading(
            kind=kind,
            page_class=page_class,
            is_named=is_named,
            statements=statements,
            links=tuple(unique.values()),
            requisites=requisites,
            notes=dict(self._notes),
        )

    # Pages.

    def _read_article(self, page: Page, identifier: str) -> Reading:
        rules = self._rules
        identifier = identifier or rules.identify(page.url)
        has_shares = bool(rules.links.patterns.get(LinkKind.SHARE))
        links = list(self._iter_ruled_links(page)) if self._with_links or has_shares else []
        shares = [link.url for link in links if link.kind is LinkKind.SHARE]
        own = next((url for url in shares if rules.find_identifier(url) == identifier), "")
        requisites = self._list_requisites(page)
        statement, page_class = self._state_page(page)
        if page_class in (PageClass.LIST, PageClass.DOCUMENT):
            page_class = PageClass.NOT_FOUND  # a rule says that an article is at this address
        statement.identifier, statement.url, statement.shareLink = identifier, respell(page.url), own
        return self._build(
            LinkKind.ARTICLE,
            page_class,
            statements=(statement,) if page_class is PageClass.ARTICLE else (),
            links=tuple(links) if self._with_links else (),
            requisites=requisites,
        )

    def _read_found(self, page: Page) -> Reading:
        """Read an article that no rule names; its identity is the address that it gives itself.

        Under another address (an AMP page, a print version) it is a witness, and the article is still to be read.
        """
        rules = self._rules
        stated = find_canonical(page.root, page.url, find_linked(self._document.head, "canonical"))
        meant = stated if stated and rules.admits(stated) else normalise_location(page.url)
        is_own = is_same_place(meant, page.url)
        links: list[Link] = [] if is_own else [Link(url=meant, kind=LinkKind.ARTICLE, reason=Reason.CANONICAL)]
        if self._with_links:
            is_seed = bool({page.url, *self._document.asked} & set(rules.seeds))
            links += list_structure(page, rules.admits) if is_seed else iter_announced(page)
        requisites = self._list_requisites(page)
        statement, page_class = self._state_page(page)
        statement.identifier, statement.url = rules.identify(meant), respell(meant)
        statements = [statement]
        if not is_own:
            statement.origin, statement.read_at = Origin.SHARE, rules.identify(normalise_location(page.url))
            statements.append(_pass_on(statement))
        return self._build(
            LinkKind.ARTICLE,
            page_class,
            is_named=False,
            statements=tuple(statements) if page_class is PageClass.ARTICLE else (),
            links=tuple(links) if self._with_links else (),
            requisites=requisites,
        )

    def _state_page(self, page: Page) -> tuple[Statement, PageClass]:
        """Return what a page would state if it is the article that its address promises, and what it is."""
        rules, document = self._rules, self._document
        asked = document.asked[0] if document.asked else page.url
        signs = observe(document, page, is_moved=is_front(page.url) and not is_front(asked))
        template = fingerprint(page)
        statement = read_fields(document, page, LinkKind.ARTICLE, rules)
        statement.template = template
        statement.is_cut = page.data is None and not page.is_ended
        has_said = bool(statement.headline_found or statement.articleBody_found)
        if page.data is not None and not has_said:
            return statement, PageClass.DOCUMENT
        is_dated = bool(statement.datePublished_found) and not statement.witnesses["datePublished"].startswith(_WEAK)
        if document.is_rendered:
            self._notes["captures/rendered"] += 1
            statement.witnesses = {name: f"{place} {RENDERED}" for name, place in statement.witnesses.items()}
        page_class = classify(page, signs, body=statement.articleBody_found, is_dated=is_dated)
        if page_class is PageClass.ARTICLE and not has_said and not is_marked_up(page):
            page_class = PageClass.DOCUMENT
        if page_class is PageClass.ARTICLE and _is_doubled(statement.articleBody_found):
            self._notes["bodies/doubled"] += 1
        claimed = statement.disagreeing.get("articleBody", ())
        if any(text.startswith(BY_RULE) for text in claimed):
            self._notes["bodies/notice"] += 1
        notice = statement.refused.get("articleBody", "")
        if notice in IN_PLACE and page_class is PageClass.ARTICLE:
            page_class = PageClass(notice)  # where the text should be stands what the site says of itself
        if page_class in (PageClass.SHELL, PageClass.EMPTY) and rules.links.patterns.get(LinkKind.TEXT):
            page_class = PageClass.ARTICLE  # its text stands elsewhere
        return statement, page_class

    def _iter_page_links(self, page: Page) -> Iterator[Link]:
        """Yield where a page leads that is not an article: what rules name, then what its structure shows."""
        if not self._with_links:
            return
        yield from self._iter_ruled_links(page)
        if self._rules.discovery is not None:
            next_href = find_linked(self._document.head, "next")
            yield from list_structure(page, self._rules.admits, next_href=next_href)

    def _iter_ruled_links(self, page: Page) -> Iterator[Link]:
        find_kind = self._rules.find_kind
        for url in iter_links(page.root, page.base_url):
            yield _build_ruled(url, find_kind(url))

    def _list_requisites(self, page: Page) -> tuple[tuple[RequisiteKind, str], ...]:
        wanted = self._rules.requisites
        if wanted is None or not self._with_links:
            return ()
        return tuple(found for found in iter_page_requisites(page) if found[0] in wanted.kinds)

    # Other documents.

    def _read_share(self) -> Reading:
        text_url = self._rules.find_text_url(self._document.url)
        links = (Link(url=text_url, kind=LinkKind.TEXT, reason=Reason.RULE),) if text_url else ()
        return self._build(LinkKind.SHARE, None, links=links)

    def _read_listing(self, page: Page) -> Reading:
        """Read JSON whose entries are articles."""
        rules, document = self._rules, self._document
        parser = rules.find_parser(LinkKind.LISTING, document.captured_at)
        if parser is None or parser.records is None:
            return self._build(LinkKind.LISTING, PageClass.DOCUMENT, note="listing/no_parser")
        statements, links = [], []
        for record in parser.iter_records(page):
            url = join_url(document.url, parser.find_text("url", record))
            if url and not rules.admits(url):
                self._notes["listing/out_of_scope"] += 1
                continue
            if url:
                links.append(Link(url=url, kind=LinkKind.ARTICLE, reason=Reason.RULE))
            identifier = find_identifier(record, LinkKind.LISTING, document, rules) or (url and rules.identify(url))
            if not identifier:
                self._notes["listing/no_identifier"] += 1
                continue
            statement = read_fields(document, record, LinkKind.LISTING, rules)
            statement.identifier = identifier
            statement.shareLink = rules.share.url.replace("{id}", identifier)
            statements.append(statement)
        return self._build(LinkKind.LISTING, PageClass.LIST, statements=tuple(statements), links=tuple(links))

    def _read_text(self, page: Page, identifier: str) -> Reading:
        """Read the text that a share link stands for."""
        statement = read_fields(self._document, page, LinkKind.TEXT, self._rules)
        statement.identifier = identifier
        statement.shareLink = self._rules.share.url.replace("{id}", identifier)
        if statement.articleBody_found:
            return self._build(LinkKind.TEXT, PageClass.ARTICLE, statements=(statement,))
        page_class = (
            PageClass.DOCUMENT if page.data is not None else classify_other(page, observe(self._document, page))
        )
        return self._build(LinkKind.TEXT, page_class, statements=(statement,), note="text/not_served")

    def _read_feed(self) -> Reading:
        feed = read_feed(self._document.body, self._document.url, self._document.content_type)
        links = [
            Link(url=entry.url, kind=LinkKind.ARTICLE, reason=Reason.FEED, dated=entry.published or entry.updated)
            for entry in feed.entries
        ]
        if feed.next_url:
            links.append(Link(url=feed.next_url, kind=LinkKind.FEED, reason=Reason.REL_NEXT))
        if feed.archive_url:
            links.append(Link(url=feed.archive_url, kind=LinkKind.FEED, reason=Reason.ARCHIVE))
        self._note_damage(feed)
        statements = tuple(filter(None, map(self._state, feed.entries)))
        return self._build(LinkKind.FEED, PageClass.LIST, statements=statements, links=tuple(links))

    def _note_damage(self, document: Feed | Sitemap) -> None:
        if document.refused:
            self._notes[f"discovery/refused/{document.refused}"] += 1
        if document.mended:
            self._notes[f"discovery/mended/{document.mended}"] += 1

    def _read_sitemap(self) -> Reading:
        """Read a sitemap; its links come newest first."""
        sitemap = read_sitemap(self._document.body, self._document.url, self._document.content_type)
        links = [
            Link(url=child.url, kind=LinkKind.SITEMAP, reason=Reason.SITEMAP, dated=child.modified)
            for child in sort_children(sitemap.children)
        ]
        statements = []
        for entry in sort_newest_first(sitemap.entries):
            if entry.is_news and (statement := self._state(entry)):
                statements.append(statement)
            reason = Reason.NEWS_SITEMAP if entry.is_news else Reason.SITEMAP
            dated = entry.published or entry.modified
            links.append(Link(url=entry.url, kind=LinkKind.ARTICLE, reason=reason, dated=dated))
        self._note_damage(sitemap)
        return self._build(LinkKind.SITEMAP, PageClass.LIST, statements=tuple(statements), links=tuple(links))

    def _state(self, entry: FeedEntry | SitemapEntry) -> Statement | None:
        """Return what one entry states, if it may be of an article of this source."""
        rules = self._rules
        kind = rules.find_kind(entry.url)
        is_unruled = kind is LinkKind.OTHER and rules.discovery is not None
        if not rules.admits(entry.url) or not (kind is LinkKind.ARTICLE or is_unruled):
            return None
        return state_entry(entry, self._document, rules)
