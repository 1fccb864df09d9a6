"""Lists the places of a page that state the headline, the date, the author or the text of its article.

They are read while the tree of the page is whole. What is chosen is weighed against them in `headlines`, `dates`,
`agreement` and `notices`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from pipelines.discovery.address_shapes import is_front
from pipelines.page.jsonld import is_article, list_texts
from pipelines.page.page import fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.page.page import Page
    from pipelines.posts.items import Statement

BY_RULE: Final = "source: "
"""Prefix of the witness of a field that a rule found."""

_SITE_METAS = ("og:site_name", "application-name", "site_name", "apple-mobile-web-app-title")
_TITLE_METAS = ("og:title", "twitter:title")
_ADDRESS_KEYS = ("url", "mainEntityOfPage", "@id")
_AUTHOR_METAS = ("author", "article:author", "byl", "parsely-author")
_CHANGE_METAS = ("article:modified_time", "datemodified", "og:updated_time")
_SEPARATOR = re.compile(r"\s+[-–—|·•»:]\s+|\s*[|｜_]\s*")
_BAR = re.compile(r"[|｜]")
_MASTHEAD = re.compile(
    r"(?:^|[^a-z])(?:logo|masthead|brand|branding|site-?(?:name|title)|sitename|blog-?title)(?:$|[^a-z])", re.I
)
_AROUND_PATH = re.compile(r"^(?:\w+:)?//[^/]*|[?#].*$", re.DOTALL)
LEAST_LETTERS = 4
_MOST_HEADINGS, _MOST_TIMES = 6, 8
_MOST_OTHERS = 3
_MOST_CHARS = 120
# Each of a page's few titles is compared with all the others.
fold = lru_cache(128)(fold_title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading of the first level; `is_masthead` where it links to the front page or is classed as the site's name."""

    text: str
    is_masthead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What a page says of headline and date, beside what is chosen.

    Attributes:
        headings: those of the first level, as they stand.
        repeated: the heading that `title` or `og:title` repeats word by word, if one does.
        of_others: headlines in JSON-LD of articles at other addresses, folded.
        title: parts of the `title` element; `stated` are titles in `meta`, `sites` names of the site there.
        header_times: values of `time` elements that are above the article, beside the name of the site.
        own_times: values of the others.
        authors: place and names of each that states who wrote the article; `bodies` are texts of it in JSON-LD.
        description: what `meta` says of the article.
        changed: dates of its last change, as JSON-LD and `meta` state them.
    """

    url: str
    headings: tuple[Heading, ...]
    repeated: str
    of_others: frozenset[str]
    title: tuple[str, ...]
    stated: tuple[str, ...]
    sites: frozenset[str]
    header_times: tuple[str, ...]
    own_times: tuple[str, ...]
    authors: tuple[tuple[str, tuple[str, ...]], ...]
    bodies: tuple[str, ...]
    description: str
    changed: tuple[str, ...]


def list_witnesses(page: Page) -> Witnesses:
    """Return the witnesses of a page whose tree is whole."""
    elements = page.marked["h1"][:_MOST_HEADINGS]
    headings = tuple(
        Heading(text=text, is_masthead=_is_masthead(one, text, page)) for one in elements if (text := read_text(one))
    )
    own = next((one for one, heading in zip(elements, headings, strict=False) if not heading.is_masthead), None)
    above: list[str] = []
    below: list[str] = []
    for element in page.marked["time"][:_MOST_TIMES]:
        value = (element.get("datetime") or read_text(element)).strip()
        (above if own is not None and _stands_in_header(element, own) else below).append(value)
    title = tuple(part for part in _SEPARATOR.split(page.title) if part)
    stated = tuple(text for name in _TITLE_METAS if (text := page.find_meta(name)))
    return Witnesses(
        url=page.url,
        headings=headings,
        repeated=_find_repeated(page, headings, list_names(title, stated), stated),
        of_others=frozenset(_iter_others(page)),
        title=title,
        stated=stated,
        sites=frozenset(fold(text) for name in _SITE_METAS if (text := page.find_meta(name))),
        header_times=tuple(filter(None, above)),
        own_times=tuple(filter(None, below)),
        authors=tuple(_iter_authors(page)),
        bodies=tuple(text for node in page.nodes if "articleBody" in node for text in list_texts(node["articleBody"])),
        description=page.find_meta("description", "og:description"),
        changed=tuple(_iter_changes(page)),
    )


def list_names(title: tuple[str, ...], stated: tuple[str, ...]) -> frozenset[str]:
    """Return what a page's head calls the article, folded; of the `title` that is the longest part."""
    longest = max(map(fold, title), key=len, default="")
    return frozenset(name for name in (longest, *map(fold, stated)) if len(name) >= LEAST_LETTERS)


def _find_repeated(page: Page, headings: tuple[Heading, ...], names: frozenset[str], stated: tuple[str, ...]) -> str:
    first = (heading.text for heading in headings if not heading.is_masthead)
    second = (read_text(element) for element in page.marked["h2"][:_MOST_HEADINGS])
    # What dashes part before a bar is one headline, of which a lesser heading may be but a part.
    parts = {*map(fold, stated), *map(fold, _BAR.split(page.title))}
    lesser = names & parts if _BAR.search(page.title) else names
    repeated = (text for texts, known in ((first, names), (second, lesser)) for text in texts if fold(text) in known)
    return next(repeated, "")


def _iter_others(page: Page) -> Iterator[str]:
    own = urlsplit(page.url).path.strip("/")
    for node in page.nodes:
        if "headline" in node and is_article(node):
            named = [value.get("@id") if isinstance(value := node.get(key), dict) else value for key in _ADDRESS_KEYS]
            paths = [_AROUND_PATH.sub("", text).strip("/") for text in named if isinstance(text, str) and "/" in text]
            if any(paths) and not any(path and (path in own or own in path) for path in paths):
                yield from map(fold, list_texts(node["headline"]))


def _iter_authors(page: Page) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in page.nodes:
        names = list_texts(node["author"], page.nodes) if "author" in node and is_article(node) else []
        if names:
            yield "jsonld:author", tuple(names)
    for name in _AUTHOR_METAS:
        text = page.find_meta(name)
        if text and "://" not in text:
            yield f"meta:{name}", (text,)


def _iter_changes(page: Page) -> Iterator[str]:
    for node in page.nodes:
        if "dateModified" in node and is_article(node):
            yield from list_texts(node["dateModified"])
    text = page.find_meta(*_CHANGE_METAS)
    if text:
        yield text


def note_other(statement: Statement, name: str, text: str) -> None:
    """Note `place: value` of a witness that says something else than the chosen one."""
    others = statement.disagreeing.setdefault(name, [])
    if len(others) < _MOST_OTHERS:
        others.append(text[:_MOST_CHARS])


def _is_masthead(element: Any, text: str, page: Page) -> bool:
    links = chain(element.iter("a"), islice(element.iterancestors("a"), 1))
    link = next((one for one in links if one.get("href")), None)
    if link is not None and fold(read_text(link)) == fold(text):
        try:
            target = urljoin(page.base_url, link.get("href").strip())
        except ValueError:
            target = ""
        is_near = urlsplit(target).hostname == urlsplit(page.url).hostname
        if target.startswith(("http://", "https://")) and is_near and is_front(target) and not is_front(page.url):
            return True
    named = (
        one for one in (element, *islice(element.iterancestors(), 2)) if one.tag not in ("body", "html", "article")
    )
    return any(_MASTHEAD.search(f"{one.get('class') or ''} {one.get('id') or ''}"[:_MOST_CHARS]) for one in named)


def _stands_in_header(element: Any, headline: Any) -> bool:
    """Return whether an element is before the headline, and in nothing that holds both but the body.

    If the headline's `article` has a time of its own, all before the article is a header.
    """
    around = set(element.iterancestors())
    shared = next((one for one in headline.iterancestors() if one in around), None)
    article = next(headline.iterancestors("article"), None)
    is_outside = article is not None and article not in around and next(article.iter("time"), None) is not None
    if shared is None or not (is_outside or shared.tag == "body"):
        return False
    for one in shared:
        if one is element or one in around:
            return True
        if one is headline or any(parent is one for parent in headline.iterancestors()):
            return False
    return False
