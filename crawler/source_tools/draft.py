"""A source definition drafted from one page that lists articles.

Which of the page's links lead to articles is guessed from their shapes and then proved: a few are read, and a shape
whose pages are no articles is given up. What leads to more such lists is found the same way. The draft says what each
line rests on; it is a beginning for a person, and good enough for a first crawl.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from crawler.environment import name_program
from crawler.source_tools.pages import PageUnreadable
from crawler.source_tools.paging import build_next_pattern, find_next_pages
from crawler.source_tools.selectors import Proposal, Sample, propose_fields
from crawler.source_tools.shapes import (
    ANYTHING,
    EXTENSION,
    Anchor,
    Cluster,
    build_pattern,
    find_site,
    group_anchors,
    is_same_site,
    list_anchors,
    match_words,
)
from crawler.source_tools.zones import guess_zone
from pipelines.page.languages import find_language
from pipelines.page.limits import PageRefused
from pipelines.page.page import Page, fold_title
from pipelines.posts.items import Statement
from pipelines.posts.normalise import normalise
from pipelines.posts.options import PostOptions
from pipelines.reading.read import read
from pipelines.rules.links import Scope
from pipelines.rules.model import Discovery, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from crawler.source_tools.pages import RawPage
    from pipelines.page.document import Document

_CLUSTERS_TRIED = 5
_CATEGORIES_TRIED = 6
_SECTIONS_TRIED = 3
_FEWEST_LISTED = 3
_LEAST_SCORE = 0.05
_LEAST_TEXT = 40
_NO_SECTION = re.compile(
    r"about|contact|imprint|impressum|privacy|terms|legal|help|faq|login|signin|register|account|subscribe|newsletter"
    r"|search|jobs|careers|advert\w*|media-?kit|cookies?|app|apps|rss|sitemap|shop|newsletters",
    re.IGNORECASE,
)
_DAY_IN_ID = r"^[A-Za-z]*(\d{8})"


class NoDraft(ValueError):
    """A page from which no definition can be drafted; the sentence says why and what to do."""


@dataclass(slots=True)
class Findings:
    """What a draft is made of.

    Attributes:
        articles: patterns with the links that they were made from.
        samples: articles that were read.
        categories: patterns, each with how many articles one of its pages lists.
        next_pages: patterns.
    """

    listing: Page
    articles: dict[str, Cluster] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    categories: dict[str, int] = field(default_factory=dict)
    next_pages: list[str] = field(default_factory=list)
    fields: list[Proposal] = field(default_factory=list)
    language: str = ""
    zone: str = ""

    @property
    def is_proved(self) -> bool:
        """Tell whether any article was read."""
        return bool(self.samples)

    def is_article(self, url: str) -> bool:
        """Tell whether an address has the shape of an article's."""
        return any(re.search(pattern, url) for pattern in self.articles)


def draft_source(listing: RawPage, fetch: Callable[[str], RawPage] | None) -> str:
    """Return the text of a definition for the site that a listing page belongs to.

    Args:
        listing: its address must be known.
        fetch: reads further pages, or raises `PageUnreadable`; without it nothing is proved.

    Raises:
        NoDraft: the page has no address, or no links that could lead to articles.
    """
    if not listing.url.startswith(("http://", "https://")):
        raise NoDraft("the address of the page is not known; give it with --url")
    page = Page(listing.decode(), listing.url)
    if page.is_empty:
        raise NoDraft(f"{listing.url} holds no HTML; name a page that lists articles")
    found = Findings(listing=page)
    site = find_site(page.url)
    anchors = [anchor for anchor in list_anchors(page.root, page.url) if is_same_site(anchor.url, site)]
    _find_articles(found, group_anchors(anchors), fetch)
    if fetch and not found.samples:
        _look_further(found, anchors, fetch)
    if not found.articles:
        raise NoDraft(f"no links of {listing.url} look like articles of one shape; name a page that lists more of them")
    _find_categories(found, anchors, fetch)
    _find_language_and_zone(found)
    found.fields = propose_fields(found.samples, zone=ZoneInfo(found.zone or "UTC"), language=found.language)
    return "\n".join(_iter_lines(found)) + "\n"


def _find_articles(found: Findings, clusters: Sequence[Cluster], fetch: Callable[[str], RawPage] | None) -> None:
    """Keep the shapes whose pages are articles; without any page to read, the likeliest shape alone."""
    best = clusters[0].score if clusters else 0.0
    likely = [cluster for cluster in clusters[:_CLUSTERS_TRIED] if cluster.score >= _LEAST_SCORE * best]
    for cluster in likely if fetch else ():
        middle = cluster.anchors[len(cluster.anchors) // 2]
        chosen = dict.fromkeys([cluster.anchors[0], middle, cluster.anchors[-1]])
        samples = [sample for anchor in chosen if fetch and (sample := _read_sample(anchor, fetch))]
        pattern = build_pattern(cluster.urls)
        if samples and pattern:
            found.articles[pattern] = cluster
            found.samples += samples
    if not found.articles:
        for cluster in likely:
            if pattern := build_pattern(cluster.urls):
                found.articles[pattern] = cluster
                return


def _look_further(found: Findings, anchors: Sequence[Anchor], fetch: Callable[[str], RawPage]) -> None:
    """Look for articles on the pages that this one links to: a front page may list nothing but sections."""
    guessed = found.articles
    site = find_site(found.listing.url)
    clusters = sorted(group_anchors(anchors), key=lambda cluster: -len(cluster.anchors))
    for cluster in clusters[:_SECTIONS_TRIED]:
        found.articles = {}
        page = _read_listing(cluster.urls[0], fetch)
        if page is None or page.is_empty:
            continue
        inner = [anchor for anchor in list_anchors(page.root, page.url) if is_same_site(anchor.url, site)]
        _find_articles(found, group_anchors(inner), fetch)
        if found.samples:
            return
    found.articles = guessed


def _read_sample(anchor: Anchor, fetch: Callable[[str], RawPage]) -> Sample | None:
    """Return a page if it is an article: it has text, and a date or the headline that the link promised."""
    try:
        raw = fetch(anchor.url)
        page = Page(raw.decode(), raw.url)
        captured_at = raw.captured_at or datetime.now(UTC)
        zone = ZoneInfo(guess_zone(page.url, find_language(page)) or "UTC")
        statement = _state(replace(raw.document, captured_at=captured_at), zone)
    except (PageUnreadable, PageRefused):
        return None
    sample = Sample(page=page, statement=statement, captured_at=captured_at)
    if not statement.headline or len(sample.text) < _LEAST_TEXT:
        return None
    if not statement.datePublished and (not _is_promised(anchor.text, statement.headline) or _is_list(sample)):
        return None
    return sample


def _state(document: Document, zone: ZoneInfo) -> Statement:
    """Return what a page states that is taken for an article, before any rule is known."""
    rules = Rules(name="draft", scope=Scope(prefixes=()), post=PostOptions(zone=zone), discovery=Discovery())
    reading = read(document, rules, with_links=False, as_article=True)
    return normalise(reading.statements[0], rules.post) if reading.statements else Statement()


def _is_list(sample: Sample) -> bool:
    """Tell whether what looks like a page's text is a list of links."""
    anchors = list_anchors(sample.page.root, sample.page.url)
    return sum(len(anchor.text) for anchor in anchors if not anchor.is_framed) > len(sample.text)


def _is_promised(text: str, headline: str) -> bool:
    promised, kept = fold_title(text), fold_title(headline)
    return bool(promised) and (promised[:12] in kept or kept[:12] in promised)


def _find_categories(found: Findings, anchors: Sequence[Anchor], fetch: Callable[[str], RawPage] | None) -> None:
    """Keep the other shapes one of whose pages lists articles, and learn how such pages go on."""
    site = find_site(found.listing.url)
    # An article's page names its section, also where the front page does not.
    named = [anchor for sample in found.samples for anchor in list_anchors(sample.page.root, sample.page.url)]
    known = {anchor.url: anchor for anchor in [*named, *anchors] if is_same_site(anchor.url, site)}
    others = [anchor for url, anchor in known.items() if not found.is_article(url) and url != found.listing.url]
    listings = [found.listing]
    for pattern, urls in _list_sections(others) if fetch else ():
        pages = [page for url in dict.fromkeys([urls[0], urls[-1]]) if fetch and (page := _read_listing(url, fetch))]
        listed = max((_count_articles(page, found) for page in pages), default=0)
        if listed >= _FEWEST_LISTED:
            found.categories[pattern] = listed
            listings += pages
    never = [url for cluster in found.articles.values() for url in cluster.urls]
    never += [page.url for page in listings]
    patterns = [build_next_pattern(url, never=never) for page in listings for url in find_next_pages(page)]
    found.next_pages = [pattern for pattern, _ in Counter(filter(None, patterns)).most_common(2)]


def _read_listing(url: str, fetch: Callable[[str], RawPage]) -> Page | None:
    try:
        raw = fetch(url)
    except PageUnreadable:
        return None
    return Page(raw.decode(), raw.url)


def _count_articles(page: Page, found: Findings) -> int:
    anchors = list_anchors(page.root, page.url)
    return sum(found.is_article(anchor.url) for anchor in anchors)


def _list_sections(anchors: Sequence[Anchor]) -> list[tuple[str, list[str]]]:
    """Return the folders in which pages stand side by side, with the pattern of such pages, the fullest first.

    At the top of a site, where anything may stand, the pattern names those that were seen.
    """
    folders: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for anchor in anchors:
        parts = urlsplit(anchor.url)
        folder, _, last = parts.path.rstrip("/").rpartition("/")
        ending = EXTENSION.search(last)
        if last and not parts.query and not _NO_SECTION.fullmatch(EXTENSION.sub("", last)):
            folders[parts.netloc, folder, ending[0] if ending else ""].append(anchor.url)
    sections = []
    for (host, folder, extension), urls in folders.items():
        names = [EXTENSION.sub("", urlsplit(url).path.rstrip("/").rpartition("/")[2]) for url in urls]
        slash = "/?" if any(url.endswith("/") for url in urls) else ""
        name = ANYTHING if folder else match_words(names)
        sections.append((f"//{re.escape(host)}{re.escape(folder)}/{name}{re.escape(extension)}{slash}$", urls))
    return sorted(sections, key=lambda section: -len(section[1]))[:_CATEGORIES_TRIED]


def _find_language_and_zone(found: Findings) -> None:
    languages = {
        sample.statement.inLanguage.partition("-")[0].lower(): sample.statement.inLanguage for sample in found.samples
    }
    own = find_language(Page(found.listing.text))
    languages = languages or {own.partition("-")[0].lower(): own}
    found.language = next(iter(languages.values())) if len(languages) == 1 else ""
    found.zone = guess_zone(found.listing.url, found.language or own)
    offsets = {sample.statement.datePublished.utcoffset() for sample in found.samples if sample.statement.datePublished}
    offset = offsets.pop() if len(offsets) == 1 else None
    if not found.zone and offset and not offset % timedelta(hours=1):
        # POSIX counts the other way round.
        found.zone = f"Etc/GMT{-(offset // timedelta(hours=1)):+d}"


def _iter_lines(found: Findings) -> Iterator[str]:
    page = Page(found.listing.text)
    url = found.listing.url
    yield f"# Drafted from {url}"
    yield f"# {_describe_proof(found)}; see docs/sources.md"
    yield f"name = {_quote(_build_name(url))}"
    yield f"title = {_quote(page.find_meta('og:site_name') or page.title or find_site(url))}"
    if found.language:
        yield f"language = {_quote(found.language)}"
    guess = (
        "guessed from host, language or offset: check it" if found.zone else "not known: put the publisher's zone here"
    )
    yield f"timezone = {_quote(found.zone or 'UTC')} # {guess}"
    yield f"scope = [{_quote(_build_scope(found))}]"
    yield f"seeds = [{_quote(url)}]"
    yield ""
    yield from _iter_link_lines(found)
    yield from _iter_parser_lines(found)
    if found.is_proved and all(_has_day_in_id(sample, found) for sample in found.samples):
        yield from ("", "[post]", f"day_from_id = {_quote(_DAY_IN_ID)}")


def _describe_proof(found: Findings) -> str:
    if not found.is_proved:
        return "No page of an article could be read, so nothing here is proved"
    check = f"{name_program()} sources check FILE --collection C"
    return f"{len(found.samples)} articles were read to prove it; try it with '{check}'"


def _iter_link_lines(found: Findings) -> Iterator[str]:
    yield "[links]"
    shapes = ", ".join(str(len(cluster.anchors)) for cluster in found.articles.values())
    yield f"article = [{_join(found.articles)}] # {shapes} links of the page"
    if found.categories:
        counts = ", ".join(map(str, found.categories.values()))
        yield f"category = [{_join(found.categories)}] # pages that list {counts} articles"
    if found.next_pages:
        yield f"next = [{_join(found.next_pages)}]"
    for element in found.listing.root.iter("link"):
        kind = (element.get("type") or "").lower()
        if "alternate" in (element.get("rel") or "").lower() and ("rss" in kind or "atom" in kind or "feed" in kind):
            yield f"# announced as a feed: {' '.join((element.get('href') or '').split())}"


def _iter_parser_lines(found: Findings) -> Iterator[str]:
    written = [proposal for proposal in found.fields if proposal.expression]
    yield ""
    for proposal in found.fields:
        if not proposal.expression and proposal.places:
            yield f"# {proposal.field} needs no rule: {' '.join(', '.join(proposal.places).split())}"
    if not written:
        return
    yield from (
        "[[parser]]",
        'of = "article"',
        "[parser.fields] # what they leave empty is read from the page's own words",
    )
    for proposal in written:
        yield f"{proposal.field} = {_quote(proposal.expression)}"


def _build_name(url: str) -> str:
    site = find_site(url)
    first = site.partition(".")[0]
    name = first if not first.isdigit() else site
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:64].strip("-") or "site"


def _build_scope(found: Findings) -> str:
    urls = [found.listing.url, *(url for cluster in found.articles.values() for url in cluster.urls)]
    hosts = {urlsplit(url).netloc for url in urls}
    return f"//{hosts.pop()}/" if len(hosts) == 1 else f"//.{find_site(found.listing.url)}/"


def _has_day_in_id(sample: Sample, found: Findings) -> bool:
    for pattern in found.articles:
        match = re.search(pattern, sample.page.url)
        name = (match.groupdict().get("id") or "") if match else ""
        day = re.search(_DAY_IN_ID, name)
        if day and sample.statement.datePublished:
            return day[1] == f"{sample.statement.datePublished:%Y%m%d}"
    return False


def _join(texts: Iterable[str]) -> str:
    return ", ".join(map(_quote, texts))


def _quote(text: str) -> str:
    """Return a TOML string: literal where it holds backslashes, so that a pattern reads as it is meant."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
