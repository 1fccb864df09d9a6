"""The headline of a page, told from the names, suffixes and slogans that stand around it.

Pages call many things their title. On real pages a heading that the `title` element repeats is hardly ever anything
but the headline, above all in Chinese, where nearly every `title` carries the names of channel and site behind it;
elsewhere what JSON-LD calls the headline is as good. Where neither is there, the suffixes are taken off by their
structure, never by knowing the site.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.page.metadata import Statement
from pipelines.page.page import HEADINGS, fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.page.metadata import Metadata
    from pipelines.page.page import Page

_MIN_LETTERS = 4
_MIN_UNTITLED = 10
_MAX_CHARS = 300
# Names of classes recur; very long ones would only take memory.
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200
_TITLE_CLASS = re.compile(r"(?:^|[^a-z])(?:title|headline|biaoti|tit|bt)(?:$|[^a-z])", re.IGNORECASE)
# Blanks around a dash make it a separator; `_` and `|` are separators anyhow, `-` between letters may be a hyphen.
_SEPARATOR = re.compile(r"\s*(?:[_|｜]|--+|\s[-–—·•»:]\s|\s[-–—](?=\S)|(?<=\S)[-–—]\s)\s*")
_TIGHT_SUFFIX = re.compile(r"[-–—]([^-–—]{2,14})$")
_SITE_WORD = re.compile(
    r"(?:网|網|报|報|社|台|站|在线|頻道|频道|新闻|新聞|客户端|门户|日报|头条|\.[a-z]{2,4})$", re.IGNORECASE
)
_FULL_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d ?[-./年] ?\d{1,2} ?[-./月] ?\d{1,2}(?!\d)")
_TRUNCATED = re.compile(r"(?:\.\.\.|…)$")


def find_headline(page: Page, metadata: Metadata) -> tuple[Statement | None, Any]:
    """Return the headline, and the element that shows it; either may be None."""
    headings = list(_iter_headings(page))
    shown = _find_repeated(headings, page.title)
    stated = next((found for found in metadata.headlines if found.evidence == "jsonld:headline"), None)
    if stated and not _is_named_like_site(stated.text, metadata):
        element = _find_showing(headings, stated.text)
        if element is not None and _TRUNCATED.search(stated.text):
            return Statement(text=read_text(element), evidence=element.tag), element
        return stated, element if element is not None else shown
    if shown is None:
        shown = _find_dated(headings, page)
    if shown is not None:
        return Statement(text=read_text(shown), evidence=shown.tag), shown
    return _find_unshown(page, metadata, headings)


def _iter_headings(page: Page) -> Iterator[Any]:
    """Yield what may show the headline, likeliest first: `h1`, other headings, elements whose class says title."""
    yield from (element for element in page.root.iter("h1") if _is_headline_long(element))
    yield from (element for element in page.root.iter(*sorted(HEADINGS - {"h1"})) if _is_headline_long(element))
    for element in page.root.iter("div", "p", "span", "td", "strong", "b", "font"):
        kind, name = element.get("class"), element.get("id")
        if (kind or name) and _is_named_title(f"{kind or ''} {name or ''}") and _is_headline_long(element):
            yield element


def _is_named_title(names: str) -> bool:
    return _is_short_title(names) if len(names) <= _MAX_CACHED_CHARS else bool(_TITLE_CLASS.search(names))


@lru_cache(_MAX_CACHED)
def _is_short_title(names: str) -> bool:
    return bool(_TITLE_CLASS.search(names))


def _is_headline_long(element: Any) -> bool:
    return _MIN_LETTERS <= len(fold_title(read_text(element))) <= _MAX_CHARS


def _find_repeated(headings: list[Any], title: str) -> Any:
    """Return the heading that the `title` element repeats, the longest of the likeliest kind."""
    wanted = fold_title(title)
    best: Any = None
    for element in headings:
        text = fold_title(read_text(element))
        if text not in wanted or (best is not None and best.tag == "h1" and element.tag != "h1"):
            continue
        if best is None or (len(text) > len(fold_title(read_text(best))) and element.tag == best.tag):
            best = element
    if best is None or best.tag == "h1" or wanted.startswith(fold_title(read_text(best))):
        return best
    return None


def _find_dated(headings: list[Any], page: Page) -> Any:
    """Return the only `h1`, where it says much the same as the `title`, or a heading with a date right behind it."""
    first = [element for element in headings if element.tag == "h1"]
    title = page.find_meta("og:title") or page.title
    if len(first) == 1 and (not title or _share_letters(read_text(first[0]), title) >= 0.5):
        return first[0]
    if any(fold_title(read_text(element))[:8] == fold_title(title)[:8] for element in headings):
        return None
    return next((element for element in headings if _FULL_DAY.search(_read_behind(element))), None)


def _share_letters(text: str, other: str) -> float:
    """Return how much of a text's pairs of letters another has, 0 to 1."""
    left, right = fold_title(text), fold_title(other)
    pairs = {left[at : at + 2] for at in range(len(left) - 1)}
    return sum(pair in right for pair in pairs) / len(pairs) if pairs else 0.0


def _read_behind(element: Any) -> str:
    """Return the text of the element that follows a heading, the start of it."""
    following = element.getnext()
    return (element.tail or "") + (read_text(following)[:60] if following is not None else "")


def _find_showing(headings: list[Any], text: str) -> Any:
    wanted = _TRUNCATED.sub("", text)
    start = fold_title(wanted)
    return next((element for element in headings if fold_title(read_text(element)).startswith(start)), None)


def _find_unshown(page: Page, metadata: Metadata, headings: list[Any]) -> tuple[Statement | None, Any]:
    """Return the best of what is left: a statement or the `title` without its suffixes, or a lone `h1`."""
    title = Statement(text=page.title, evidence="title") if page.title else None
    for statement in [*metadata.headlines, *([title] if title else [])]:
        text = strip_suffixes(statement.text, metadata.site_names)
        if len(fold_title(text)) >= _MIN_LETTERS and not _is_named_like_site(text, metadata):
            shown = _find_showing(headings, text)
            if shown is not None and shown.tag == "h1" and len(read_text(shown)) <= 3 * len(text):
                # An attribute ends at the first quotation mark that nobody escaped; a heading does not.
                return Statement(text=read_text(shown), evidence="h1"), shown
            return Statement(text=text, evidence=statement.evidence), shown
    first = [element for element in headings if element.tag == "h1"] or [
        element for element in headings if len(fold_title(read_text(element))) >= _MIN_UNTITLED
    ]
    if first:
        return Statement(text=read_text(first[0]), evidence=first[0].tag), first[0]
    return title, None


def strip_suffixes(title: str, site_names: list[str]) -> str:
    """Return a title without the names of channel and site behind it."""
    sites = {fold_title(name) for name in site_names}
    parts = _SEPARATOR.split(title)
    while len(parts) > 1 and _is_suffix(parts, sites):
        parts.pop()
    kept = title[: _end_of(title, len(parts))].strip()
    tight = _TIGHT_SUFFIX.search(kept)
    if tight and (fold_title(tight[1]) in sites or _SITE_WORD.search(tight[1])):
        kept = kept[: tight.start()].rstrip("-–— ")
    return kept or title


def _is_suffix(parts: list[str], sites: set[str]) -> bool:
    last = fold_title(parts[-1])
    before = sum(len(fold_title(part)) for part in parts[:-1])
    return last in sites or (len(last) <= 20 and before >= max(_MIN_LETTERS, len(last)))


def _end_of(title: str, count: int) -> int:
    """Return where the first `count` parts of a title end."""
    ends = [match.start() for match in _SEPARATOR.finditer(title)] + [len(title)]
    return ends[count - 1]


def _is_named_like_site(text: str, metadata: Metadata) -> bool:
    return fold_title(text) in {fold_title(name) for name in metadata.site_names}
