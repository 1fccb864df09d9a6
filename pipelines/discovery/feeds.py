"""Reads the entries of feeds: RSS 2.0 and earlier, RSS 1.0 and 1.1, Atom, JSON Feed.

Only what dates, names and addresses an article is taken; its text is the article page's to give, since feeds hold it
whole, in part or not at all without saying which.

Spec: https://www.rssboard.org/rss-specification; https://web.resource.org/rss/1.0/spec; RFC 4287; RFC 5005 §3 and §4;
https://www.jsonfeed.org/version/1.1/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from pipelines.discovery.text_stream import DocumentRefused, find_encoding, iter_chunks, read_opening
from pipelines.discovery.xml_stream import ElementStream, find_name, find_namespace, find_text
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import normalise_location, place_under

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

MAX_ENTRIES = 2_000
_MAX_JSON_BYTES = 16 * 1024 * 1024
_ATOM = "http://www.w3.org/2005/Atom"
_WEB = ("http://", "https://")
_MEDIA = "http://search.yahoo.com/mrss/"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_JSON_ITEMS = re.compile(r'"items"\s*:\s*\[')
_MAIL_NAME = re.compile(r"[^\s()]+@[^\s()]+\s*\((?P<name>[^()]+)\)")
_MAIL = re.compile(r"[^\s()]+@[^\s()]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """What a feed says of one article; texts are as found.

    Attributes:
        url: absolute and normalised; an entry without one is left out.
    """

    url: str
    title: str = ""
    published: str = ""
    updated: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One feed document.

    Attributes:
        next_url: the document with older entries, where the feed is paged, or ''.
        archive_url: the document with the entries before those, where the feed keeps archives, or ''.
        refused: why it was not read to its end, or ''.
        mended: what was wrong with it and did not keep it from being read: `markup`, `encoding`, `entities`, or ''.
    """

    entries: tuple[FeedEntry, ...] = ()
    next_url: str = ""
    archive_url: str = ""
    refused: str = ""
    mended: str = ""


def read_feed(body: bytes, url: str, content_type: bytes = b"") -> Feed:
    """Return what a feed says, as far as it can be read.

    Args:
        url: its address, which relative ones count from.
        content_type: value of the Content-Type header, as sent.
    """
    reader = _Reader(url)
    refused = ""
    try:
        if read_opening(body).startswith("{"):
            reader.read_json(body)
        else:
            reader.read_xml(body, content_type)
    except DocumentRefused as refusal:
        refused = refusal.reason
    return Feed(
        entries=tuple(reader.entries.values()),
        next_url=reader.next_url,
        archive_url=reader.archive_url,
        refused=refused,
        mended=reader.mended,
    )


class _Reader:
    """Collects the entries of one document, each address once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.entries: dict[str, FeedEntry] = {}
        self.next_url = ""
        self.archive_url = ""
        self.mended = ""

    def read_xml(self, body: bytes, content_type: bytes) -> None:
        stream = ElementStream(body, frozenset({"item", "entry", "link"}), content_type)
        try:
            self._read_elements(stream)
        finally:
            self.mended = stream.mended

    def _read_elements(self, stream: ElementStream) -> None:
        elements = iter(stream)
        root = next(elements, None)
        if root is None:
            return
        for element in elements:
            # The tolerant reader knows no ancestors but the root.
            holders = [*element.iterancestors()] or [root]
            base = reduce(_extend_base, reversed(holders), self._url)
            if find_name(element) == "link":
                self._note_next(element, base)
                continue
            entry = _read_atom(element, base) if find_name(element) == "entry" else _read_rss(element, base)
            self._add(entry)
            if len(self.entries) >= MAX_ENTRIES:
                raise DocumentRefused("too_many", f"holds more than {MAX_ENTRIES} entries")

    def read_json(self, body: bytes) -> None:
        raw = b"".join(iter_chunks(body, max_bytes=_MAX_JSON_BYTES))
        text = raw.decode(find_encoding(raw), "replace").lstrip("\ufeff")
        try:
            data = json.loads(text)
        except ValueError:
            self.mended = "markup"
            data = _mend_json(text)
        except RecursionError as error:
            raise DocumentRefused("damaged", f"is not JSON: {error}") from error
        items = data.get("items") if isinstance(data, dict) else None
        for item in items[:MAX_ENTRIES] if isinstance(items, list) else ():
            if isinstance(item, dict):
                self._add(_read_json_item(item, self._url))
        following = data.get("next_url") if isinstance(data, dict) else None
        self.next_url = join_url(self._url, following) if isinstance(following, str) else ""

    def _note_next(self, link: etree._Element, base: str) -> None:
        if find_namespace(link) != _ATOM:
            return
        if link.get("rel") == "next":
            self.next_url = join_url(base, link.get("href") or "")
        elif link.get("rel") == "prev-archive":
            self.archive_url = join_url(base, link.get("href") or "")

    def _add(self, entry: FeedEntry | None) -> None:
        if entry is not None:
            self.entries.setdefault(entry.url, entry)


def _extend_base(base: str, element: etree._Element) -> str:
    """Return what addresses in an element count from. Spec: XML Base §4."""
    return join_url(base, element.get(_BASE) or "") or base


def _resolve(address: str, base: str) -> str:
    url = join_url(base, address) if address else ""
    return normalise_location(place_under(url, base)) if url else ""


def _list_children(element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    for child in element:
        name = find_name(child)
        if name:
            yield name, child


def _read_rss(item: etree._Element, base: str) -> FeedEntry | None:
    base = _extend_base(base, item)
    texts: dict[str, str] = {}
    guid = ""
    authors, categories = [], []
    for name, child in _list_children(item):
        text = find_text(child)
        if name == "guid":
            guid = text if (child.get("isPermaLink") or "true").lower() == "true" else ""
        elif name in ("author", "creator"):
            authors += _find_authors(text)
        elif name in ("category", "subject"):
            categories.append(text)
        elif name == "link":
            _note_link(texts, child, text, _extend_base(base, child))
        elif text:
            texts.setdefault("media_title" if name == "title" and find_namespace(child) == _MEDIA else name, text)
    guid = guid if guid.startswith((*_WEB, "/")) else ""
    original = texts.get("origLink", "")
    address = original if original.startswith(_WEB) else ""
    address = address or texts.get("link") or texts.get("alternate") or guid
    url = _resolve(address or item.get(_ABOUT) or "", base)
    if not url:
        return None
    return FeedEntry(
        url=url,
        title=texts.get("title") or texts.get("media_title", ""),
        published=texts.get("pubDate") or texts.get("published") or texts.get("date") or texts.get("issued", ""),
        updated=texts.get("updated") or texts.get("modified", ""),
        authors=tuple(dict.fromkeys(authors)),
        categories=tuple(dict.fromkeys(filter(None, categories))),
    )


def _note_link(texts: dict[str, str], link: etree._Element, text: str, base: str) -> None:
    """Note an entry's own address; Atom's links also lead to its comments, its sound or its source."""
    if text and find_namespace(link) != _ATOM:
        texts.setdefault("link", join_url(base, text))
    elif not text and link.get("href") and (link.get("rel") or "alternate").lower() == "alternate":
        texts.setdefault("alternate", join_url(base, link.get("href", "")))


def _read_atom(entry: etree._Element, base: str) -> FeedEntry | None:
    base = _extend_base(base, entry)
    texts: dict[str, str] = {}
    links: list[tuple[int, str]] = []
    authors, categories = [], []
    for name, child in _list_children(entry):
        if name == "link" and (child.get("rel") or "alternate") == "alternate":
            href = join_url(_extend_base(base, child), child.get("href") or find_text(child))
            links.append(("html" not in (child.get("type") or "html"), href))
        elif name == "content" and child.get("src"):
            links.append((2, join_url(_extend_base(base, child), child.get("src", ""))))
        elif name == "author":
            authors += [find_text(part) for key, part in _list_children(child) if key == "name"]
        elif name == "category":
            categories.append((child.get("label") or child.get("term") or "").strip())
        else:
            texts.setdefault(name, find_text(child))
    identifier = texts.get("id", "") if texts.get("id", "").startswith(_WEB) else ""
    original = texts.get("origLink", "")
    address = original if original.startswith(_WEB) else next((href for _, href in sorted(links) if href), identifier)
    url = _resolve(address, base)
    if not url:
        return None
    return FeedEntry(
        url=url,
        title=texts.get("title", ""),
        # Atom 0.3 said `issued` and `modified`.
        published=texts.get("published") or texts.get("issued", ""),
        updated=texts.get("updated") or texts.get("modified", ""),
        authors=tuple(dict.fromkeys(filter(None, authors))),
        categories=tuple(dict.fromkeys(filter(None, categories))),
    )


def _read_json_item(item: dict[str, Any], base: str) -> FeedEntry | None:
    identifier = item.get("id")
    fallback = identifier if isinstance(identifier, str) and identifier.startswith(_WEB) else ""
    address = item.get("url") if isinstance(item.get("url"), str) else fallback
    url = _resolve(address or fallback, base)
    if not url:
        return None
    # JSON Feed 1.0 had one author.
    people = [*_list_dicts(item.get("authors")), *_list_dicts([item.get("author")])]
    tags = item.get("tags")
    return FeedEntry(
        url=url,
        title=_find_string(item, "title"),
        published=_find_string(item, "date_published"),
        updated=_find_string(item, "date_modified"),
        authors=tuple(dict.fromkeys(name for person in people if (name := _find_string(person, "name")))),
        categories=tuple(tag.strip() for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _mend_json(text: str) -> dict[str, Any]:
    """Return the entries of a JSON Feed with raw line ends in strings, commas too many, or no end.

    Raises:
        DocumentRefused: not one entry can be read.
    """
    decoder = json.JSONDecoder(strict=False)
    items: list[Any] = []
    begins = _JSON_ITEMS.search(text)
    place = begins.end() if begins else len(text)
    try:
        while (start := text.find("{", place)) >= 0 and not text[place:start].strip(", \t\r\n"):
            item, place = decoder.raw_decode(text, start)
            items.append(item)
    except (ValueError, RecursionError):
        pass  # the rest is damaged or cut off
    if not items:
        raise DocumentRefused("damaged", "is not JSON")
    return {"items": items}


def _list_dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _find_string(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value.strip() if isinstance(value, str) else ""


def _find_authors(text: str) -> list[str]:
    """Return the name that RSS puts behind an address in brackets, the text itself, or nothing of a bare address."""
    named = _MAIL_NAME.fullmatch(text)
    if named:
        return [named["name"].strip()]
    return [] if not text or _MAIL.fullmatch(text) else [text]
