"""Finds the address that a page says is its own, and judges whether it can be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pipelines.discovery.address_shapes import build_shape, is_front, measure_article
from pipelines.discovery.anchors import has_rel
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import is_same_place, normalise_location

if TYPE_CHECKING:
    from lxml import etree

_NO_VALUES = frozenset(("undefined", "null", "none", "nan", "[object object]", "%5bobject%20object%5d", "false"))
_DAY = re.compile(r"/(?:19|20)\d\d[/-]?(?:\d\d?(?:[/-]?\d\d?)?)?(?=/)")
_FEWEST_WORDS = 3
_MARKS = re.compile(r"[^\W_]+")


def find_canonical(root: etree._Element, url: str, declared: str = "") -> str:
    """Return the address that a page says is its own, or ''.

    The first that can be an article's is used; a front page, or a list that many pages would then share, cannot.

    Spec: RFC 6596 §3.

    Args:
        declared: the canonical address that the header of the response names.
    """
    hrefs = [element.get("href") for element in root.iter("link") if has_rel(element, "canonical")]
    hrefs.append(declared)
    hrefs += [element.get("content") for element in root.iter("meta") if element.get("property") == "og:url"]
    for href in hrefs:
        address = normalise_location(join_url(url, _complete_scheme((href or "").strip(), url)))
        if not address:
            continue
        is_thinner = measure_article(address) == 0 and measure_article(url) > 0
        is_other = is_other_article(address, url) or _is_of_other_headline(root, address, url)
        if not (is_front(address) or is_thinner or is_other):
            return address
    return ""


def _complete_scheme(href: str, url: str) -> str:
    """Return an address with a scheme that begins with the page's own host; a browser would take it for a path."""
    parts = urlsplit(url)
    host = href.partition("/")[0].lower()
    is_host = bool(host) and host.removeprefix("www.") == parts.netloc.lower().removeprefix("www.")
    return f"{parts.scheme}://{href}" if is_host else href


def is_other_article(address: str, url: str) -> bool:
    """Return whether a page's canonical address can only be another page's, or none.

    A script that found no value writes `undefined`. Of two addresses of one form that share neither a number nor half
    of their words, each is its own article: the template names the same one on every page.
    """
    last = urlsplit(address).path.rstrip("/").rpartition("/")[2]
    if last.lower() in _NO_VALUES:
        return True
    if is_same_place(address, url) or build_shape(address) != build_shape(url):
        return False
    stated, own = _list_marks(address), _list_marks(url)
    shared = stated & own
    has_number = any(mark.isdigit() and len(mark) >= 4 for mark in shared)
    return not has_number and 2 * len(shared) < min(len(stated), len(own))


def _is_of_other_headline(root: etree._Element, address: str, url: str) -> bool:
    """Return whether the page's headline has the words of its own address and none of those of the stated one.

    Only the words by which the addresses differ count; of addresses of two forms, three at least of the last segment.
    """
    is_alike = build_shape(address) == build_shape(url)
    stated, own = (_list_marks(place if is_alike else _find_last(place)) for place in (address, url))
    by_own, by_stated = ({mark for mark in marks if not mark.isdigit()} for marks in (own - stated, stated - own))
    headings = " ".join("".join(map(str, element.itertext())) for element in root.iter("h1", "title"))
    words = set(_MARKS.findall(headings.lower()))
    may_state = min(len(by_own), len(by_stated)) >= (1 if is_alike else _FEWEST_WORDS)
    return may_state and by_own <= words and not by_stated & words


def _find_last(url: str) -> str:
    return "/" + urlsplit(url).path.rstrip("/").rpartition("/")[2]


def _list_marks(url: str) -> set[str]:
    """Return the words and numbers by which an address tells one article from another: those of a date do not."""
    parts = urlsplit(url)
    return set(_MARKS.findall(unquote(_DAY.sub("/", parts.path)).lower())) | set(_MARKS.findall(parts.query.lower()))
