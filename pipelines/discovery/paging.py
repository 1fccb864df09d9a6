"""Finds the next page of a list: by what the page declares, by the words of its pager, by numbers and by days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from pipelines.discovery.address_shapes import build_shape, find_date, find_month, find_page_number, is_step
from pipelines.discovery.anchors import find_anchor_text, has_rel
from pipelines.page.addresses import join_url
from pipelines.rules.addresses import is_same_place, normalise_location
from pipelines.rules.links import Link, LinkKind, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lxml import etree

    from pipelines.discovery.anchors import Anchor
    from pipelines.page.page import Page

_NEXT_WORDS = re.compile(
    r"^\W*(?:next(?: page)?|older(?: \w+)?|more(?: news| stories| articles)?|load more|下一页|下页|下一頁|下頁|后一页"
    r"|更多|次へ|次のページ|다음|suivant[es]?|page suivante|weiter|nächste(?: seite)?|ältere \w+|siguiente|próxim[ao]"
    r"|anteriores|successiv[ao]|volgende|следующая|далее|ещё|sonraki|następn[ay]|další|seuraava|nästa|neste)\W*$",
    re.IGNORECASE,
)
# Of pages for a day, a month or an issue the older one is called the previous.
_EARLIER_WORDS = re.compile(
    r"^\W*(?:(?:previous|prev\.?|prior|earlier|last) (?:day|month|week|year|issue|edition)|yesterday"
    r"|vortag|gestern|vormonat|vorherige[rs]? (?:tag|monat|ausgabe)|(?:la )?veille|hier|jour précédent|mois précédent"
    r"|numéro précédent|ayer|día anterior|mes anterior|giorno precedente|ieri|dia anterior|ontem|vorige dag|gisteren"
    r"|предыдущий день|вчера|前一天|前一日|昨天|昨日|上一期|上个月|上月|前日|前の日|前月|전날|어제|이전 날)\b.*$",
    re.IGNORECASE,
)
_BACKWARDS = re.compile(r"^\s*[«‹←<◀❮]")
_ARROWS = re.compile(r"^[\s›»>→❯▶]+$")
# Classes that programs give to the link to older entries, and to what loads them when a reader comes near.
_NEXT_CLASS = re.compile(
    r"(?<![a-z])(?:next|older|load-?more|nav-previous|infinite(?:-?scroll)?)(?![a-z])", re.IGNORECASE
)
_BARE_PAGE = re.compile(r"(?P<list>[^?#]*/)(?P<number>[1-9]\d{0,3})/?")
_MAX_LABEL = 30
# What htmx and Turbo load when a reader comes near.
_NEAR = (
    "//*[contains(@hx-trigger, 'revealed') or contains(@hx-trigger, 'intersect')]/@hx-get"
    " | //turbo-frame[@loading = 'lazy']/@src"
)
_LOADERS = ("button", "a", "div", "span", "section", "nav", "ul", "ol", "main")


def find_next(page: Page, anchors: Iterable[Anchor], admits: Callable[[str], bool], next_href: str) -> list[Link]:
    """Return the next page of a list, and the page for the day before, where the page leads to them.

    Args:
        next_href: the next page, as the header of the response names it.
    """

    def complete(href: str) -> str:
        address = normalise_location(join_url(page.base_url, href))
        return address if address and admits(address) and not is_same_place(address, page.url) else ""

    def list_declared(relation: str) -> list[str]:
        hrefs = [element.get("href") or "" for element in page.root.iter("link", "a") if has_rel(element, relation)]
        return [*filter(None, map(complete, hrefs))]

    anchors, own = list(anchors), _find_period(page.url)
    # Of a page for a day the next one may be that of the day after.
    named = filter(None, (*list_declared("next"), complete(next_href)))
    declared = [url for url in named if not own or _find_period(url) <= own]
    links = [Link(url=url, kind=LinkKind.NEXT_PAGE, reason=Reason.REL_NEXT) for url in declared[:1]]
    loaded = [*filter(None, map(complete, _iter_loaded(page.root)))]
    if not links and (following := _find_following(page.url, anchors, loaded)):
        links.append(Link(url=following, kind=LinkKind.NEXT_PAGE, reason=Reason.PAGER))
    if earlier := _find_earlier(page.url, anchors, list_declared("prev")):
        links.append(Link(url=earlier, kind=LinkKind.NEXT_PAGE, reason=Reason.PAGER))
    return links


def _find_following(url: str, anchors: Sequence[Anchor], loaded: Iterable[str]) -> str:
    """Return the address of the next page of a list by the words or numbers of its pager, or ''."""
    wanted = find_page_number(url) + 1
    labelled = [*(anchor.url for anchor in anchors if _is_next(anchor) or _is_icon(anchor, url)), *loaded]
    by_number = [anchor.url for anchor in anchors if anchor.text == str(wanted)]
    for address in (*labelled, *by_number):
        is_further = address in labelled and (is_step(address, url) or _is_bare_next(address, url, is_labelled=True))
        if is_further or find_page_number(address) == wanted:
            return address
    for anchor in anchors:
        bare = _BARE_PAGE.fullmatch(anchor.url)
        if bare and anchor.text == bare["number"] and _is_bare_next(anchor.url, url):
            return anchor.url
    return ""


def _is_next(anchor: Anchor) -> bool:
    return _is_next_label(anchor.label) or (len(anchor.label) <= _MAX_LABEL and bool(_NEXT_CLASS.search(anchor.words)))


def _is_icon(anchor: Anchor, url: str) -> bool:
    """Return whether a link without a word leads to another part of the same list."""
    return not anchor.label and urlsplit(anchor.url).path == urlsplit(url).path


def _is_next_label(text: str) -> bool:
    return bool(_NEXT_WORDS.match(text) or _ARROWS.match(text))


def _is_bare_next(address: str, url: str, *, is_labelled: bool = False) -> bool:
    """Return whether an address ends in the number of the next page, behind the address of the list: /news/2.

    Where the link is called so, pages may count downwards.
    """
    page, own = _BARE_PAGE.fullmatch(address), _BARE_PAGE.fullmatch(url)
    if page is None:
        return False
    if own is not None and own["list"] == page["list"]:
        step = int(page["number"]) - int(own["number"])
        return step == 1 or (is_labelled and step == -1)
    return own is None and (is_labelled or (page["number"] == "2" and is_same_place(page["list"], url)))


def _find_earlier(url: str, anchors: Sequence[Anchor], declared: Sequence[str]) -> str:
    """Return the page for the day or month before that of this page, or ''.

    A page without a day of its own, such as the front page, must call it so.
    """
    own = _find_period(url)
    called = [anchor.url for anchor in anchors if _EARLIER_WORDS.match(anchor.label)]
    pointed = [anchor.url for anchor in anchors if _BACKWARDS.match(anchor.label)] if own else []
    candidates = [*called, *pointed, *declared]
    dated = [(period, address) for address in candidates if address and (period := _find_period(address))]
    before = [found for found in dated if not own or (len(found[0]) == len(own) and found[0] < own)]
    return max(before)[1] if before else _find_issue_before(url, called)


def _find_issue_before(url: str, called: Sequence[str]) -> str:
    """Return the address of the issue before, which has a smaller number in an address of the same form."""
    own, shape = _list_numbers(url), build_shape(url)
    for address in called:
        if not own or (build_shape(address) == shape and _list_numbers(address) < own):
            return address
    return ""


def _list_numbers(url: str) -> list[int]:
    parts = urlsplit(url)
    return [int(number) for number in re.findall(r"\d{1,9}", f"{parts.path}?{parts.query}")]


def _find_period(url: str) -> tuple[int, ...]:
    """Return year and month, and the day where there is one, that the address of a list is for, or ()."""
    values = "/".join(value for _, value in parse_qsl(urlsplit(url).query))
    for text in (url, f"http://h/{values}"):
        if day := find_date(text):
            return (day.year, day.month, day.day)
        if month := find_month(text):
            return month
    return ()


def _iter_loaded(root: etree._Element) -> Iterator[str]:
    """Yield the addresses from which scripts load more of a list, and those that forms without a choice lead to."""
    for element in root.iter(*_LOADERS):
        given = [(name, value) for name, value in element.items() if name.startswith("data-") and _is_address(value)]
        if given:
            is_loader = _NEXT_CLASS.search(element.get("class") or "") or _is_next_label(find_anchor_text(element))
            yield from (value for name, value in given if is_loader or "next" in name)
    yield from map(str, root.xpath(_NEAR))
    yield from _iter_form_hrefs(root)


def _is_address(text: str) -> bool:
    return text.startswith(("/", "?", "http://", "https://"))


def _iter_form_hrefs(root: etree._Element) -> Iterator[str]:
    for form in root.iter("form"):
        inputs = [*form.iter("input", "button", "select", "textarea")]
        labels = [f"{item.get('value') or ''} {find_anchor_text(item)}".strip() for item in inputs if _is_submit(item)]
        fields = [item for item in inputs if not _is_submit(item)]
        if (form.get("method") or "get").lower() != "get" or len(labels) != 1 or not _is_next_label(labels[0]):
            continue
        if all(item.tag == "input" and item.get("type") == "hidden" for item in fields):
            query = urlencode([(item.get("name") or "", item.get("value") or "") for item in fields])
            yield f"{(form.get('action') or '').partition('?')[0]}?{query}"


def _is_submit(item: etree._Element) -> bool:
    return item.get("type") == "submit" or (item.tag == "button" and item.get("type") is None)
