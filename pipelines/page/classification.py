"""Classifies a page by its bytes: the requested article, or something in its place.

A shield's challenge, a log-in form, a consent wall, a missing page, all with status 200, would otherwise become posts,
or replace good ones. Evidence is weighed: header fields of shields decide at once; else what the page calls itself,
what its few sentences say, how it is built, and against all that whether it is long or dated as an article is.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.page.address_words import list_address_words, says_most, says_none
from pipelines.page.classes import PageClass
from pipelines.page.interstitials import count_evidence, name_page
from pipelines.page.page import read_text

if TYPE_CHECKING:
    from pipelines.page.document import Document
    from pipelines.page.page import Page

# Header fields with which shields mark what is not the site's own answer.
_MITIGATED = frozenset(
    (
        b"cf-mitigated",
        b"x-amzn-waf-action",
        b"x-sucuri-block",
        b"x-px-block",
        b"x-datadome-blocked",
        b"x-vercel-mitigated",
    )
)
# The last tag may be cut, where only the beginning of a body is read.
_TAG = re.compile(r"<[^<>]*(?:>|\Z)")
_SILENT = re.compile(
    r"<!--.*?-->|<(script|style|noscript|template|option|title|svg)\b[^>]*>.*?</\1\s*>|<head\b.*?</head\s*>",
    re.DOTALL | re.IGNORECASE,
)
_BLOCK_TAG = re.compile(r"<(?:/?(?:p|div|li|h[1-6]|td|section|article|main|header|footer)|br)\b[^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"<a\b[^>]*>(.*?)</a\s*>", re.DOTALL | re.IGNORECASE)
_WIDE_RUN = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uff60]+")
# A body that is wider than this is an article, whatever else is on its page; measured in columns.
_LONG, _BRIEF, _TINY = 1500, 900, 300
_MAX_STUB = 800
# A page of more tags has a whole site around it; only its body and its headings are looked at.
_MAX_TAGS = 1_500
_MAX_SOURCE_CHARS = 300_000
_MAX_VISIBLE_CHARS = 6_000
_MAX_BODY_CHARS = 8_000
_LEAST, _MOST_SENTENCES = 3, 4
_SHELL_CHARS = 200
# A dated text of so much is a short note, not the word that something is loading.
_NOTE_CHARS = 40
_LIST_LINKS, _FEW_LINKS = 4, 3
_MAX_LISTED = 400
_PASSWORD = re.compile(r"type\s*=\s*[\"']?password", re.IGNORECASE)
_PAID = re.compile(
    r"isAccessibleForFree\"?\s*:\s*\"?false|(?:name|property)=[\"'][^\"']{0,40}(?:paywall|premium|content_?tier|locked)"
    r"|class=\"[^\"]{0,200}\bpay-?wall",
    re.IGNORECASE,
)
# What the pages of shields load, and no other pages of the sites behind them.
_CHALLENGES = (
    *("captcha-delivery.com", "_cf_chl_opt", "challenge-platform/h/", "Ray ID", "SWUDNSAI", "Incapsula incident"),
    *("sec-if-cpt", "/_sec/cp_challenge", "px-captcha", "sucuri_cloudproxy", ".within.website/", "gokuProps"),
    *("geetest.com", "TCaptcha", "/_____tmd_____/", "acw_sc__v2", "nc_1_wrapper", "jsl_clearance", "yunsuo_session"),
    *("KPSDK", "/__qrator/", "/TSPD/", '"bobcmn"', "perfdrive.com", "rbzns", "servicepipe.ru", "gammaspectra"),
    *("/.well-known/ddos-guard/", "/_fs-ch-", "bunny-shield", "wsidchk", "/__arcsjs/"),
)
# Comment forms have these as well; on a page without any text they are a gate.
_CAPTCHA = re.compile(r"\b(?:h-captcha|cf-turnstile|g-recaptcha|smart-captcha|frc-captcha)\b")
# What a program prints where it fails.
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|\.(?:java|scala|kt|cs|rb|js):\d+|\.php\b[^\n]{0,40}\bon line\b|SQLSTATE\["
)
_MAX_SCRIPTED_CHARS = 40_000
_MAX_LINE = 120
_CUT_OFF = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What tells pages apart, read before anything takes the tree of the page apart.

    Attributes:
        names: the title and the headings, as the page has them.
        is_mitigated: a shield marked the response.
        is_moved: an article's address redirected to a front page.
    """

    names: tuple[str, ...]
    is_mitigated: bool
    is_moved: bool


def observe(document: Document, page: Page, *, is_moved: bool = False) -> Signs:
    """Return the signs of a page whose tree is whole."""
    headings = [read_text(element) for element in page.marked["h1"][:3]]
    headings = headings or [read_text(element) for element in page.marked["h2"][:1]]
    return Signs(
        names=tuple(name for name in (page.title, *headings) if name),
        is_mitigated=any(name in _MITIGATED for name, _ in document.head),
        is_moved=is_moved,
    )


def classify(page: Page, signs: Signs, *, body: str, is_dated: bool) -> PageClass:
    """Return the class of a page.

    Args:
        body: HTML of what would be the article's text, empty if nothing was found.
        is_dated: the page itself says when it was published.
    """
    if signs.is_mitigated or signs.is_moved:
        return PageClass.BLOCK if signs.is_mitigated else PageClass.NOT_FOUND
    most = _BRIEF if is_dated else _LONG
    if measure_text(html.unescape(_TAG.sub("", body[: 2 * most]))) > most:
        return PageClass.ARTICLE
    text = read_markup(body[:_MAX_BODY_CHARS])
    width = measure_text(text)
    if width > most:
        return PageClass.ARTICLE
    visible = text if width > _MAX_LISTED else _read_visible(page.text)
    shown = text or visible or ""
    evidence = count_evidence(shown)
    if PageClass.PAYWALL in evidence and 0 < width <= _MAX_STUB and (_CUT_OFF.search(text) or _PAID.search(page.text)):
        return PageClass.PAYWALL
    words = list_address_words(page.url)
    is_foreign = bool(signs.names) and not is_dated and says_none(" ".join((*signs.names, shown)), words)
    first_line = shown.strip().partition("\n")[0][:_MAX_LINE]
    # A heading that says the words of the address is the article's headline.
    others = [name for name in signs.names or (first_line,) if not says_most(name, words)]
    weight = _weigh_form(width or measure_text(shown), is_dated=is_dated) + 2 * is_foreign
    weight -= bool(signs.names) and len(others) < len(signs.names)
    named = _name(others)
    found = _find_named(page, shown, named, evidence, weight)
    if found is None and visible is not None and width <= _MAX_LISTED:
        found = _find_bare(page, visible, width, is_dated=is_dated)
    if found is None and is_foreign and visible is not None:
        found = PageClass.NOT_FOUND
    return found or PageClass.ARTICLE


def classify_other(page: Page, signs: Signs) -> PageClass:
    """Return the class of a page that is not read as an article: what is in its place, else LIST or DOCUMENT."""
    found = classify(page, signs, body="", is_dated=False)
    if found is not PageClass.ARTICLE:
        return found
    return PageClass.LIST if page.text.count("<a ") >= _FEW_LINKS else PageClass.DOCUMENT


def read_markup(fragment: str) -> str:
    """Return the text of HTML, blocks on lines of their own."""
    return html.unescape(_TAG.sub(" ", _BLOCK_TAG.sub("\n", fragment))) if fragment else ""


def measure_text(text: str) -> int:
    """Return how wide a text is drawn, about: letters of East Asia take two columns, blanks between lines none."""
    bare = "".join(line.strip() for line in text.splitlines()) if "\n" in text else text.strip()
    return len(bare) + (0 if bare.isascii() else sum(map(len, _WIDE_RUN.findall(bare))))


def _read_visible(source: str) -> str | None:
    """Return what readers see of a page that has no site around it, else None."""
    if len(source) > _MAX_SOURCE_CHARS or source.count("<") > _MAX_TAGS:
        return None
    text = read_markup(_SILENT.sub(" ", source))
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())[:_MAX_VISIBLE_CHARS]


def _name(names: list[str]) -> PageClass | None:
    """Return what a page calls itself in its headings, or in its title as a whole or in a part."""
    counts = Counter(filter(None, map(name_page, names)))
    return max(counts, key=counts.__getitem__) if counts else None


def _weigh_form(width: int, *, is_dated: bool) -> int:
    """Return how much the form of a page speaks against an article."""
    return (1 if width < _TINY else -1) - (width > _BRIEF) - (3 if is_dated else 0)


def _find_named(
    page: Page, shown: str, named: PageClass | None, evidence: dict[PageClass, int], weight: int
) -> PageClass | None:
    """Return the class that a page's own words and scripts speak for, or None."""
    points: dict[PageClass, int] = {}
    points.update((page_class, min(_MOST_SENTENCES, count)) for page_class, count in evidence.items())
    points.pop(PageClass.PAYWALL, None)
    if named is not None:
        points[named] = points.get(named, 0) + 3
    blocked = points.get(PageClass.BLOCK, 0) + 2
    can_decide = blocked + weight + 1 >= _LEAST and len(page.text) <= _MAX_SCRIPTED_CHARS
    if can_decide and any(map(page.text.__contains__, _CHALLENGES)):
        points[PageClass.BLOCK] = blocked
    if _TRACE.search(shown):
        points[PageClass.MAINTENANCE] = points.get(PageClass.MAINTENANCE, 0) + 2
    if not points:
        return None
    if PageClass.LOGIN in points:
        points[PageClass.LOGIN] += 2 if _PASSWORD.search(page.text) else -1
    if PageClass.CONSENT in points:
        points[PageClass.CONSENT] += "<button" in page.text or "<form" in page.text
    best = max(points, key=lambda page_class: (points[page_class], page_class is named, page_class))
    return best if points[best] + weight + ("noindex" in page.text) >= _LEAST else None


def _find_bare(page: Page, visible: str, width: int, *, is_dated: bool) -> PageClass | None:
    """Return the class of a page that says nothing of itself, or None."""
    links = page.text.count("<a ")
    total = measure_text(visible)
    has_note = is_dated and width >= _NOTE_CHARS
    if not is_dated and total < _MAX_LISTED and _PASSWORD.search(page.text):
        return PageClass.LOGIN
    if width < _SHELL_CHARS and total < _SHELL_CHARS and links < _FEW_LINKS and not has_note:
        if "<script" in page.text:
            return PageClass.BLOCK if _CAPTCHA.search(page.text) else PageClass.SHELL
        if not total:
            return PageClass.EMPTY
    if is_dated or links < _LIST_LINKS:
        return None
    linked = measure_text("\n".join(read_markup(text) for text in _LINK.findall(page.text)))
    return PageClass.LIST if linked > 0.6 * total else None
