"""Visible statements of when an article was published.

Many pages, most Chinese ones among them, tell machines nothing or the day alone, and have the time of day in the
line below the headline. The rules know families of such places, never a site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from pipelines.article.boilerplate import begin_from, is_beside, stands_beside, stands_with_others
from pipelines.dates.machine_dates import INSTANT_ONLY, PUBLISHED_CLASS
from pipelines.dates.patterns import names_day
from pipelines.dates.vocabulary import MODIFIED, PUBLISHED, fold
from pipelines.page.metadata import Statement
from pipelines.page.page import BLOCKS, fold_blanks, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.page.page import Page

_SILENT = frozenset(["script", "style", "noscript"])
_NEAR_BLOCKS = 14
_MAX_FOLLOWING = 60
_MIN_HEADLINE = 8
# A label that stands alone in front of its date.
_LABEL_CHARS = 24
_LEAST_LABEL = 6
_ALONE_CHARS = 30
_ALONE_REST = 12
# Letters beside a day: `Donnerstag, … Uhr`; `Publicerad: … Uppdaterad: …`.
_BARE_REST, _LABELLED_REST = 13, 25
_BARE = ("p", "div", "span", "small", "time", "li", "td", "em", "i", "fieldset", "h3", "h4", "h5")
_LABELS = ("h2", "h3", "h4", "h5", "h6", "dt", "th", "strong", "b", "span", "p", "div", "label")
# Behind so much prose a change is that of the site.
_PROSE_BLOCKS = 2
_PROSE_CHARS = 60
_NEAR_CHARS = 160
_DATELINE_CHARS = 90
# A line that also says where an entry is filed and how to reply.
_LINE_CHARS = 400

_DATE_CLASS = re.compile(
    r"(?:^|[^a-z])(?:date|datum|fecha|time|pub|publish\w*|posted|dateline|timestamp|byline|ptime)", re.IGNORECASE
)
_LABEL = re.compile(
    r"(?:发布|發布|發佈|发表|發表|发稿|刊登|上传|添加|录入|更新|文章|新闻)?(?:时间|時間|日期)\s*[:：]|发布于|发表于"
    r"|(?:published|posted|veröffentlicht|publiée?|publicad[oa]|pubblicat[oa]|gepubliceerd|geplaatst"
    r"|publicera(?:d|des|ts)|gepostet|(?:eintrag|beitrag|artikel) wurde (?:erstellt )?am)\b",
    re.IGNORECASE,
)
# What a colon says of what follows.
_COLONED = re.compile(r"[^\d:：]{3,30}(?=[:：])")
# Since when the writer of a post has been a member, and what time it is.
_OF_FORUM = re.compile(
    r"(?:registriert|registered|joined|(?:member|mitglied|dabei|membre) (?:since|seit|depuis)"
    r"|aktuelle zeit|(?:current time|it is currently)|nous sommes)\b",
    re.IGNORECASE,
)
# A month's name, of scripts with vowel signs, too; digits of other scripts and years of Thailand are years as well.
_MONTH = r"[^\s\d!-/:-@\[-`{-~]{3,12}"
_YEAR = r"(?:(?:19|20)\d\d|25[5-9]\d|(?![0-9])\d{4})"
_HAS_DAY = re.compile(
    r"(?:19|20)\d\d\s*[-./年]\s*\d{1,2}\s*[-./月]\s*\d{1,2}|\d{1,2}\s*[-./]\s*\d{1,2}\s*[-./]\s*(?:19|20)?\d\d(?!\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?\s+(?:de\s+)?{_MONTH}\.?,?\s+(?:del?\s+)?{_YEAR}"
    rf"|{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+(?:19|20)\d\d"
    r"|(?:19|20)\d\d\. [^\W\d_A-Z]{3,12} \d{1,2}\."
)
_PLACE = r"[^\W\d_][\w.'’-]*"
_OPENING = re.compile(
    rf"\W{{0,3}}(?:{_PLACE}(?:[\s,./-]+{_PLACE}){{0,5}}[\s,./–—-]+)?\(?(?P<day>(?:{_HAS_DAY.pattern}))(?:[).:]|\s*[–—(/]|\s-)"
)
_OPENING_CHARS = 120
# Most texts have neither two digits side by side nor a digit at all.
_TWO_DIGITS = re.compile(r"\d\d")
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d+")
_NUMERIC = re.compile(r"[\d\W]+")
_CLOCK = re.compile(r"\d{1,2}[:.]\d\d(?::\d\d)?")
_READING_TIME = re.compile(
    r"(?:(?:reading time|lesezeit|temps de lecture)\W*)?"
    r"\d{1,2}[ -]?min(?:ute|uto|uti|uten)?[sn]?\b\.?(?: (?:read|lesezeit|de lecture))?",
    re.IGNORECASE,
)
# After a Thai letter, a full stop ends an abbreviation.
_SENTENCE = re.compile(r"(?:(?<![\u0e00-\u0e7f])\.|[!?。！？।؟۔])[\"'”’»」』）)\]]*$")
_MIN_SENTENCE = 40
# Of attributes, what machines read; `title` on elements whose class says so, or on `time`.
_TIME_ATTRIBUTES = (
    *("datetime", "data-time", "data-timestamp", "data-date", "data-datetime", "data-utime"),
    *("data-published", "data-publish-date", "data-original-date", "content"),
)
_CHANGED = re.compile(r"modif|updat|chang|aktualis|actuali", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Around:
    """The texts around a heading: behind it, block by block, and right before it."""

    behind: tuple[str, ...]
    before: tuple[str, ...]


def find_shown(page: Page, headline: str) -> Any:
    """Return the first element that says the headline and is not a heading, or None."""
    wanted = fold_blanks(headline)
    if len(wanted) < _MIN_HEADLINE:
        return None
    for element in page.list_elements("h4", "h5", "h6", "p", "div", "span", "strong", "b", "td"):
        if wanted[:8] in (element.text or "") and read_text(element) == wanted:
            return element
    return None


def read_around(headline: Any) -> list[Around]:
    """Return what stands around the headline; where the same heading is on the page again, around that as well."""
    if headline is None:
        return []
    return [
        Around(tuple(_iter_behind(heading)), tuple(_iter_before(heading)))
        for heading in [headline, *_list_equal(headline)]
    ]


def list_near(around: list[Around]) -> list[Statement]:
    """Return the texts with a date in them around the headline: behind it first, then right before it."""
    found: list[Statement] = []
    for texts in around:
        for text in filter(_is_dateline, texts.behind):
            found.append(Statement(text=_cut(text), evidence="text:near headline"))
        for text in filter(_is_dateline, texts.before):
            found.append(Statement(text=_cut(text), evidence="text:before headline"))
    return found


def _list_equal(headline: Any) -> list[Any]:
    """Return the headings of the page that say the same."""
    text = read_text(headline)
    others = headline.getroottree().getroot().iter("h1", "h2", "h3")
    return [other for other in others if other is not headline and read_text(other) == text][:2]


def _is_dateline(text: str) -> bool:
    """Return whether a text may hold a date that is not part of a sentence; what reads dates decides."""
    if _OF_FORUM.match(text):
        return False
    if len(text) > _DATELINE_CHARS:
        date = find_day(text)
        return date is not None and _is_labelled(text[max(0, date.start() - 20) : date.start()])
    if len(text) > _MIN_SENTENCE and _SENTENCE.search(text) and not _is_labelled(text):
        return False
    rest = _CLOCK.sub("", text)
    return bool(_DIGIT.search(rest)) or names_day(rest)


def find_day(text: str) -> re.Match[str] | None:
    """Return the first day with its year that a text says, or None."""
    return _HAS_DAY.search(text) if _TWO_DIGITS.search(text) else None


def _cut(text: str) -> str:
    """Return the text from its label or its date on, short enough to hold nothing else."""
    if len(text) <= _DATELINE_CHARS:
        return text
    starts = [match.start() for match in (_LABEL.search(text), find_day(text)) if match]
    return text[max(0, min(starts)) :][:60]


def _iter_behind(headline: Any) -> Iterator[str]:
    """Yield the texts behind the headline, block by block, as long as no paragraph of prose has come."""
    seen = 0
    if headline.tail and headline.tail.strip():
        yield fold_blanks(headline.tail)
    for element in headline.iterchildren():
        yield read_text(element)
    prose = 0
    for text in _iter_block_texts(headline):
        if text and not (prose >= _PROSE_BLOCKS and is_change(text)):
            seen += 1
            yield text
        prose += len(text) >= _PROSE_CHARS and bool(_SENTENCE.search(text))
        if seen >= _NEAR_BLOCKS:
            return


def _iter_moments(element: Any) -> Iterator[str]:
    """Yield what an element and those in it say to machines: attributes that hold an instant, and texts of `time`."""
    for inner in element.iter("time", "abbr", "span", "a", "div", "p"):
        if _is_of_change(inner):
            continue
        names = (*_TIME_ATTRIBUTES, "title") if inner.tag in ("time", "abbr", "span") else _TIME_ATTRIBUTES
        values = [value for name in names if (value := inner.get(name)) and INSTANT_ONLY.fullmatch(value)]
        if values or inner.tag == "time":
            yield values[0] if values else read_text(inner)


def _is_of_change(element: Any) -> bool:
    """Return whether an element says when the article was changed."""
    named = " ".join(element.get(name) or "" for name in ("class", "itemprop", "property"))
    return bool(_CHANGED.search(named)) and not PUBLISHED_CLASS.search(named)


def _read_apart(element: Any) -> str:
    """Return the text of an element, its parts parted: two dates side by side are two."""
    return fold_blanks(" ".join(element.itertext())) if isinstance(element.tag, str) else ""


def _iter_block_texts(headline: Any) -> Iterator[str]:
    """Yield the text of each innermost block, or inline element between blocks, that follows in the document."""
    is_between: dict[Any, bool] = {}
    known = begin_from([headline])
    for element in islice(_iter_following(headline), _MAX_FOLLOWING):
        if element.tag in _SILENT:
            continue
        if is_beside(element) or stands_beside(element, known):
            continue
        if element.tag in ("ol", "ul") and _lists_dated(element):
            known[element] = True
            continue
        if element.tag in BLOCKS and any(child.tag in BLOCKS or _is_card(child) for child in element):
            yield fold_blanks((element.text or "") + " ".join(child.tail or "" for child in element))
            continue
        parent = element.getparent()
        if element.tag not in BLOCKS and parent not in is_between:
            is_between[parent] = any(sibling.tag in BLOCKS for sibling in parent)
        if element.tag in BLOCKS or is_between[parent]:
            moments = list(_iter_moments(element))
            yield from moments
            if len(moments) < 2 and not _is_of_change(element):
                yield _read_apart(element)


def _iter_following(element: Any) -> Iterator[Any]:
    """Yield the elements that follow one in the document, without its descendants."""
    for above in (element, *element.iterancestors()):
        for sibling in above.itersiblings():
            yield from sibling.iter("*")


def _lists_dated(element: Any) -> bool:
    """Return whether two entries of a list each hold a `time` and a link: they are of other articles."""
    dated = (entry for entry in element if entry.find(".//time") is not None and entry.find(".//a[@href]") is not None)
    return len(list(islice(dated, 2))) == 2


def _is_card(element: Any) -> bool:
    """Return whether an inline element leads to another article and holds blocks about it."""
    return element.tag == "a" and is_beside(element)


def _iter_before(headline: Any) -> Iterator[str]:
    """Yield the texts of the few elements right before the headline."""
    element = headline
    for _ in range(3):
        if element is None or element.tag == "body":
            return
        for sibling in list(element.itersiblings(preceding=True))[:4]:
            text = _read_apart(sibling) if sibling.tag not in _SILENT else ""
            if text and len(text) <= _NEAR_CHARS:
                yield from _iter_moments(sibling)
                yield text
        element = element.getparent()


def list_timed(page: Page) -> list[Statement]:
    """Return the values of `time` elements that are none of a change, a comment or another article."""
    found = []
    lists: dict[Any, bool] = {}
    known = begin_from(page.list_elements("h1"))
    for element in page.list_elements("time"):
        text = element.get("datetime") or element.get("title") or read_text(element)
        around = list(element.iterancestors("ol", "ul"))
        lists |= {entries: _lists_dated(entries) for entries in around if entries not in lists}
        is_other = stands_beside(element, known) or _tells_the_time(element) or any(lists[own] for own in around)
        if text.strip() and not _is_of_change(element) and not is_other:
            found.append(Statement(text=text[:60], evidence="time"))
    return found[:5]


def _tells_the_time(element: Any) -> bool:
    """Return whether an element is in the header of the site, which may show the current day and time."""
    header = next(element.iterancestors("header"), None)
    if header is None or next(header.iter("h1", "h2"), None) is not None:
        return False
    return next(header.iterancestors("article", "main"), None) is None


def list_announced(page: Page) -> list[Statement]:
    """Return dates behind a label that is its own element, `Published`, also in a column beside the article."""
    found = []
    known: dict[Any, bool] = {}
    for element in page.list_elements(*_LABELS):
        label = (element.text or "").strip().rstrip(":：")
        if not 3 < len(label) <= _LABEL_CHARS or len(element) or _DIGIT.search(label):
            continue
        folded = fold(label)
        if not any(word in folded for word in PUBLISHED):
            continue
        following = element.getnext()
        text = fold_blanks(element.tail or "") or (read_text(following) if following is not None else "")
        if len(text) <= _DATELINE_CHARS and find_day(text) and not stands_with_others(element, known):
            found.append(Statement(text=text[:60], evidence="text:labelled"))
    return found[:3]


def list_alone(page: Page) -> list[Statement]:
    """Return the one day that blocks outside of the site's frame say and nothing else, if there is one alone."""
    found: dict[str, Statement] = {}
    known = begin_from(page.list_elements("h1"))
    for element in page.list_elements(*_BARE):
        if len(element.text or "") > _NEAR_CHARS:
            continue
        own = fold_blanks(" ".join([element.text or "", *(child.tail or "" for child in element)]))
        if len(own) > _ALONE_CHARS or not (day := find_day(own)) or stands_beside(element, known):
            continue
        if len(own) - len(day[0]) <= _ALONE_REST and not is_change(own) and not _is_of_change(element):
            numbers = " ".join(sorted(_NUMBER.findall(day[0]))) if _NUMERIC.fullmatch(day[0]) else day[0]
            found.setdefault(numbers, Statement(text=own, evidence="text:alone"))
    return list(found.values()) if len(found) == 1 else []


def list_opening(around: list[Around]) -> list[Statement]:
    """Return the day in the first words of the text, as press offices write it: `BERLIN, 3 March 2026 –`."""
    prose = [text for texts in around[:1] for text in texts.behind if len(text) > _DATELINE_CHARS]
    found = (_OPENING.match(text[:_OPENING_CHARS]) for text in prose[:_PROSE_BLOCKS])
    return [Statement(text=match["day"], evidence="text:dateline") for match in found if match][:1]


def list_beside(page: Page) -> list[Statement]:
    """Return the one day in a column beside the article that is classed as a date, unless a link is next to it."""
    found: dict[str, Any] = {}
    for element in page.list_elements("p", "div", "span", "time"):
        own = fold_blanks((element.text or "")[:_NEAR_CHARS])
        if len(element) == 0 and len(own) <= _ALONE_CHARS and find_day(own) and _is_dated(element):
            found.setdefault(own, element)
    if len(found) != 1:
        return []
    [(text, element)] = found.items()
    beside = [other for other in (element.getprevious(), element.getnext()) if other is not None]
    is_teaser = any(next(other.iter("a"), None) is not None for other in beside) or stands_with_others(element, {})
    return [] if is_teaser or is_change(text) else [Statement(text=text, evidence="text:beside")]


def _is_dated(element: Any) -> bool:
    """Return whether an element's names call it a date."""
    return bool(_DATE_CLASS.search(f"{element.get('class') or ''} {element.get('id') or ''}"))


def list_updated(page: Page) -> list[Statement]:
    """Return the short texts outside of the site's frame that say when the article was changed."""
    known = begin_from(page.list_elements("h1"))
    found = []
    for element in page.list_elements(*_BARE):
        own = fold_blanks(" ".join([element.text or "", *(child.tail or "" for child in element)]))
        if len(own) > _LABEL_CHARS + _ALONE_CHARS or not find_day(own) or not is_change(own):
            continue
        if fold(own).removeprefix("last ").startswith(MODIFIED) and not stands_beside(element, known):
            found.append(Statement(text=own, evidence="text:updated"))
    return found[:1]


def list_labelled(page: Page) -> list[Statement]:
    """Return texts anywhere that are labelled, or classed, as a date; not those of a change, or of the site's frame."""
    found = []
    is_ahead = bool(page.list_elements("h1"))
    known = begin_from(page.list_elements("h1"))
    for element in page.list_elements("h1", "p", "div", "span", "td", "li", "font", "em", "i", "b", "small"):
        is_ahead = is_ahead and element.tag != "h1"
        own = (element.text or "") + " "
        if len(element):
            own = (own + " ".join([child.tail or "" for child in element])).strip()
            start = own[:_NEAR_CHARS]
            if _LEAST_LABEL <= len(own) <= _LINE_CHARS and not find_day(start):
                # The day of `Posted on <b>3 March 2026</b>` is in an element of its own.
                whole = read_text(element)[:_NEAR_CHARS]
                if not find_day(whole) and not find_day(fold_blanks(own)):
                    continue
                own = whole if _is_labelled(start) else own
        if not _TWO_DIGITS.search(own):
            continue
        own = fold_blanks(own)
        if len(own) > _NEAR_CHARS or not _HAS_DAY.search(own) or stands_beside(element, known) or _OF_FORUM.match(own):
            continue
        if is_change(own) and next(element.iterancestors("article", "main"), None) is None:
            # Of the site, as far as it says.
            continue
        if _is_labelled(own):
            found.append(Statement(text=_cut(own), evidence="text:labelled"))
        elif _is_dated(element):
            evidence = "text:before headline" if is_ahead else "text:classed"
            found.append(Statement(text=_cut(own), evidence=evidence))
    found.sort(key=lambda statement: statement.evidence != "text:labelled")
    return found[:5]


def _is_labelled(text: str) -> bool:
    """Return whether a text labels its first day as that of publication, or is such a label."""
    if _LABEL.search(text):
        return True
    day = find_day(text)
    labels = map(fold, _COLONED.findall(text[: day.start()] if day else text))
    return any(word in label for label in labels for word in PUBLISHED)


def is_bare_day(text: str) -> bool:
    """Return whether a text says a day and hardly more than the day of the week, the time or when it was published."""
    if not find_day(text):
        return False
    bare = _READING_TIME.sub("", _CLOCK.sub("", _HAS_DAY.sub("", text)))
    is_labelled = any(word in fold(bare) for word in (*PUBLISHED, *MODIFIED))
    if not is_labelled and _COLONED.search(bare):
        return False
    return sum(map(str.isalpha, bare)) <= (_LABELLED_REST if is_labelled else _BARE_REST)


def is_change(text: str) -> bool:
    """Return whether a text says when something was changed, and not when it was published."""
    folded = fold(text)
    changed = any(word in folded for word in MODIFIED)
    return changed and not any(word in folded for word in PUBLISHED)


def list_changed(around: list[Around]) -> list[str]:
    """Return the texts behind the headline that say when the article was last changed."""
    behind = (text for texts in around[:1] for text in texts.behind)
    return [text for text in behind if len(text) <= _DATELINE_CHARS and _DIGIT.search(text) and is_change(text)]


def list_lines_near(around: list[Around]) -> list[str]:
    """Return the short lines around the headline, those behind it first; bylines stand among them."""
    lines = [text for texts in around[:1] for text in (*texts.behind, *texts.before)]
    return [text for text in lines if len(text) <= _DATELINE_CHARS]
