"""A source definition drafted from one page that lists articles.

Which of the page's links lead to articles is guessed from their shapes and then proved: a few are read, and a shape
whose pages are not articles is given up. What leads to more such lists is found the same way. The draft says what each
line rests on; it is a beginning for a person, and good enough for a first crawl.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

from crawler.source_tools.draft_text import Findings, compose, describe_measure
from crawler.source_tools.pages import PageUnreadable
from crawler.source_tools.paging import build_next_pattern, find_next_pages
from crawler.source_tools.selectors import Sample, propose_fields
from crawler.source_tools.shapes import (
    ANYTHING,
    EXTENSION,
    Anchor,
    Cluster,
    build_pattern,
    find_shape,
    find_site,
    group_anchors,
    is_same_site,
    list_anchors,
    match_words,
)
from crawler.source_tools.surveys import survey_site
from crawler.source_tools.zones import guess_zone
from crawler.sources import load_source
from pipelines.discovery.address_shapes import is_paging_key, measure_article
from pipelines.discovery.classification import is_article_page
from pipelines.discovery.structure import list_structure
from pipelines.page.languages import find_language
from pipelines.page.limits import PageRefused
from pipelines.page.page import Page, fold_title
from pipelines.posts.items import Statement
from pipelines.posts.normalise import normalise
from pipelines.posts.options import PostOptions
from pipelines.reading.read import read
from pipelines.rules.addresses import build_identity
from pipelines.rules.links import LinkKind, Scope
from pipelines.rules.model import Discovery, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.source_tools.pages import RawPage
    from pipelines.page.document import Document

_CLUSTERS_TRIED = 5
# Of shapes that only a sitemap names.
_SILENT_TRIED = 2
_NEXT_PATTERNS = 4
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
# What only sorts, filters or draws a list in another way, and a calendar, which has no end.
_NO_SECTION_KEY = re.compile(
    r"sort\w*|order\w*|dir|view|share|lang\w*|print|format|amp|replytocom|utm_\w+|ref|from|q|s|search|year|month|day|date"
    r"|session\w*|sid|return\w*|redirect\w*|url",
    re.IGNORECASE,
)


class NoDraft(ValueError):
    """A page from which no definition can be drafted; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A drafted definition.

    Attributes:
        text: TOML.
        named: how many articles the pages, feeds and sitemaps that were read name.
        missing: those of them that its rules do not find.
    """

    text: str
    named: int
    missing: tuple[str, ...]

    @property
    def measure(self) -> str:
        """How much it finds, in one sentence."""
        return f"{self.named - len(self.missing)} of {self.named} articles found that the site names"


def draft_source(listing: RawPage, fetch: Callable[[str], RawPage] | None) -> Draft:
    """Draft a definition for the site that a listing page belongs to, and measure it.

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
    site = find_site(page.url)
    found = Findings(listing=page)
    if fetch:
        found.survey = survey_site(page, site, fetch)
    anchors = [anchor for anchor in list_anchors(page.root, page.url) if is_same_site(anchor.url, site)]
    _find_articles(found, _group_all(anchors, found), fetch)
    if fetch and not found.samples:
        _look_further(found, anchors, fetch)
    if not found.articles:
        raise NoDraft(f"no links of {listing.url} look like articles of one shape; name a page that lists more of them")
    _find_categories(found, anchors, fetch)
    _widen(found)
    _find_language_and_zone(found)
    found.fields = propose_fields(found.samples, zone=ZoneInfo(found.zone or "UTC"), language=found.language)
    return _measure(found)


def _group_all(anchors: Sequence[Anchor], found: Findings) -> list[Cluster]:
    """Return the clusters of what the page links to and of what feeds and sitemaps list beside it."""
    linked = {anchor.url for anchor in anchors}
    return group_anchors([*anchors, *(anchor for anchor in found.survey.list_anchors() if anchor.url not in linked)])


def _find_articles(found: Findings, clusters: Sequence[Cluster], fetch: Callable[[str], RawPage] | None) -> None:
    """Keep the shapes whose pages are articles; without any page to read, the likeliest shape alone."""
    best = clusters[0].score if clusters else 0.0
    likely = [cluster for cluster in clusters[:_CLUSTERS_TRIED] if cluster.score >= _LEAST_SCORE * best]
    silent = [cluster for cluster in clusters if not any(anchor.text for anchor in cluster.anchors)]
    silent = sorted(silent, key=lambda cluster: -len(cluster.anchors))[:_SILENT_TRIED]
    linked = {anchor.url for anchor in list_anchors(found.listing.root, found.listing.url)}
    for cluster in (*likely, *silent) if fetch else ():
        # The page's own links first: their texts promise headlines, and they are the newest.
        anchors = [anchor for anchor in cluster.anchors if anchor.url in linked] or list(cluster.anchors)
        chosen = dict.fromkeys([anchors[0], anchors[len(anchors) // 2], anchors[-1]])
        samples = [sample for anchor in chosen if fetch and (sample := _read_sample(anchor, fetch))]
        pattern = build_pattern(cluster.urls)
        if samples and pattern:
            found.articles[pattern] = cluster
            found.samples += samples
        else:
            found.refused.add(find_shape(cluster.urls[0]))
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
    if not anchor.text and not is_article_page(page.root, page.url):
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
    """Return whether what looks like a page's text is a list of links."""
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
    never = {found.listing.url, *find_next_pages(found.listing)}
    others = [anchor for url, anchor in known.items() if not found.is_article(url) and url not in never]
    found.lists = [found.listing]
    sections: list[str] = []
    for pattern, urls in _list_sections(others, found.listing.url) if fetch else ():
        chosen = dict.fromkeys([urls[0], urls[len(urls) // 2], urls[-1]])
        pages = [page for url in chosen if fetch and (page := _read_listing(url, fetch))]
        listed = max((_count_articles(page, found) for page in pages), default=0)
        if listed >= _FEWEST_LISTED:
            found.categories[pattern] = listed
            found.lists += pages
            sections += [urlsplit(url).path.rstrip("/").rpartition("/")[2] for url in urls]
    no_next = [url for cluster in found.articles.values() for url in cluster.urls]
    no_next += [page.url for page in found.lists]
    patterns = [
        build_next_pattern(url, never=no_next, sections=dict.fromkeys(sections))
        for page in found.lists
        for url in find_next_pages(page)
    ]
    found.next_pages = [pattern for pattern, _ in Counter(filter(None, patterns)).most_common(_NEXT_PATTERNS)]


def _widen(found: Findings) -> None:
    """Build the patterns of articles again from all addresses of their shape that were seen on any list."""
    seen = [anchor for page in found.lists for anchor in list_anchors(page.root, page.url)]
    for pattern, cluster in list(found.articles.items()):
        shape = find_shape(cluster.urls[0])
        alike = [anchor for anchor in seen if find_shape(anchor.url) == shape]
        known = {anchor.url: anchor for anchor in (*cluster.anchors, *alike)}
        wider = build_pattern(list(known))
        if wider and wider != pattern:
            del found.articles[pattern]
            found.articles[wider] = replace(cluster, anchors=tuple(known.values()))


def _measure(found: Findings) -> Draft:
    """Write the definition, and count how many of the articles that the site names anywhere it finds."""
    text = compose(found)
    source = load_source(text, path="the draft")
    site = find_site(found.listing.url)
    named: dict[str, str] = {}
    for page in found.lists:
        listed = list_structure(page, lambda url: is_same_site(url, site))
        urls = [link.url for link in listed if link.kind is LinkKind.ARTICLE]
        urls += [anchor.url for anchor in list_anchors(page.root, page.url) if found.is_article(anchor.url)]
        named |= {build_identity(url): url for url in urls if find_shape(url) not in found.refused}
    for url in found.survey.articles:
        if found.is_article(url) or (measure_article(url) and find_shape(url) not in found.refused):
            named[build_identity(url)] = url
    kinds = {url: source.find_kind(url) for url in named.values()}
    articles = [url for url, kind in kinds.items() if kind in (LinkKind.ARTICLE, LinkKind.OTHER)]
    missing = [url for url in articles if kinds[url] is LinkKind.OTHER or not source.admits(url)]
    head = describe_measure(len(articles), missing)
    return Draft(text="\n".join([*head, text]), named=len(articles), missing=tuple(missing))


def _read_listing(url: str, fetch: Callable[[str], RawPage]) -> Page | None:
    try:
        raw = fetch(url)
    except PageUnreadable:
        return None
    return Page(raw.decode(), raw.url)


def _count_articles(page: Page, found: Findings) -> int:
    anchors = list_anchors(page.root, page.url)
    return sum(found.is_article(anchor.url) for anchor in anchors)


def _list_sections(anchors: Sequence[Anchor], front: str) -> list[tuple[str, list[str]]]:
    """Return the groups of pages that may list articles, each with the pattern of such pages, the largest first.

    Args:
        front: the page that the draft is made from.
    """
    folders: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    queries: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    hosts: list[str] = []
    for anchor in anchors:
        parts = urlsplit(anchor.url)
        folder, _, last = parts.path.rstrip("/").rpartition("/")
        ending = EXTENSION.search(last)
        if _NO_SECTION.fullmatch(EXTENSION.sub("", last)):
            continue
        if parts.query:
            queries[f"//{parts.netloc}{parts.path}", tuple(dict(parse_qsl(parts.query)))].append(anchor.url)
        elif last:
            folders[parts.netloc, folder, ending[0] if ending else ""].append(anchor.url)
        elif parts.netloc != urlsplit(front).netloc:
            hosts.append(anchor.url)
    sections = [(_match_folder(*key, urls), urls) for key, urls in folders.items()]
    sections += [
        (pattern, urls) for (place, _), urls in queries.items() if (pattern := _match_section_key(place, urls))
    ]
    if hosts:
        sections.append((f"//{match_words(urlsplit(url).netloc for url in hosts)}/?$", hosts))
    return sorted(sections, key=lambda section: -len(section[1]))[:_CATEGORIES_TRIED]


def _match_folder(host: str, folder: str, extension: str, urls: Sequence[str]) -> str:
    """Return the expression for the pages of a folder; at the top of a site it names those that were seen."""
    names = [EXTENSION.sub("", urlsplit(url).path.rstrip("/").rpartition("/")[2]) for url in urls]
    slash = "/?" if any(url.endswith("/") for url in urls) else ""
    name = ANYTHING if folder else match_words(names)
    return f"//{re.escape(host)}{re.escape(folder)}/{name}{re.escape(extension)}{slash}$"


def _match_section_key(place: str, urls: Sequence[str]) -> str:
    """Return the expression for pages of one path whose query differs in one key, the section's; '' for others."""
    queries = [dict(parse_qsl(urlsplit(url).query)) for url in urls]
    varying = [key for key in queries[0] if len({query[key] for query in queries}) > 1]
    if len(varying) != 1 or is_paging_key(varying[0]) or _NO_SECTION_KEY.fullmatch(varying[0]):
        return ""
    pairs = (
        rf"{re.escape(key)}={ANYTHING if key in varying else re.escape(quote(value))}"
        for key, value in queries[0].items()
    )
    return rf"{re.escape(place)}\?{'&'.join(pairs)}$"


def _find_language_and_zone(found: Findings) -> None:
    languages = {
        sample.statement.inLanguage.partition("-")[0].lower(): sample.statement.inLanguage for sample in found.samples
    }
    own = find_language(Page(found.listing.text))
    languages = languages or {own.partition("-")[0].lower(): own}
    found.language = next(iter(languages.values())) if len(languages) == 1 else ""
    found.zone = guess_zone(found.listing.url, found.language or own)
    offsets = {sample.statement.datePublished.utcoffset() for sample in found.samples if sample.statement.datePublished}
    if len(found.survey.offsets) == 1:  # what machines write is not a guess
        offsets = {datetime.strptime(text, "%z").utcoffset() for text in found.survey.offsets}
    offset = offsets.pop() if len(offsets) == 1 else None
    if not found.zone and offset and not offset % timedelta(hours=1):
        # POSIX counts the other way round.
        likely = (guess_zone(found.listing.url, language) for language in languages)
        found.zone = next((zone for zone in likely if zone and _find_offset(zone) == offset), "")
        found.zone = found.zone or f"Etc/GMT{-(offset // timedelta(hours=1)):+d}"


def _find_offset(zone: str) -> timedelta | None:
    return datetime.now(ZoneInfo(zone)).utcoffset()
