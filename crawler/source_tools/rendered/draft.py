"""A source definition drafted from the requests that a page's scripts make, so that a crawl needs no browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from archives.captures.revisits import read_resolved
from archives.index.catalogue import CollectionIndex
from crawler.fetching.archived import FLAG_RENDERED
from crawler.reparsing.documents import is_made
from crawler.source_tools.draft import Draft, NoDraft
from crawler.source_tools.draft_text import build_name, match_file, quote_toml
from crawler.source_tools.pages import PageUnreadable, build_page
from crawler.source_tools.recorder import RecordSpider, record_page
from crawler.source_tools.rendered.listings import find_listing
from crawler.source_tools.rendered.texts import find_text_api
from crawler.source_tools.shapes import build_pattern, find_site, list_anchors
from crawler.source_tools.zones import guess_zone
from crawler.sources import load_source
from pipelines.page.classes import PageClass
from pipelines.page.languages import find_language
from pipelines.page.limits import PageRefused
from pipelines.page.page import Page
from pipelines.reading.read import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from scrapy.crawler import CrawlerProcessBase
    from scrapy.http import Response

    from archives.storage.collection import Collection
    from crawler.source_tools.pages import RawPage
    from crawler.source_tools.rendered.listings import JsonListing
    from crawler.source_tools.rendered.texts import TextApi
    from crawler.sources import Source

_SOURCE: Final = """\
name = "recorded"
timezone = "UTC"
scope = ["//.{site}/"]
seeds = []
[render]
when = "always"
scroll = 1
"""
_MOST_ARTICLES: Final = 2
# More than were recorded, so that at least one address is made from an id.
_TRIED: Final = _MOST_ARTICLES + 1
_MOST_BYTES: Final = 16 * 1024 * 1024
_RENDER: Final = ("", "[render] # an article is empty without its scripts", 'when = "shell"')


class ArticleRecorder(RecordSpider):
    """Also asks for two pages to which its seed links, those with the longest link texts: they are articles."""

    name = "record_articles"

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Any]:  # noqa: ARG002 (Scrapy's signature)
        """Yield requests for articles, where a browser has shown the links."""
        if FLAG_RENDERED in response.flags and response.url in self.seeds:
            anchors = list_anchors(Page(response.text, response.url).root, response.url)
            anchors.sort(key=lambda anchor: (anchor.is_framed, -len(anchor.text)))
            yield from (self.build_request(anchor.url) for anchor in anchors[:_MOST_ARTICLES])


def draft_rendered(process: CrawlerProcessBase, url: str, *, data_dir: Path, fetch: Callable[[str], RawPage]) -> Draft:
    """Open a page in the browser, and draft a definition from the JSON that it fetched.

    Args:
        data_dir: what is captured goes there.
        fetch: asks for a page without a browser, or raises `PageUnreadable`.

    Raises:
        NoDraft: the page could not be rendered, or none of its requests lists the articles that it shows.
    """
    source = load_source(_SOURCE.format(site=find_site(url)), path=url)
    held, _ = record_page(process, url, source=source, data_dir=data_dir, spider=ArticleRecorder)
    pages, documents = _read_recorded(held)
    page = pages[0] if pages else None
    if page is None or page.is_empty:
        raise NoDraft(f"{url} was not rendered; see the messages above, or draft it without --render")
    listing = find_listing(documents, page)
    pattern = build_pattern(listing.articles) if listing else None
    if listing is None or pattern is None:
        raise NoDraft(
            f"none of the {len(documents)} JSON responses that {url} asked for lists the articles that it shows;"
            " name a page that lists more of them, or draft it without --render"
        )
    for article in pages[1:]:
        api = find_text_api(documents, listing, article)
        if api and (draft := _prove_texts(page, listing, api, fetch)):
            return draft
    return _prove(page, listing, pattern, fetch)


def _read_recorded(held: Collection) -> tuple[list[Page], list[tuple[str, Any]]]:
    """Return the rendered pages, the earliest first, and the JSON responses."""
    pages: list[tuple[datetime, Page]] = []
    documents: list[tuple[str, Any]] = []
    with CollectionIndex(held) as index:
        for entry in index.iter_entries():
            if not is_made(entry) and (entry.status != 200 or "html" in entry.mime or not entry.url.startswith("http")):
                continue
            raw = build_page(held, read_resolved(index, entry), max_bytes=_MOST_BYTES)
            if is_made(entry):
                pages.append((entry.captured_at, Page(raw.decode(), raw.url)))
            elif "json" in entry.mime or entry.mime == "text/plain":
                documents.append((raw.url, Page(raw.decode(), raw.url).data))
    return [page for _, page in sorted(pages, key=lambda made: made[0])], documents


def _prove_texts(page: Page, listing: JsonListing, api: TextApi, fetch: Callable[[str], RawPage]) -> Draft | None:
    """Return a draft that reads each article from its JSON response, unless that needs a browser."""
    lines = list(_iter_text_lines(page, listing, api))
    source = load_source("\n".join(lines), path="the draft")
    try:
        listed = read(fetch(listing.url).document, source).statements
        links = {statement.shareLink: source.find_text_url(statement.shareLink) for statement in listed}
        texts = [read(fetch(url).document, source) for url in list(links.values())[:_TRIED]]
    except (PageUnreadable, PageRefused):
        return None
    if not texts or any(text.page_class is not PageClass.ARTICLE for text in texts):
        return None
    missing = tuple(url for url in listing.articles if url not in links)
    return Draft(text="\n".join(lines) + "\n", named=len(listing.articles), missing=missing)


def _prove(page: Page, listing: JsonListing, pattern: str, fetch: Callable[[str], RawPage]) -> Draft:
    """Read the listing by the draft without a browser, and see which of its articles it leads to."""
    lines = list(_iter_lines(page, listing, pattern))
    source = load_source("\n".join(lines), path="the draft")
    try:
        reading = read(fetch(listing.url).document, source)
    except (PageUnreadable, PageRefused) as refusal:
        raise NoDraft(f"{listing.url} lists the articles, but not without a browser: {refusal}") from refusal
    found = {link.url for link in reading.links}
    missing = tuple(url for url in listing.articles if url not in found)
    if len(missing) == len(listing.articles):
        raise NoDraft(f"{listing.url} lists the articles in the browser, but not if it is asked for by GET")
    if _is_shell(next(url for url in listing.articles if url in found), source, fetch):
        lines += _RENDER
    return Draft(text="\n".join(lines) + "\n", named=len(listing.articles), missing=missing)


def _is_shell(url: str, source: Source, fetch: Callable[[str], RawPage]) -> bool:
    try:
        reading = read(fetch(url).document, source, with_links=False, as_article=True)
    except (PageUnreadable, PageRefused):
        return False
    return reading.page_class in (PageClass.SHELL, PageClass.EMPTY)


def _iter_lines(page: Page, listing: JsonListing, pattern: str) -> Iterator[str]:
    yield from _iter_head_lines(page, listing)
    yield from ("", "[links]")
    yield f"article = [{quote_toml(pattern)}] # {len(listing.articles)} links of the page to these articles"
    yield f"listing = [{quote_toml(match_file(listing.url))}]"
    yield from _iter_parser_lines("listing", listing.fields, records=listing.records)


def _iter_text_lines(page: Page, listing: JsonListing, api: TextApi) -> Iterator[str]:
    yield from _iter_head_lines(page, listing, api.text_url)
    yield from ("", "[links] # a page is empty without its scripts; its text is in a JSON response")
    yield f"share = [{quote_toml(_match_frame(api.page_url))}]"
    yield f"text = [{quote_toml(_match_frame(api.text_url))}]"
    yield f"listing = [{quote_toml(match_file(listing.url))}]"
    yield from ("", "[share]", f"url = {quote_toml(api.page_url)}", f"text_url = {quote_toml(api.text_url)}")
    listed = {name: value for name, value in listing.fields.items() if name != "url"}
    yield from _iter_parser_lines("listing", {"identifier": api.identifier, **listed}, records=listing.records)
    yield from _iter_parser_lines("text", api.fields)
    yield from ("", "[post]", 'footer = "<{shareLink}>"')


def _match_frame(url: str) -> str:
    """Return the expression for addresses that differ in `{id}`."""
    before, _, after = url.partition("//")[2].partition("{id}")
    return f"//{re.escape(before)}(?P<id>[^/?&#]+){re.escape(after)}$"


def _iter_parser_lines(kind: str, fields: Mapping[str, str], *, records: str = "") -> Iterator[str]:
    yield from ("", "[[parser]]", f"of = {quote_toml(kind)}")
    if records:
        yield f"records = {quote_toml(records)}"
    yield f"[parser.fields] # JMESPath{', within an entry' if records else ''}"
    for name, expression in fields.items():
        yield f"{name} = {quote_toml(expression)}"


def _iter_head_lines(page: Page, listing: JsonListing, text_url: str = "") -> Iterator[str]:
    language = find_language(page)
    zone = guess_zone(page.url, language)
    urls = (page.url, listing.url, *listing.articles, *([text_url] if text_url else []))
    hosts = dict.fromkeys(urlsplit(url).netloc for url in urls)
    yield f"# Drafted from {page.url} as a browser shows it; see docs/sources.md"
    yield f"# Its scripts asked for {listing.url},"
    yield f"# which lists {listing.entries} articles; the page shows {listing.shown} of their headlines."
    yield f"name = {quote_toml(build_name(page.url))}"
    yield f"title = {quote_toml(page.find_meta('og:site_name') or page.title or find_site(page.url))}"
    if language:
        yield f"language = {quote_toml(language)} # as the page says or shows"
    guess = "guessed from host or language: check it" if zone else "not known: put the publisher's zone here"
    yield f"timezone = {quote_toml(zone or 'UTC')} # {guess}"
    yield f"scope = [{', '.join(quote_toml(f'//{host}/') for host in hosts)}]"
    yield f"seeds = [{quote_toml(listing.url)}]"
