"""The headline of a page, without site names, suffixes and slogans.

Pages call many things their title. On real pages a heading that the `title` element repeats is hardly ever anything
but the headline, above all in Chinese, where nearly every `title` carries the names of channel and site behind it;
elsewhere what JSON-LD calls the headline is as good. Where neither is there, the suffixes are taken off by their
structure, never by knowing the site. A heading that leads to the front page, or says the name of the site, is none; and
where an author's system writes its JSON-LD for search engines, the heading that readers see is right.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines.article.datelines import find_day
from pipelines.page.addresses import read_host
from pipelines.page.metadata import Statement
from pipelines.page.page import HEADINGS, fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.page.metadata import Metadata
    from pipelines.page.page import Page

_LESSER = HEADINGS - {"h1"}
_MIN_LETTERS = 4
_MIN_UNTITLED = 10
_MIN_HOST = 6
# A lesser heading is the headline if it is so much of the first part of the `title`.
_MIN_OF_PART = 0.7
# Search engines ask for headlines of at most 110 characters, so systems cut them.
_MIN_CUT = 80
_MAX_CHARS = 300
# Names of classes recur; very long ones would only take memory.
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200
_TITLE_CLASS = re.compile(r"(?:^|[^a-z])(?:title|headline|biaoti|tit|bt)(?:$|[^a-z])", re.IGNORECASE)
# Blanks around a dash make it a separator; `_` and `|` are separators anyhow, `-` between letters may be a hyphen.
_SEPARATOR = re.compile(r"\s*(?:[_|｜│]|--+|\s[-–—·•»:]\s|\s«\s(?!.*»)|\s[-–—](?=\S)|(?<=\S)[-–—]\s)\s*")
_TIGHT_SUFFIX = re.compile(r"[-–—]([^-–—]{2,14})$")
_SITE_WORD = re.compile(
    r"(?:网|網|报|報|社|台|站|在线|頻道|频道|新闻|新聞|客户端|门户|日报|头条|\.[a-z]{2,4})$", re.IGNORECASE
)
_FULL_DAY = re.compile(r"(?<!\d)(?:19|20)\d\d ?[-./年] ?\d{1,2} ?[-./月] ?\d{1,2}(?!\d)")
_TRUNCATED = re.compile(r"(?:\.\.\.|…)$")
_ADDRESS = re.compile(r"[a-z]+://([^/?#]+)([^#]*)", re.IGNORECASE)
_PREFIX = re.compile(r"(.{2,60}?)\s*(?:[:：|｜»]|\s[-–—]\s)\s*")
_SEPARATED = re.compile(r"\s*[|｜_•·»‹›<>\-–—]")
# Headings over other articles and over parts of the page, as a whole.
_ANNOUNCING = re.compile(
    r"[\W_]*(?:相关(?:推荐|阅读|新闻|文章|链接)"
    r"|相關(?:推薦|閱讀|新聞|文章)|(?:热门|熱門|为您|猜你|精彩|编辑|更多)(?:推荐|推薦|文章|新闻|喜欢|内容)"
    r"|推荐(?:阅读|文章)|延伸(?:阅读|閱讀)|網友評論|网友评论|最新(?:评论|文章|新闻)|関連記事|おすすめ|관련 ?기사"
    r"|related (?:articles?|posts?|stories|content|news)|read (?:more|next)|you (?:may|might) also like"
    r"|recommended.{0,20}|most (?:read|popular)|popular posts?|latest (?:news|posts?)|comments?"
    r"|leave a (?:reply|comment)|share this.{0,20}"
    r"|(?:main |site )?(?:navigation|menu)|(?:haupt|seiten)navigation|hauptmenü|details?"
    r"|mehr zum thema|das könnte sie.{0,40}|lesen sie auch|à lire aussi|lee también|leggi anche)[\W_]*",
    re.IGNORECASE,
)
# What editors of sites write into `title` when nobody else does.
_GENERIC = re.compile(r"home(?:page)?|start(?:seite)?|index|untitled(?: document)?|document", re.IGNORECASE)
_MAX_OTHER = 160
# A line beside a heading is shorter.
_MAX_LINE = 60
_MIN_ALIKE = 0.2
_MIN_AKIN = 0.3


def find_headline(page: Page, metadata: Metadata) -> tuple[Statement | None, Any]:
    """Return the headline, and the element that shows it; either may be None."""
    mastheads = _Mastheads(page, metadata)
    headings = [element for element in _iter_headings(page) if not mastheads.holds(element)]
    shown = _find_repeated(headings, page.title)
    if shown is not None and _is_name_of_site(shown, page, metadata):
        shown = next((element for element in headings if element is not shown and _is_dated(element)), shown)
    stated = next((found for found in metadata.headlines if found.evidence == "jsonld:headline"), None)
    if stated and not _is_named_like_site(stated.text, metadata):
        stated = _complete(stated, page, metadata)
        element = _find_showing(headings, stated.text)
        element = _find_shortened(headings, stated.text, metadata) if element is None else element
        if element is None and _is_agreed(shown, stated.text, page):
            element = shown
        if element is None and not metadata.is_news:
            element = _find_other(headings, stated.text, page)
        if element is not None and not _says_as_much(element, stated.text):
            return Statement(text=read_text(element), evidence=element.tag), element
        text = stated.text if element is not None else _strip_site(stated.text, metadata.site_names)
        element = shown if element is None else element
        return replace(stated, text=text), _find_akin(headings, text) if element is None else element
    if shown is None:
        shown = _find_dated(headings, page)
    if shown is not None:
        return Statement(text=_read_shown(shown, page, metadata), evidence=shown.tag), shown
    return _find_unshown(page, metadata, headings)


def _complete(stated: Statement, page: Page, metadata: Metadata) -> Statement:
    """Return what JSON-LD states, to the end that `og:title` or the `title` has, where it stops within a phrase."""
    for title in (page.find_meta("og:title"), page.title):
        whole = strip_suffixes(title, metadata.site_names)
        if len(stated.text) >= _MIN_CUT and whole.startswith(stated.text + " "):
            return replace(stated, text=whole)
    return stated


def _is_agreed(shown: Any, stated: str, page: Page) -> bool:
    """Return whether `title` and `og:title` both repeat an `h1`, and neither what JSON-LD states."""
    if shown is None or shown.tag != "h1":
        return False
    title, text = fold_title(page.title), fold_title(read_text(shown))
    return fold_title(stated) not in title and title.startswith(text) and fold_title(page.find_meta("og:title")) == text


def _read_shown(shown: Any, page: Page, metadata: Metadata) -> str:
    """Return the headline that an element shows; one that is no heading may repeat the whole `title`."""
    text = _drop_kicker(shown, page.title)
    if shown.tag not in HEADINGS and text == page.title:
        return strip_suffixes(text, metadata.site_names)
    return _strip_site(text, metadata.site_names)


def _drop_kicker(shown: Any, title: str) -> str:
    """Return the text of a heading, without a leading element that the `title` leaves out."""
    text = read_text(shown)
    first = next(shown.iterchildren(), None)
    kicker = read_text(first) if first is not None and not (shown.text or "").strip() else ""
    rest = text.removeprefix(kicker).lstrip(" :：|–—-")
    is_rest = kicker and 2 * len(kicker) < len(rest) and fold_title(title).startswith(fold_title(rest))
    return rest if is_rest and not fold_title(title).startswith(fold_title(text)) else text


class _Mastheads:
    """Tells the headings that name the site: they lead to its front page, or say its name and nothing else."""

    def __init__(self, page: Page, metadata: Metadata) -> None:
        # Several systems state the headline of a page as the name of its site.
        self._sites = {fold_title(name) for name in metadata.site_names} - {fold_title(page.title)}
        self._fronts = {"/", "./", "index.html", "/index.html", "/index.php"}
        found = _ADDRESS.match(page.url)
        if found:
            self._fronts |= {f"{scheme}://{found[1].lower()}{end}" for scheme in ("http", "https") for end in ("", "/")}
        self._is_front = bool(found and not found[2].strip("/"))

    def holds(self, element: Any) -> bool:
        """Return whether a heading is a masthead."""
        if self._is_front and element.tag == "h1":
            return False
        text = fold_title(read_text(element))
        links = [*element.iter("a"), *(parent for parent in element.iterancestors("a"))]
        if any(self._leads_home(link) and 2 * len(fold_title(read_text(link))) > len(text) for link in links):
            return True
        return text in self._sites

    def _leads_home(self, link: Any) -> bool:
        return link.get("href", "").strip().lower() in self._fronts or "home" in (link.get("rel") or "").split()


def _says_as_much(element: Any, stated: str) -> bool:
    """Return whether what JSON-LD states can stand for the heading that shows it."""
    shown = fold_title(read_text(element))
    return not _TRUNCATED.search(stated) and fold_title(stated) in shown and "<" not in stated


def _find_shortened(headings: list[Any], stated: str, metadata: Metadata) -> Any:
    """Return the heading that JSON-LD repeats with the names of the site or more behind it, or a kicker before it."""
    wanted = fold_title(strip_suffixes(stated, metadata.site_names))
    for element in headings:
        text = read_text(element)
        folded = fold_title(text)
        if element.tag not in HEADINGS or len(folded) < _MIN_UNTITLED:
            continue
        if stated.startswith(text):
            return element if _SEPARATED.match(stated, len(text)) else None
        if element.tag == "h1" and (folded == wanted or _is_behind_kicker(text, stated)):
            return element
    return None


def _is_behind_kicker(text: str, stated: str) -> bool:
    """Return whether a headline is a text with a few words before it; with a colon they are part of the headline."""
    kicker = stated.removesuffix(text).rstrip()
    return stated.endswith(text) and 0 < len(kicker) < len(text) and not kicker.endswith((":", "："))


def _find_other(headings: list[Any], stated: str, page: Page) -> Any:
    """Return the only `h1`, where JSON-LD has another headline, which is that of the `title` or hardly speaks of it."""
    first = [element for element in headings if element.tag == "h1"]
    if len(first) != 1 or len(read_text(first[0])) > _MAX_OTHER:
        return None
    titles = fold_title(page.title) + fold_title(page.find_meta("og:title"))
    is_for_search = fold_title(stated) in titles
    return first[0] if is_for_search and _share_letters(read_text(first[0]), stated) >= _MIN_ALIKE else None


def _find_akin(headings: list[Any], text: str) -> Any:
    """Return the only `h1`, where it puts in other words what a headline says that no heading shows."""
    first = [element for element in headings if element.tag == "h1"]
    is_akin = len(first) == 1 and _share_letters(read_text(first[0]), text) >= _MIN_AKIN
    return first[0] if is_akin else None


def _iter_headings(page: Page) -> Iterator[Any]:
    """Yield what may show the headline, likeliest first: `h1`, other headings, elements whose class says title."""
    yield from (element for element in page.list_elements("h1") if _is_headline_long(element))
    yield from (element for element in page.list_elements(*_LESSER) if _is_headline_long(element))
    for element in page.list_elements("div", "p", "span", "td", "strong", "b", "font"):
        kind, name = element.get("class"), element.get("id")
        if (kind or name) and _is_named_title(f"{kind or ''} {name or ''}") and _is_headline_long(element):
            yield element


def _is_named_title(names: str) -> bool:
    return _is_short_title(names) if len(names) <= _MAX_CACHED_CHARS else bool(_TITLE_CLASS.search(names))


@lru_cache(_MAX_CACHED)
def _is_short_title(names: str) -> bool:
    return bool(_TITLE_CLASS.search(names))


def _is_headline_long(element: Any) -> bool:
    text = read_text(element)
    return _MIN_LETTERS <= len(fold_title(text)) <= _MAX_CHARS and not is_of_page_part(text)


def is_of_page_part(text: str) -> bool:
    """Return whether a heading names a part of the page or other articles: `Navigation`, `Related articles`."""
    return bool(_ANNOUNCING.fullmatch(text))


def _find_repeated(headings: list[Any], title: str) -> Any:
    """Return the heading that the `title` element repeats, the longest of the likeliest kind."""
    wanted = fold_title(title)
    best: Any = None
    for element in headings:
        text = fold_title(read_text(element))
        if text not in wanted or _is_word_within(text, title):
            continue
        is_longer = best is None or len(text) > len(fold_title(read_text(best)))
        if is_longer and (best is None or element.tag == best.tag or _may_name_site(best, title)):
            best = element
    if best is None or best.tag == "h1":
        return best
    text = fold_title(read_text(best))
    is_end = best.tag in HEADINGS and len(text) >= _MIN_UNTITLED and wanted.endswith(text)
    is_start = wanted.startswith(text) and len(text) >= _MIN_OF_PART * len(fold_title(_SEPARATOR.split(title)[0]))
    return best if is_start or is_end else None


def _may_name_site(heading: Any, title: str) -> bool:
    """Return whether a heading is an `h1` that is a link or the last part of the `title`, as a site's name is."""
    *before, last = _SEPARATOR.split(title)
    is_last = bool(before) and fold_title(last) == fold_title(read_text(heading))
    return heading.tag == "h1" and (is_last or _is_link(heading))


def _is_word_within(text: str, title: str) -> bool:
    """Return whether a folded text is but a word or two from within the longest part of a `title`."""
    parts = [fold_title(part) for part in _SEPARATOR.split(title)]
    longest = max(parts, key=len)
    return text in longest[1:-1] and 3 * len(text) < len(longest) and text not in parts


def _is_link(heading: Any) -> bool:
    """Return whether a heading is a link and nothing else, as the name of the site is."""
    links = [*heading.iter("a"), *heading.iterancestors("a")]
    return any(fold_title(read_text(heading)) in fold_title(read_text(link)) for link in links)


def _is_name_of_site(shown: Any, page: Page, metadata: Metadata) -> bool:
    """Return whether a heading and the `title` say the name of the site, or of its host, and nothing else."""
    name = fold_title(read_text(shown))
    if name != fold_title(page.title):
        return False
    return _is_named_like_site(name, metadata) or (len(name) >= _MIN_HOST and name in fold_title(read_host(page.url)))


def _find_dated(headings: list[Any], page: Page) -> Any:
    """Return the only `h1`, where it says much the same as the `title`, or a heading with a date right behind it."""
    first = list({read_text(element): element for element in headings[::-1] if element.tag == "h1"}.values())
    title = page.find_meta("og:title") or page.title
    if len(first) == 1 and (
        not title or _GENERIC.fullmatch(title) or _share_letters(read_text(first[0]), title) >= 0.5
    ):
        return first[0]
    if any(fold_title(read_text(element))[:8] == fold_title(title)[:8] for element in headings):
        return None
    dated = next((element for element in headings if _FULL_DAY.search(_read_behind(element))), None)
    dated = next(filter(_is_dated, headings), None) if dated is None else dated
    return dated if dated is not None else _find_continued(headings, title)


def _is_dated(heading: Any) -> bool:
    """Return whether a line beside a heading says a day, or the text behind it and its byline begins with one."""
    if heading.tag not in HEADINGS or len(fold_title(read_text(heading))) < _MIN_UNTITLED or _is_link(heading):
        return False
    before = heading.getprevious()
    if before is not None and len(line := read_text(before)) < _MAX_LINE and find_day(line):
        return True
    first, second = [*(read_text(element)[:_MAX_LINE] for element in islice(heading.itersiblings(), 2)), "", ""][:2]
    for text in (heading.tail or "", first, second if len(first) < _MAX_LINE else ""):
        day = find_day(text)
        if day is not None and (len(text) < _MAX_LINE or not re.search(r"\w", text[: day.start()])):
            return True
    return False


def _find_continued(headings: list[Any], title: str) -> Any:
    """Return a heading that the text behind it tells of, where the `title` knows none of the headings."""
    if any(_share_letters(read_text(element), title) >= _MIN_ALIKE for element in headings):
        return None
    return next(
        (element for element in headings if _share_letters(read_text(element), _read_text_behind(element)) >= 0.6), None
    )


def _read_text_behind(element: Any) -> str:
    following = element.getnext()
    return (element.tail or "")[:400] + (read_text(following)[:400] if following is not None else "")


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
                # An attribute ends at the first unescaped quotation mark; a heading does not.
                return Statement(text=read_text(shown), evidence="h1"), shown
            shown = _find_akin(headings, text) if shown is None else shown
            return Statement(text=text, evidence=statement.evidence), shown
    first = [element for element in headings if element.tag == "h1"] or [
        element for element in headings if len(fold_title(read_text(element))) >= _MIN_UNTITLED
    ]
    if first:
        return Statement(text=read_text(first[0]), evidence=first[0].tag), first[0]
    return title, None


def strip_suffixes(title: str, site_names: list[str]) -> str:
    """Return a title without the names of channel and site behind it, and without that of the site before it."""
    sites = {fold_title(name) for name in site_names}
    before = _PREFIX.match(title)
    if before and fold_title(before[1]) in sites and len(fold_title(title[before.end() :])) >= _MIN_LETTERS:
        title = title[before.end() :]
    parts = _SEPARATOR.split(title)
    while len(parts) > 1 and _is_suffix(parts, sites):
        parts.pop()
    kept = title[: _end_of(title, len(parts))].strip()
    tight = _TIGHT_SUFFIX.search(kept)
    if tight and (fold_title(tight[1]) in sites or _SITE_WORD.search(tight[1])):
        kept = kept[: tight.start()].rstrip("-–— ")
    return kept or title


def _strip_site(text: str, site_names: list[str]) -> str:
    """Return the text of a heading without the name of the site behind it."""
    parts = _SEPARATOR.split(text)
    is_named = len(parts) > 1 and fold_title(parts[-1]) in {fold_title(name) for name in site_names}
    return text[: _end_of(text, len(parts) - 1)].strip() if is_named else text


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
