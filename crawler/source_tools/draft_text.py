"""A drafted definition as TOML, with comments that explain each rule."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawler.environment import name_program
from crawler.source_tools.shapes import find_site, is_same_site
from crawler.source_tools.surveys import Survey
from pipelines.page.page import Page
from pipelines.rules.model import RequisiteKind
from pipelines.rules.requisites import iter_page_requisites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from crawler.source_tools.selectors import Proposal, Sample
    from crawler.source_tools.shapes import Cluster

_DAY_IN_ID = r"^[A-Za-z]*(\d{8})"
_SHOWN = 3
_MOST_PATTERNS = 8


@dataclass(slots=True)
class Findings:
    """What a draft is made of.

    Attributes:
        articles: patterns with the links that they were made from.
        refused: shapes of links whose pages are not articles.
        lists: pages that list articles, the first one first.
        samples: articles that were read.
        categories: patterns, each with how many articles one of its pages lists.
        next_pages: patterns.
    """

    listing: Page
    survey: Survey = field(default_factory=Survey)
    articles: dict[str, Cluster] = field(default_factory=dict)
    refused: set[tuple[str, ...]] = field(default_factory=set)
    lists: list[Page] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    categories: dict[str, int] = field(default_factory=dict)
    next_pages: list[str] = field(default_factory=list)
    fields: list[Proposal] = field(default_factory=list)
    language: str = ""
    zone: str = ""

    @property
    def is_proved(self) -> bool:
        """Return whether any article was read."""
        return bool(self.samples)

    def is_article(self, url: str) -> bool:
        """Return whether an address has the shape of an article's."""
        return any(re.search(pattern, url) for pattern in self.articles)


def compose(found: Findings) -> str:
    """Return the definition as TOML; a comment says what each rule rests on."""
    return "\n".join(_iter_lines(found)) + "\n"


def describe_measure(named: int, missing: Sequence[str]) -> Iterator[str]:
    """Yield the comments that say how much the definition finds."""
    yield f"# {named - len(missing)} of {named} articles that its pages, feeds and sitemaps name are found"
    if missing:
        yield f"# not found, for instance: {' '.join(missing[:_SHOWN])}"


def _iter_lines(found: Findings) -> Iterator[str]:
    page = Page(found.listing.text)
    url = found.listing.url
    yield f"# Drafted from {url}"
    yield f"# {_describe_proof(found)}; see docs/sources.md"
    yield f"name = {quote_toml(build_name(url))}"
    yield f"title = {quote_toml(page.find_meta('og:site_name') or page.title or find_site(url))}"
    if found.language:
        yield f"language = {quote_toml(found.language)} # as its pages say or show"
    guess = (
        "guessed from host, language or offset: check it" if found.zone else "not known: put the publisher's zone here"
    )
    yield f"timezone = {quote_toml(found.zone or 'UTC')} # {guess}"
    yield "# Nothing else is fetched:"
    yield f"scope = [{quote_toml(_build_scope(found))}]"
    yield from _iter_seed_lines(found)
    yield ""
    yield from _iter_link_lines(found)
    yield from _iter_parser_lines(found)
    yield from _iter_discovery_lines(found)
    if found.is_proved and all(_has_day_in_id(sample, found) for sample in found.samples):
        yield from ("", "[post]", f"day_from_id = {quote_toml(_DAY_IN_ID)} # an article's id begins with its day")


def _iter_seed_lines(found: Findings) -> Iterator[str]:
    survey = found.survey
    yield "seeds = ["
    yield f"    {quote_toml(found.listing.url)}, # the page that this was drafted from"
    for url, count in survey.feeds.items():
        yield f"    {quote_toml(url)}, # a feed that it announces, with {count} entries"
    where = f"named by {survey.named_by}" if survey.named_by else "found where sitemaps mostly lie"
    for url, count in survey.sitemaps.items():
        yield f"    {quote_toml(url)}, # a sitemap, {where}; {count} addresses were read"
    yield "]"
    if survey.unread:
        yield f"# {survey.unread} older sitemaps were not read for this draft; a crawl reads them, the newest first"


def _describe_proof(found: Findings) -> str:
    if not found.is_proved:
        return "No page of an article could be read, so nothing here is proved"
    check = f"{name_program()} sources check FILE --collection C"
    return f"{len(found.samples)} articles were read to prove it; try it with '{check}'"


def _iter_link_lines(found: Findings) -> Iterator[str]:
    yield "[links]"
    yield "article = ["
    for pattern, cluster in found.articles.items():
        how = "id" if "(?P<id>" in pattern else "address"
        yield f"    {quote_toml(pattern)}, # {len(cluster.anchors)} links; an article is known by its {how}"
    yield "]"
    if found.categories:
        yield "category = ["
        for pattern, count in found.categories.items():
            yield f"    {quote_toml(pattern)}, # one of these pages lists {count} articles"
        yield "]"
    if found.next_pages:
        yield "next = ["
        for pattern in found.next_pages:
            yield f"    {quote_toml(pattern)}, # how such a list continues"
        yield "]"
    survey = found.survey
    if survey.feeds:
        yield f"feed = [{_join(dict.fromkeys(map(match_file, survey.feeds)))}] # RSS, Atom or JSON Feed"
    if survey.sitemaps:
        patterns = dict.fromkeys(match_file(url) for url in (*survey.sitemaps, *survey.children))
        if len(patterns) > _MOST_PATTERNS:
            hosts = sorted({urlsplit(url).netloc for url in (*survey.sitemaps, *survey.children)})
            patterns = dict.fromkeys(rf"//{re.escape(host)}/[^?#]*\.xml(?:\.gz)?(?:[?#]|$)" for host in hosts)
        yield f"sitemap = [{_join(patterns)}] # and those that an index names"


def match_file(url: str) -> str:
    """Return the expression for a feed or sitemap, whatever number or date its name holds."""
    parts = urlsplit(url)
    path = re.escape(url.partition(f"//{parts.netloc}")[2])
    return f"//{re.escape(parts.netloc)}{re.sub(r'[0-9]+', lambda _: r'[0-9]+', path)}$".replace("[0-9]", r"\d")


def _iter_discovery_lines(found: Findings) -> Iterator[str]:
    yield from (
        "",
        "[discovery] # 'scrapy crawl site' may search for what no rule names; articles are known by address",
    )
    if not found.zone:
        yield "zone_is_guess = true # times without an offset are not believed; leave it out once timezone is right"
    yield from ("", "[requisites]", 'kinds = ["style"] # so that an archived page looks like the page')
    if foreign := _list_style_hosts(found):
        yield f"scope = [{_join(foreign)}] # where style sheets of its pages stand"


def _list_style_hosts(found: Findings) -> list[str]:
    """Return the prefixes of other hosts that the pages read have their style sheets from."""
    site = find_site(found.listing.url)
    pages = [found.listing, *(sample.page for sample in found.samples)]
    urls = [url for page in pages for kind, url in iter_page_requisites(page) if kind is RequisiteKind.STYLE]
    hosts = dict.fromkeys(urlsplit(url).netloc for url in urls if not is_same_site(url, site))
    return [f"//{host}/" for host in hosts if "@" not in host][:_MOST_PATTERNS]


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
        yield f"{proposal.field} = {quote_toml(proposal.expression)}"


def build_name(url: str) -> str:
    """Return a source's name for a site."""
    site = find_site(url)
    first = site.partition(".")[0]
    name = first if not first.isdigit() else site
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:64].strip("-") or "site"


def _build_scope(found: Findings) -> str:
    urls = [page.url for page in (found.listing, *found.lists)]
    urls += [url for cluster in found.articles.values() for url in cluster.urls]
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
    return ", ".join(map(quote_toml, texts))


def quote_toml(text: str) -> str:
    """Return a TOML string: literal where it holds backslashes, so that a pattern reads as it is meant."""
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
