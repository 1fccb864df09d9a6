"""Finds the JSON response whose entries are the articles that a rendered page shows."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crawler.source_tools.shapes import list_anchors
from pipelines.markup.rich_text import build_html
from pipelines.page.addresses import join_url
from pipelines.page.page import Page, fold_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Entry = Mapping[str, str]

_DEEPEST: Final = 6
_FEWEST: Final = 2
_LEAST_SHOWN: Final = 0.5
_LONGEST_TEXT: Final = 400
_SAMPLED: Final = 20
_UNSEEN: Final = frozenset(("script", "style", "template", "noscript", "head", "title"))
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DATE: Final = re.compile(r"\d{4}[-/.年]?\d{1,2}[-/.月]?\d{1,2}|\d{1,2}[ .][^\d\s]+[ .]\d{4}")
_CHANGED: Final = re.compile(r"modif|updat|edit|chang", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonListing:
    """A JSON document that lists articles, and how its entries are read.

    Attributes:
        records: the JMESPath expression for the entries.
        fields: post field, and `url`, to the JMESPath expression that finds it in an entry.
        rows: the entries, flattened: JMESPath expression to value.
        shown: how many of their headlines the page shows.
        articles: addresses of articles to which the page links.
    """

    url: str
    records: str
    fields: Mapping[str, str]
    rows: tuple[Entry, ...]
    shown: int
    articles: tuple[str, ...]

    @property
    def entries(self) -> int:
        """How many entries there are."""
        return len(self.rows)


def find_listing(documents: Iterable[tuple[str, Any]], page: Page) -> JsonListing | None:
    """Return the listing most of whose headlines a page shows and links to; None without one.

    Args:
        documents: address and data of each JSON response.
        page: as rendered.
    """
    texts = _list_texts(page)
    links = {anchor.url for anchor in list_anchors(page.root, page.url)}
    found = [
        listing
        for url, data in documents
        for records, entries in _iter_lists(data, "", _DEEPEST)
        if (listing := _match(url, records, entries, texts, links))
    ]
    return max(found, key=lambda listing: listing.shown, default=None)


def _list_texts(page: Page) -> set[str]:
    """Return what is on the page, element by element, folded as titles are."""
    seen = (node for node in page.root.iter() if isinstance(node.tag, str) and node.tag not in _UNSEEN)
    texts = (" ".join("".join(node.itertext()).split()) for node in seen)
    return {fold_title(text) for text in texts if 0 < len(text) <= _LONGEST_TEXT}


def _iter_lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, list[Entry]]]:
    """Yield each list of objects, with the expression that finds it."""
    if isinstance(value, list):
        entries: list[Entry] = [dict(flatten(entry, "", 3)) for entry in value if isinstance(entry, dict)]
        if len(entries) >= _FEWEST:
            yield path or "@", entries
    elif isinstance(value, dict) and depth:
        for key, inner in value.items():
            yield from _iter_lists(inner, _join(path, key), depth - 1)


def flatten(entry: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield texts, rich texts and numbers of an object and those within it, each with the expression that finds it."""
    for key, value in entry.items():
        if isinstance(value, dict) and depth:
            yield from flatten(value, _join(path, key), depth - 1)
        elif isinstance(value, str | int) and not isinstance(value, bool):
            yield _join(path, key), str(value).strip()
        elif isinstance(value, list) and (rich_text := build_html(value)):
            yield _join(path, key), rich_text


def _join(path: str, key: str) -> str:
    name = key if _NAME.fullmatch(key) else json.dumps(key)
    return f"{path}.{name}" if path else name


def _match(url: str, records: str, entries: list[Entry], texts: set[str], links: set[str]) -> JsonListing | None:
    counts = Counter(
        name
        for entry in entries
        for name, text in entry.items()
        if not text.isdigit() and not _DATE.match(text) and text and fold_title(text) in texts
    )
    # Of two fields that the page shows, the longer one is neither a section nor an author.
    headline = max(counts, key=lambda name: (counts[name], sum(len(e.get(name, "")) for e in entries)), default="")
    if counts[headline] < max(_FEWEST, _LEAST_SHOWN * len(entries)):
        return None
    shown = [entry for entry in entries if fold_title(entry.get(headline, "")) in texts]
    expression, articles = _find_address(url, shown, links)
    if not expression:
        return None
    fields = {"url": expression, "headline": headline}
    if date := find_date(entries):
        fields["datePublished"] = date
    return JsonListing(
        url=url, records=records, fields=fields, rows=tuple(entries), shown=len(shown), articles=tuple(articles)
    )


def _find_address(url: str, entries: list[Entry], links: set[str]) -> tuple[str, list[str]]:
    """Return the expression for the articles' addresses, and those that the page links to; '' where none fits."""
    wanted = max(_FEWEST, _LEAST_SHOWN * len(entries))
    names = dict.fromkeys(name for entry in entries for name in entry)
    for name in names:
        found = list(dict.fromkeys(join_url(url, entry.get(name, "")) for entry in entries))
        if len(linked := [link for link in found if link in links]) >= wanted:
            return name, linked
    for name in names:
        values = list(dict.fromkeys(filter(None, (entry.get(name, "") for entry in entries))))
        for before, after in _list_frames(values, links):
            if len(linked := [link for value in values if (link := before + value + after) in links]) >= wanted:
                # Raw strings of JMESPath, in which no address needs an escape.
                parts = [f"'{before}'", f"to_string({name})", *([f"'{after}'"] if after else [])]
                return f"join('', [{', '.join(parts)}])", linked
    return "", []


def _list_frames(values: list[str], links: set[str]) -> list[tuple[str, str]]:
    """Return what stands before and after a value in the links, the most frequent first."""
    frames = Counter(
        (before, after)
        for value in values[:_SAMPLED]
        for link in links
        for before, _, after in [link.rpartition(value)]
        if before and "'" not in link
    )
    return [frame for frame, _ in frames.most_common(3)]


def find_date(entries: list[Entry]) -> str:
    """Return the field that is a date in every entry; when something changed comes last."""
    names = dict.fromkeys(name for entry in entries for name in entry)
    dated = [name for name in names if all(_DATE.search(entry.get(name, "")[:32]) for entry in entries)]
    dated = [name for name in dated if not any(entry[name].startswith(("http", "/")) for entry in entries)]
    return min(dated, key=lambda name: bool(_CHANGED.search(name)), default="")
