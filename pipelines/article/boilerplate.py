"""Recognises what is around and inside an article without being part of it, by structure and vocabulary.

Class names are the page author's own labels: `related`, `share`, `newsletter` mean the same on thousands of pages, and
some words mean it on some pages only, so a word under which most of a page stands says nothing there. Lists whose
entries all lead elsewhere belong to other articles. Nothing here knows a site.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.article.text_density import Measures
from pipelines.article.visibility import drop
from pipelines.page.page import BLOCKS, HEADINGS, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# Words that name what is not part of any article.
_CLUTTER = """
adslot advert advertise advertisement advertising advertorial author authors bdshare bio breadcrumb breadcrumbs
bshare comentarios comment commentaires comments consent contribute contribution cookie cookies copyright
crumb crumbs cta disclaimer disclosure disqus donate donation donations erweima ewm feedback follow footer
jiathis keywords kommentar kommentare login membership menu modal morenews mostread navbar navigation
newsletter newsletters outbrain pager pagination paging piano popup promo promos promotion qrcode readmore
postmeta postmetadata
recommend recommendation recommendations recommended register relate related relatednews relates relation
relations replies reply respond saboxplugin seealso share shares sharing sidebar signup skip sns social
sponsor sponsored subscribe support taboola tagcloud taglist tags teaser teasers toolbar tooltip trending
"""
# Words that often do, and as often say how a part of the article looks or what it is.
_DOUBTFUL = """
accessibility ad ads adv banner banners breaking carousel dfp hidden hot lightbox liveblog nav overlay paywall popular
print rank ranking rating slick statement subscription subscriptions swiper ticker vote widget
"""
CLUTTER = frozenset(_CLUTTER.split())
_ALL_CLUTTER = CLUTTER | frozenset(_DOUBTFUL.split())
# On a box of prose they say that it is about a person, on a line that a person said it.
_PERSONS = frozenset(["author", "authors"])
# Of these there may be more on a page than of the article.
_BESIDE = """
comentarios comment commentaires comments cookie cookies disqus footer kommentar kommentare navigation related relation
relations replies reply respond recommended recommendation recommendations sidebar teaser teasers
"""
_NEVER_ARTICLE = frozenset(_BESIDE.split())
_LABELS = """
abstract app aside audio author authors bar btn button byline caption credit credits date download editor gallery
headline icon info kicker label laiyuan latest list location meta metadata more next player position prev previous
print reporter side slideshow source subtitle tag time title tool tools topic topics video zebian
"""
LABELS = frozenset(_LABELS.split())
_LIST = frozenset(["list"])
# Words that name comments, other articles and columns; dates and names in them are not the article's.
_FRAMES = frozenset(
    ["comment", "comments", "disqus", "related", "recommended", "replies", "reply", "respond", "sidebar", "trending"]
)
_OF_ENTRY = frozenset(["entry", "hentry", "meta", "post"])
# Words of which the name of an article's body is made, and those that make another of it.
_ARTICLES = frozenset(["article", "blog", "entry", "news", "post", "story"])
_BODIES = frozenset(["body", "content", "copy", "inner", "text"])
_NO_BODIES = frozenset(["container", "footer", "header", "meta", "related", "sidebar", "title", "wrap", "wrapper"])
# `has-sidebar`, `sidebar-grid`: the class of what is beside it.
_LAYOUT = frozenset(["disabled", "false", "grid", "has", "layout", "no", "with", "without"])
# WordPress lists the categories and tags of an entry among its classes.
_TAXONOMIES = ("category-", "tag-")
_NO_WORDS: frozenset[str] = frozenset()
# Names of classes recur; very long ones would only take memory.
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Classes of a framework that say how something is drawn: `overflow-hidden`, `md:hidden`, `field--label-hidden`.
_STYLED = re.compile(
    r"(?:overflow|label|scrollbar|backface)(?:-[a-z]{1,10})?-?hidden|\b[a-z]{2,3}:hidden", re.IGNORECASE
)

DATELINE = re.compile(
    r"\d{4}[-年./]\d{1,2}|\d{1,2}[./ ]\w{0,12}[./ ]? ?\d{4}|\d{1,2}:\d\d"
    r"|[^\W\d_]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?, ?\d{4}"
)
# Elements that hold no article, unless most of the page is in them.
_OUTSIDE = frozenset(["aside", "footer"])
# So much of a page's prose under a word takes its meaning.
_MAX_HELD = 0.5
_MAX_NEVER = 0.97
_MAX_CLUTTER = 0.9
_MAX_DOUBTFUL = 0.6
_MAX_LABEL = 200.0
PROSE_START = 60.0
_MAX_ENTRY = 400.0
_TEASER_COUNT = 3
# Lists and tables of the article itself may have a link in each entry.
_OWN_LISTS = frozenset(["dl", "ol", "table", "tbody", "ul"])
_MIN_LINKED = 0.6


def list_class_words(element: Any) -> frozenset[str]:
    """Return the words of an element's class and id, and of the name of a custom element, in lower case."""
    kind, name = element.get("class"), element.get("id")
    if "-" in element.tag:
        kind = f"{kind or ''} {element.tag}"
    if not kind and not name:
        return _NO_WORDS
    names = f"{kind or ''} {name or ''}"
    return _list_short_words(names) if len(names) <= _MAX_CACHED_CHARS else _list_words(names)


def names_body(element: Any) -> bool:
    """Return whether an element is named as the body of an article: `article-body`, `entry-content`, `articleBody`."""
    if "articlebody" in (element.get("itemprop") or "").lower():
        return True
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return len(names) <= _MAX_CACHED_CHARS and any(_is_body_name(name) for name in names.split())


@lru_cache(_MAX_CACHED)
def _is_body_name(name: str) -> bool:
    words = frozenset(word.lower() for word in _WORD.findall(name))
    return not words.isdisjoint(_ARTICLES) and not words.isdisjoint(_BODIES) and words.isdisjoint(_NO_BODIES)


def _list_words(names: str) -> frozenset[str]:
    found: set[str] = set()
    is_entry = "hentry" in names
    for name in _STYLED.sub("", names).split():
        if is_entry and name.startswith(_TAXONOMIES):
            continue
        words = {word.lower() for word in _WORD.findall(name)}
        found |= words - _ALL_CLUTTER if words & _LAYOUT else words
    return frozenset(found)


_list_short_words = lru_cache(_MAX_CACHED)(_list_words)


class Clutter:
    """What class names mean on one page: a word that most of its prose is under says nothing there.

    Args:
        measures: of the page's body and all below it.

    Attributes:
        beside: prose under words that never name an article.
    """

    def __init__(self, body: Any, measures: Measures) -> None:
        self.beside = 0.0
        self._words = _ALL_CLUTTER - self._list_meaningless(body, measures)

    def _list_meaningless(self, body: Any, measures: Measures) -> frozenset[str]:
        held: Counter[str] = Counter()
        stack: list[tuple[Any, frozenset[str]]] = [(body, _NO_WORDS)]
        while stack:
            parent, above = stack.pop()
            for child in parent:
                measure = measures.get(child)
                if measure is None or measure.prose <= 0:
                    continue
                words = (list_class_words(child) & _ALL_CLUTTER) - above
                for word in words:
                    held[word] += int(measure.prose)
                if not words.isdisjoint(_NEVER_ARTICLE) and above.isdisjoint(_NEVER_ARTICLE):
                    self.beside += measure.prose
                stack.append((child, above | words if words else above))
        most = max(1.0, measures[body].prose)
        self.beside = self.beside if self.beside <= _MAX_NEVER * most else 0.0
        return frozenset(
            word for word, prose in held.items() if prose > (_MAX_NEVER if word in _NEVER_ARTICLE else _MAX_HELD) * most
        )

    def find_words(self, element: Any) -> frozenset[str]:
        """Return the words of an element that say that it is not part of an article."""
        return list_class_words(element) & self._words

    def is_clutter(self, element: Any) -> bool:
        """Return whether an element's name, class or id says that it is not part of an article."""
        return element.tag in _OUTSIDE or bool(self.find_words(element))


def shape(element: Any) -> tuple[str, str]:
    """Return what makes two siblings parts of the same kind: tag and class."""
    return (element.tag, element.get("class") or "")


def stands_alone(element: Any) -> bool:
    """Return whether nothing but blanks is beside an inline element."""
    if (element.tail or "").strip():
        return False
    before = element.getprevious()
    text = before.tail if before is not None else element.getparent().text
    return not (text or "").strip()


def drop_clutter(body: Any, measures: Measures, path: list[Any], clutter: Clutter, *, spared: list[Any]) -> list[Any]:
    """Take out what class names and structure say is not part of the article.

    Args:
        path: the elements from the heart of the article up to `body`; they stay, and so do siblings of their shape.
        spared: the element that shows the headline and those that introduce the article; they stay, too.

    Returns:
        the elements that have lost children.
    """
    changed = []
    kept = set(path)
    around = {above for element in spared for above in element.iterancestors()}
    is_sure = not any(clutter.is_clutter(element) for element in path)
    judge = _Judge(measures, clutter)
    total = measures[body].prose
    stack = [(body, False)]
    while stack:
        parent, is_inside = stack.pop()
        is_inside = is_inside or parent is path[0]
        # Inside the article a wrapper may be called `paywall`; outside, there may be more comments than article.
        limit = total * (_MAX_CLUTTER if is_sure and not is_inside else _MAX_DOUBTFUL)
        own = [child for child in parent if child in kept] if parent in kept else ()
        shapes = {shape(child) for child in own if child.get("class") and child.tag != "p"}
        for child in list(parent):
            if child not in measures:
                continue
            is_alike = bool(shapes) and shape(child) in shapes
            if child in spared:
                continue
            if (
                child in kept
                or child in around
                or (is_alike and measures[child].prose > 0 and child.find(".//h1") is None)
            ):
                stack.append((child, is_inside))
            elif _is_removable(child):
                is_near = is_inside or parent in path[:2]
                if judge.is_unwanted(child, limit, is_inside=is_inside, is_near=is_near):
                    changed.append(drop(child))
                else:
                    stack.append((child, is_inside))
    return changed


def _is_removable(element: Any) -> bool:
    """Return whether an element is a block, a custom element, or an inline one on its own line."""
    return element.tag in BLOCKS or "-" in element.tag or stands_alone(element)


class _Judge:
    """Tells which elements are not part of the article."""

    def __init__(self, measures: Measures, clutter: Clutter) -> None:
        self._measures = measures
        self._clutter = clutter

    def is_unwanted(self, element: Any, limit: float, *, is_inside: bool, is_near: bool) -> bool:
        """Return whether an element is to go; `limit` is the most prose that it may take with it.

        Args:
            is_inside: it is in the heart of the article; `is_near` says in it or beside it.
        """
        measure = self._measures[element]
        words = self._clutter.find_words(element)
        if measure.prose < PROSE_START:
            words -= _PERSONS
        if element.get("itemprop") == "description" and measure.prose >= PROSE_START:
            return False
        if words and measure.prose <= limit and not (is_near and self._is_prose_of_its_own(element, words)):
            return True
        if 0 < measure.prose <= limit and _is_listing(element, self._measures):
            return not (is_inside and element.tag in _OWN_LISTS and measure.linked < _MIN_LINKED * measure.size)
        if self._is_label(element, is_inside=is_inside):
            return element.tag not in ("article", "main") and not (is_inside and self._is_between_prose(element))
        if element.tag == "form":
            return is_near and measure.prose <= limit
        return element.tag == "footer" or (element.tag == "aside" and measure.prose < 0.5 * limit)

    def _is_label(self, element: Any, *, is_inside: bool) -> bool:
        """Return whether an element is small and named as an aside; lists and headings in it are not."""
        measure = self._measures[element]
        if measure.prose >= PROSE_START or measure.size >= _MAX_LABEL or (is_inside and element.tag in HEADINGS):
            return False
        words = list_class_words(element) & LABELS
        return bool(words - _LIST if is_inside else words)

    def _is_prose_of_its_own(self, element: Any, words: frozenset[str]) -> bool:
        """Return whether an element is prose and nothing else, whatever a doubtful word says; two leave no doubt."""
        measure = self._measures[element]
        if measure.prose < PROSE_START or len(words) > 1 or not words.isdisjoint(CLUTTER):
            return False
        return (
            measure.prose >= 0.8 * measure.size
            and next(element.iter("form", "iframe", "button", "input"), None) is None
        )

    def _is_between_prose(self, element: Any) -> bool:
        """Return whether a sentence is between paragraphs of the article."""
        if self._measures[element].prose <= 0 or DATELINE.search(read_text(element)):
            return False
        beside = (element.getprevious(), element.getnext())
        return all(
            other is not None and other in self._measures and self._measures[other].size > 0 for other in beside
        ) and any(self._measures[other].prose >= PROSE_START for other in beside)


def _is_listing(element: Any, measures: Measures) -> bool:
    """Return whether an element is a list whose entries lead elsewhere."""
    entries = [child for child in element if child in measures and measures[child].size > 0]
    if len(entries) < _TEASER_COUNT:
        return False
    shapes = [shape(entry) for entry in entries]
    commonest, _ = Counter(shapes).most_common(1)[0]
    alike = [entry for entry in entries if shape(entry) == commonest]
    if len(alike) < 0.7 * len(entries) or commonest[0] == "p":
        return False
    leading = [
        entry
        for entry in alike
        if (entry.tag == "a" or entry.find(".//a") is not None) and measures[entry].size < _MAX_ENTRY
    ]
    return len(leading) >= 0.8 * len(alike)


def begin_from(headings: Iterable[Any]) -> dict[Any, bool]:
    """Return answers for `stands_beside`: what holds the headline is the article, whatever its class says of others."""
    frames = ("aside", "footer", "nav", "a")
    return {parent: False for heading in headings for parent in heading.iterancestors() if parent.tag not in frames}


def stands_beside(element: Any, known: dict[Any, bool]) -> bool:
    """Return whether an element is in what is not part of the article: comments, other articles, the site's frame.

    Args:
        known: answers for parents, which are added to.
    """
    parent = element.getparent()
    if parent is None:
        return False
    if parent not in known:
        known[parent] = is_beside(parent) or stands_beside(parent, known)
    return known[parent]


def is_beside(element: Any) -> bool:
    """Return whether an element is a frame of the site, or holds comments or other articles."""
    if element.tag == "footer" and _ends_article(element):
        return False
    if element.tag in ("aside", "footer", "nav"):
        return not list_class_words(element) & _OF_ENTRY
    if element.tag in ("body", "html", "main"):
        return False
    if element.tag == "a" and any(child.tag in BLOCKS for child in element):
        # A card that leads to another article, unless it leads to the page itself.
        return bool(element.get("aria-current") != "page")
    words = list_class_words(element)
    return not words.isdisjoint(_FRAMES) and not (element.tag == "article" and words & _OF_ENTRY)


def _ends_article(footer: Any) -> bool:
    """Return whether a footer is that of the article and not of the site. Spec: HTML §4.3.8."""
    if "article" in list_class_words(footer):
        return True
    article = next(footer.iterancestors("article"), None)
    return article is not None and article.find(".//h1") is not None


def stands_with_others(element: Any, known: dict[Any, bool]) -> bool:
    """Return whether an element stands among comments or other articles; a mere column beside the article is none."""
    parent = element.getparent()
    if parent is None or parent.tag in ("body", "html"):
        return False
    if parent not in known:
        is_other = not list_class_words(parent).isdisjoint(_FRAMES - {"sidebar"}) or parent.tag in (
            "a",
            "nav",
            "footer",
        )
        known[parent] = is_other or stands_with_others(parent, known)
    return known[parent]
