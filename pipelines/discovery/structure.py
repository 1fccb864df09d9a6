"""Finds links to articles, lists and next pages on a page without rules, by address and position.

Links of one kind come in clusters: a list of articles is many links of one shape in one kind of place, with texts as
long as headlines. A menu has short texts, and the way to older articles says so or counts. Nothing here knows a site,
and nothing depends on anything but the page and its address.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from pipelines.discovery.address_shapes import (
    build_shape,
    find_date,
    find_page_number,
    is_front,
    is_service,
    is_step,
    measure_article,
)
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import find_meant, is_same_place, normalise_location
from pipelines.rules.links import Link, LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lxml import etree

_MAX_LINKS = 3_000
_MAX_CATEGORIES = 80
_HEADLINE_WIDTH = 20
_NAME_WIDTH = 24
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
# Other documents have these types as well, such as the page itself as data, so the address or title must name a feed.
_BROAD_TYPES = ("application/json", "application/xml", "text/xml")
_FEED_NAME = re.compile(r"feed|rss|atom|rdf", re.IGNORECASE)
_NAVIGATION = re.compile(r"\b(?:nav|menu|navi|channel|categor|section|column|topbar|masthead)", re.IGNORECASE)
_BESIDE = re.compile(r"\b(?:foot|copyright|friend[-_]?link|sns|social|share|login|breadcrumb|cookie)", re.IGNORECASE)
_NEXT_WORDS = re.compile(
    r"^\W*(?:next(?: page)?|older(?: \w+)?|more(?: news| stories| articles)?|load more|下一页|下页|下一頁|下頁|后一页"
    r"|更多|次へ|次のページ|다음|suivant[es]?|page suivante|weiter|nächste(?: seite)?|ältere \w+|siguiente|próxim[ao]"
    r"|anteriores|successiv[ao]|volgende|следующая|далее|ещё|sonraki|następn[ay]|další|seuraava|nästa|neste)\W*$",
    re.IGNORECASE,
)
# A link at the foot of a page may lead to all articles.
_ARCHIVE_WORDS = re.compile(
    r"\W*(?:(?:news |story )?archives?|archivo?|all (?:articles|news|posts|stories)|alle (?:artikel|beiträge)"
    r"|все новости|todas las noticias|归档|往期回顾)\W*",
    re.IGNORECASE,
)
_NO_VALUES = frozenset(("undefined", "null", "none", "nan", "[object object]", "%5bobject%20object%5d", "false"))
_DAY = re.compile(r"/(?:19|20)\d\d[/-]?(?:\d\d?(?:[/-]?\d\d?)?)?(?=/)")
_MARKS = re.compile(r"[^\W_]+")
_BARE_PAGE = re.compile(r"(?P<list>[^?#]*/)(?P<number>[1-9]\d{0,3})/?")
_ARROWS = re.compile(r"^[\s›»>→❯▶]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Anchor:
    """One link of the page as a reader sees it."""

    url: str
    text: str
    place: str
    is_menu: bool
    is_beside: bool
    rel: str

    @property
    def width(self) -> int:
        return measure_width(self.text)


def measure_width(text: str) -> int:
    """Return how wide a text is drawn: Han, kana and hangul take two columns."""
    if text.isascii():
        return len(text)
    return len(text) + sum(map("WF".__contains__, map(unicodedata.east_asian_width, text)))


def list_structure(root: etree._Element, url: str, admits: Callable[[str], bool], *, next_href: str = "") -> list[Link]:
    """Return the links of a page that lead to articles, lists and feeds, each address once.

    Args:
        root: the parsed page.
        url: its address.
        admits: tells whether an address is in scope.
        next_href: of the next page, as the header of the response names it.
    """
    found: dict[str, Link] = {}
    anchors = list(_iter_anchors(root, url, admits))
    for link in (
        *iter_announced(root, url, admits),
        *_find_next(root, anchors, url, admits, next_href),
        *_iter_articles(anchors),
        *_iter_categories(anchors),
        *_iter_frames(root, url, admits),
    ):
        found.setdefault(link.url, link)
    return list(found.values())


def iter_announced(root: etree._Element, url: str, admits: Callable[[str], bool]) -> Iterator[Link]:
    """Yield the feeds that a page announces; those of comments are not of articles. Spec: HTML §4.6.7.1."""
    for element in root.iter("link"):
        rels = (element.get("rel") or "").lower().split()
        kind = (element.get("type") or "").lower().partition(";")[0].strip()
        title = (element.get("title") or "").lower()
        if ("alternate" not in rels and "feed" not in rels) or kind not in (*_FEED_TYPES, *_BROAD_TYPES):
            continue
        address = normalise_location(join_url(url, element.get("href") or ""))
        if kind in _BROAD_TYPES and not _FEED_NAME.search(f"{urlsplit(address).path} {title}"):
            continue
        if address and admits(address) and "comment" not in title and "/comments/" not in address:
            yield Link(url=address, kind=LinkKind.FEED, reason=Reason.ANNOUNCED)


def find_canonical(root: etree._Element, url: str, declared: str = "") -> str:
    """Return the address that a page says is its own, or ''.

    The first that can be an article's is used; a front page, or a list that many pages would then share, cannot.

    Spec: RFC 6596 §3.

    Args:
        declared: the canonical address that the header of the response names.
    """
    hrefs = [element.get("href") for element in root.iter("link") if _has_rel(element, "canonical")]
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

    Only the words by which two addresses of one form differ count.
    """
    if build_shape(address) != build_shape(url):
        return False
    stated, own = _list_marks(address), _list_marks(url)
    by_own, by_stated = ({mark for mark in marks if not mark.isdigit()} for marks in (own - stated, stated - own))
    headings = " ".join("".join(map(str, element.itertext())) for element in root.iter("h1", "title"))
    words = set(_MARKS.findall(headings.lower()))
    return bool(by_own and by_stated) and by_own <= words and not by_stated & words


def _list_marks(url: str) -> set[str]:
    """Return the words and numbers by which an address tells one article from another: those of a date do not."""
    parts = urlsplit(url)
    return set(_MARKS.findall(unquote(_DAY.sub("/", parts.path)).lower())) | set(_MARKS.findall(parts.query.lower()))


def _has_rel(element: etree._Element, wanted: str) -> bool:
    return wanted in (element.get("rel") or "").lower().split()


def _iter_anchors(root: etree._Element, url: str, admits: Callable[[str], bool]) -> Iterator[_Anchor]:
    base = root.find(".//base[@href]")
    base_url = (join_url(url, base.get("href") or "") if base is not None else "") or url
    for count, element in enumerate(root.iter("a")):
        if count >= _MAX_LINKS:
            return
        address = join_url(base_url, element.get("href") or "")
        if not address:
            continue
        address = normalise_location(address) if admits(address) else find_meant(address, admits)
        if not address or is_same_place(address, url) or is_service(address):
            continue
        place, words = _describe_place(element)
        yield _Anchor(
            url=address,
            text=_find_anchor_text(element),
            place=place,
            is_menu=bool(_NAVIGATION.search(words)),
            is_beside=bool(_BESIDE.search(words)),
            rel=(element.get("rel") or "").lower(),
        )


def _find_anchor_text(element: etree._Element) -> str:
    text = " ".join("".join(str(piece) for piece in element.itertext()).split())
    if text:
        return text
    picture = element.find(".//img")
    return " ".join((element.get("title") or (picture.get("alt") if picture is not None else "") or "").split())


def _describe_place(element: etree._Element) -> tuple[str, str]:
    """Return the tags and classes of what holds a link: those of the nearest as its place, all of them as words."""
    names: list[str] = []
    words: list[str] = []
    for ancestor in element.iterancestors():
        if not isinstance(ancestor.tag, str) or ancestor.tag in ("body", "html"):
            break
        label = f"{ancestor.get('class') or ''} {ancestor.get('id') or ''} {ancestor.get('role') or ''}"
        words.append(f"{ancestor.tag} {label}")
        if len(names) < 3:
            names.append(ancestor.tag + "." + (ancestor.get("class") or "").partition(" ")[0])
    return " ".join(names), " ".join(words)


def _iter_articles(anchors: Iterable[_Anchor]) -> Iterator[Link]:
    clusters: dict[str, dict[str, _Anchor]] = defaultdict(dict)
    for anchor in anchors:
        known = clusters[build_shape(anchor.url)].get(anchor.url)
        # A picture and a headline often lead to the same article: the longer text is the headline.
        if known is None or known.width < anchor.width:
            clusters[build_shape(anchor.url)][anchor.url] = anchor
    for cluster in clusters.values():
        members = list(cluster.values())
        if _is_of_articles(members):
            for anchor in members:
                day = find_date(anchor.url)
                dated = day.isoformat() if day else ""
                yield Link(url=anchor.url, kind=LinkKind.ARTICLE, reason=Reason.CLUSTER, dated=dated)


def _is_of_articles(members: list[_Anchor]) -> bool:
    width = median(anchor.width for anchor in members)
    says = measure_article(members[0].url)
    if is_front(members[0].url) or (find_page_number(members[0].url) > 1 and width < _HEADLINE_WIDTH):
        return False
    is_menu = sum(anchor.is_menu for anchor in members) > len(members) / 2
    if says == 2:
        return width >= _HEADLINE_WIDTH / 2 or len(members) >= 3
    if says == 1:
        return width >= _HEADLINE_WIDTH or (len(members) >= 5 and width >= _HEADLINE_WIDTH / 2 and not is_menu)
    is_deep = members[0].url.count("/") > 3
    is_aside = sum(anchor.is_beside for anchor in members) > len(members) / 2
    return width >= 1.5 * _HEADLINE_WIDTH and len(members) >= 3 and is_deep and not is_menu and not is_aside


def _iter_categories(anchors: Iterable[_Anchor]) -> Iterator[Link]:
    """Yield what menus lead to, then what short names on shallow paths lead to.

    An address with a number may be a section's, if a menu has nothing but short names for addresses of this shape.
    """
    widest: dict[str, int] = defaultdict(int)
    anchors = list(anchors)
    for anchor in anchors:
        widest[build_shape(anchor.url)] = max(widest[build_shape(anchor.url)], anchor.width)
    ranked: dict[str, int] = {}
    for anchor in anchors:
        is_name = 0 < anchor.width <= _NAME_WIDTH and not anchor.text.isdigit()
        may_be_numbered = anchor.is_menu and widest[build_shape(anchor.url)] <= _NAME_WIDTH
        if not is_name or measure_article(anchor.url) > may_be_numbered or is_front(anchor.url):
            continue
        is_beside = anchor.is_beside and not anchor.is_menu and not _ARCHIVE_WORDS.fullmatch(anchor.text)
        if is_beside or find_page_number(anchor.url) > 1:
            continue
        depth = anchor.url.rstrip("/").count("/") - 2
        if anchor.is_menu or depth <= 2:
            rank = (0 if anchor.is_menu else 10) + depth
            ranked[anchor.url] = min(rank, ranked.get(anchor.url, rank))
    for url in sorted(ranked, key=lambda address: ranked[address])[:_MAX_CATEGORIES]:
        yield Link(url=url, kind=LinkKind.CATEGORY, reason=Reason.NAVIGATION)


def _iter_frames(root: etree._Element, url: str, admits: Callable[[str], bool]) -> Iterator[Link]:
    """Yield the pages of which a frameset is made."""
    for element in root.iter("frame"):
        address = normalise_location(join_url(url, element.get("src") or ""))
        if address and admits(address):
            yield Link(url=address, kind=LinkKind.CATEGORY, reason=Reason.NAVIGATION)


def _find_next(
    root: etree._Element, anchors: Iterable[_Anchor], url: str, admits: Callable[[str], bool], next_href: str
) -> list[Link]:
    """Return the next page of a list, where the page leads to one."""

    def complete(href: str) -> str:
        address = normalise_location(join_url(url, href))
        return address if address and admits(address) and not is_same_place(address, url) else ""

    declared = [element.get("href") or "" for element in root.iter("link", "a") if _has_rel(element, "next")]
    for address in filter(None, map(complete, (*declared, next_href))):
        return [Link(url=address, kind=LinkKind.NEXT_PAGE, reason=Reason.REL_NEXT)]
    anchors = list(anchors)
    wanted = find_page_number(url) + 1
    by_words = [anchor.url for anchor in anchors if _is_next(anchor.text)]
    by_words += filter(None, map(complete, _iter_button_hrefs(root)))
    by_number = [anchor.url for anchor in anchors if anchor.text == str(wanted)]
    for address in (*by_words, *by_number):
        if find_page_number(address) == wanted or (address in by_words and is_step(address, url)):
            return [Link(url=address, kind=LinkKind.NEXT_PAGE, reason=Reason.PAGER)]
    return _find_bare_next(anchors, url)


def _is_next(text: str) -> bool:
    return bool(_NEXT_WORDS.match(text) or _ARROWS.match(text))


def _iter_button_hrefs(root: etree._Element) -> Iterator[str]:
    """Yield the addresses from which scripts load more of a list, and those that forms without a choice lead to."""
    for element in root.iter("button", "a"):
        if _is_next(_find_anchor_text(element)):
            for name, value in element.items():
                if name.startswith("data-") and value.startswith(("/", "?", "http://", "https://")):
                    yield value
    for form in root.iter("form"):
        inputs = [*form.iter("input", "button", "select", "textarea")]
        labels = [f"{item.get('value') or ''} {_find_anchor_text(item)}".strip() for item in inputs if _is_submit(item)]
        fields = [item for item in inputs if not _is_submit(item)]
        if (form.get("method") or "get").lower() != "get" or len(labels) != 1 or not _is_next(labels[0]):
            continue
        if all(item.tag == "input" and item.get("type") == "hidden" for item in fields):
            query = urlencode([(item.get("name") or "", item.get("value") or "") for item in fields])
            yield f"{(form.get('action') or '').partition('?')[0]}?{query}"


def _is_submit(item: etree._Element) -> bool:
    return item.get("type") == "submit" or (item.tag == "button" and item.get("type") is None)


def _find_bare_next(anchors: Iterable[_Anchor], url: str) -> list[Link]:
    """Return the next page where pages are distinguished by a bare number behind the list's address, as in /news/2.

    A link of a pager shows that number and nothing else.
    """
    own = _BARE_PAGE.fullmatch(url)
    for anchor in anchors:
        page = _BARE_PAGE.fullmatch(anchor.url)
        if page is None or anchor.text != page["number"]:
            continue
        is_further = own is not None and own["list"] == page["list"] and int(page["number"]) == int(own["number"]) + 1
        if is_further or (page["number"] == "2" and is_same_place(page["list"], url)):
            return [Link(url=anchor.url, kind=LinkKind.NEXT_PAGE, reason=Reason.PAGER)]
    return []
