"""The main text of a page: which element holds the article, and which parts of it belong to the article.

The prose of every element is measured, the element with the most prose standing near it is the article's heart, and
from there the article reaches as far up as its siblings carry paragraphs of it. The headline cuts off what stands
above and the articles that follow below, and decides between rivals: what the headline speaks of is the article.
On the public pages of the corpus this finds more and errs less than the well-kept libraries, at twice the speed and
more; `benchmarks/extraction.py` measures all of them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lxml import etree

from pipelines.article.boilerplate import (
    CLUTTER,
    PROSE_START,
    Clutter,
    drop_clutter,
    list_class_words,
    names_body,
    shape,
)
from pipelines.article.embeds import keep_embedded, link_films
from pipelines.article.insertions import (
    begins_insertion,
    drop_headings,
    drop_insertions,
    drop_repeated,
    is_caption,
    mark_captions,
)
from pipelines.article.text_density import (
    SENTENCE_END,
    WIDE,
    Measure,
    Measures,
    list_lines,
    measure_again,
    measure_size,
    measure_tree,
)
from pipelines.article.visibility import drop, drop_invisible, open_templates
from pipelines.page.page import BLOCKS, HEADINGS, fold_blanks, fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.page.page import Page

_CLUTTER_WEIGHT = 0.1
_MAX_RIVALS = 20
_MIN_RIVAL = 0.1
_WELL_NAMED = 0.5
_BETTER_NAMED = 0.35
_MIN_SHARE = 0.6
_MIN_STORY = 120.0
_MIN_LEAD = 80.0
_MAX_LEADS = 3
# What follows an article is no larger part of the page's prose.
_MAX_FOLLOWING = 0.75
# So much of an element's prose beside it is part of its article: in siblings of its kind, and in any.
_MIN_PARTS = 0.1
_MIN_OTHERS = 0.25
_MIN_PART = 100.0
_MAX_LINKED_PART = 0.3
_MAX_LOOKED_AT = 20_000
_PARAGRAPHS = frozenset(["p", "blockquote", "ul", "ol", "h2", "h3", "h4", "pre", "figure", "dl", "font"])
_LEAVES = frozenset(["p", "blockquote", "li", "ul", "ol"])
_LEADS = """
abstract anriss bajada chapo daodu deck dek description entradilla excerpt ingress intro introduction lead leadin
leadtext led lede ledtext manchet preamble sapo sommario standfirst strapline subhead subheadline subtitle subtitulo
summary teaser vorspann zhaiyao
"""
_LEAD_WORDS = frozenset(_LEADS.split())
_CAPTIONS = frozenset(["figcaption", "del"])
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\W_]+")
_OUTER = frozenset(["p", "blockquote", "pre", "table", "tbody", "tr", "ul", "ol", "li", "dl", "figure"])


@dataclass(frozen=True, slots=True, kw_only=True)
class MainBody:
    """The main text of a page.

    Attributes:
        html: fragment as found, not sanitised.
        text: plain text, one line a block, without the captions of figures.
        page_prose: how much prose the page shows that may be the article's, in Latin letters: without what is above
            its headline, without articles that follow, without comments and their like.
    """

    html: str
    text: str
    page_prose: float = 0.0


def find_main_body(page: Page, *, headline: str, shown: Any = None) -> MainBody:
    """Return the main text of a page; empty if it has none.

    The page's tree is cut up on the way: whatever else is wanted of it must have been read before.

    Args:
        headline: of the article, as text.
        shown: the element that shows the headline, if it is known.
    """
    body = page.root.find("body")
    if body is None:
        body = page.root
    open_templates(body)
    keep_embedded(body)
    drop_invisible(body)
    measures = measure_tree(body)
    shown = _find_shown(body, headline, measures) if shown is None or body not in shown.iterancestors() else shown
    if shown is not None:
        changed = [*_cut_above(body, shown, measures), *_cut_below(body, shown, measures)]
        measure_again(body, measures, changed)
    clutter = Clutter(body, measures)
    page_prose = measures[body].prose - clutter.beside
    heart, rival = _find_heart(body, measures, headline, clutter)
    changed = [_drop_rival(rival, heart)] if rival is not None else []
    start = fold_title(page.find_meta("description", "og:description"))[:40]
    leads = _list_leads(heart, shown, body, start, measures)
    spared = [shown, *(lead for lead in leads if _is_named_lead(lead, start))] if shown is not None else []
    changed += drop_clutter(body, measures, _list_path(heart), clutter, spared=spared)
    measure_again(body, measures, changed)
    container = _find_container(body, heart, shown, measures)
    leads = _list_leads(container, shown, body, start, measures)
    if shown is not None and shown is not container:
        drop(shown)
    drop_insertions(container, measures)
    drop_headings(container, measures, headline)
    drop_repeated(container)
    mark_captions(container)
    link_films(container)
    return _build(container, leads, page_prose)


def settle_body(container: Any, headline: str) -> MainBody:
    """Return a main text found elsewhere, without repetitions of the headline."""
    measures = measure_tree(container)
    drop_headings(container, measures, headline)
    drop_repeated(container)
    return _build(container, [], measures[container].prose)


def _build(container: Any, leads: list[Any], page_prose: float) -> MainBody:
    lines = [line for element in [*leads, container] for line in list_lines(element, without=_CAPTIONS)]
    parts = [_dump(element, has_tag=True) for element in leads]
    parts.append(_dump(container, has_tag=container.tag in _OUTER))
    return MainBody(html="\n".join(parts), text="\n".join(lines), page_prose=page_prose)


def _dump(element: Any, *, has_tag: bool) -> str:
    if has_tag:
        return str(etree.tostring(element, encoding="unicode", method="html", with_tail=False))
    inner = (etree.tostring(child, encoding="unicode", method="html") for child in element)
    text = (element.text or "").replace("&", "&amp;").replace("<", "&lt;")
    return text + "".join(inner)


def _list_path(element: Any) -> list[Any]:
    return [element, *element.iterancestors()]


# The headline as a boundary


def _find_shown(body: Any, headline: str, measures: Measures) -> Any:
    wanted = fold_title(headline)
    if len(wanted) < 4:
        return None
    for element in body.iter("h1", "h2", "h3"):
        text = fold_title(read_text(element)) if measures[element].size < 400 else ""
        is_part = text in wanted and len(text) > 0.5 * len(wanted)
        if len(text) >= 4 and (is_part or (wanted in text and len(wanted) > 0.7 * len(text))):
            return element
    return None


def _cut_above(body: Any, shown: Any, measures: Measures) -> list[Any]:
    """Take out what is above the headline, unless that is much of the page's prose; return what has changed."""
    above = [sibling for element in _list_branch(body, shown) for sibling in element.itersiblings(preceding=True)]
    if sum(measures[element].prose for element in above if element in measures) > 0.4 * max(1.0, measures[body].prose):
        return []
    for element in above:
        if element.tag == "figure":
            continue
        # A lesser heading that repeats the headline may stand between paragraphs.
        if shown.tag == "h1" or element.tag != "p" or measures[element].prose < PROSE_START:
            drop(element)
    changed = [element.getparent() for element in _list_branch(body, shown)]
    for parent in changed:
        parent.text = None
    return changed


def _list_branch(body: Any, element: Any) -> list[Any]:
    """Return an element and its ancestors below `body`."""
    branch = []
    while element is not None and element is not body:
        branch.append(element)
        element = element.getparent()
    return branch


def _cut_below(body: Any, shown: Any, measures: Measures) -> list[Any]:
    """Take out the articles that follow: another heading of the headline's kind begins each of them.

    Returns:
        the elements that have lost something.
    """
    changed = []
    ancestors = set(shown.iterancestors())
    before = 0.0
    is_behind = False
    for element in list(body.iter("*")):
        if element is shown:
            is_behind = True
        elif is_behind and element in measures:
            before += measures[element].own
            if before > _MIN_STORY and _is_like(element, shown) and body in element.iterancestors():
                changed.append(_drop_branch(element, ancestors, measures, measures[body].prose))
    return changed


def _is_like(element: Any, shown: Any) -> bool:
    """Return whether a heading may begin another article: lesser headings do so only as links, or in an `article`."""
    if element.tag != shown.tag:
        return False
    if element.tag == "h1":
        return bool(read_text(element))
    is_same = bool(element.get("class") and element.get("class") == shown.get("class"))
    return is_same and (element.find(".//a") is not None or any(True for _ in element.iterancestors("a", "article")))


def _drop_branch(heading: Any, ancestors: set[Any], measures: Measures, whole: float) -> Any:
    """Take out the largest element that begins with a heading and holds the prose behind it, if there is one.

    Args:
        whole: prose of the page.

    Returns:
        its parent, or None.
    """
    branch = [parent for parent in heading.iterancestors() if parent not in ancestors]
    article = next(iter([*heading.iterancestors("article")][::-1]), None)
    if article in ancestors:
        # Sections of one article may have headings of the first level, too.
        branch = [parent for parent in branch if parent.tag == "article"]
    elif article is not None:
        branch = branch[branch.index(article) :]
    for element in reversed(branch):
        if _measure_before(element, heading, measures) < 200 and measures[element].prose > _MIN_STORY:
            return drop(element) if measures[element].prose <= _MAX_FOLLOWING * whole else None
    return None


def _measure_before(element: Any, heading: Any, measures: Measures) -> float:
    total = 0.0
    for inner in element.iter("*"):
        if inner is heading:
            break
        total += measures[inner].own
    return total


# The heart of the article


def _find_heart(body: Any, measures: Measures, headline: str, clutter: Clutter) -> tuple[Any, Any]:
    """Return the element with the most prose near it; or one that the headline names better, and the one it beat."""
    rivals = sorted(_iter_rivals(body, measures, clutter), key=lambda rival: -rival[0])[:_MAX_RIVALS]
    weight, heart = rivals[0]
    words = list_long_words(headline)
    named = _measure_named(heart, words, headline)
    if len(words) < 3 or named > _WELL_NAMED:
        return heart, None
    relatives = {*heart.iterancestors(), *heart.iterdescendants()}
    for other_weight, rival in rivals[1:]:
        if other_weight < _MIN_RIVAL * weight:
            break
        if rival not in relatives and _measure_named(rival, words, headline) > named + _BETTER_NAMED:
            return rival, heart
    return heart, None


def _drop_rival(rival: Any, heart: Any) -> Any:
    """Take out a rival with everything around it that does not hold the heart, unless both are parts of one article.

    Returns:
        the parent of what was taken out, or None.
    """
    holding = set(heart.iterancestors())
    branch = rival
    while branch.getparent() is not None and branch.getparent() not in holding:
        branch = branch.getparent()
    beside = list(branch.itersiblings(preceding=True)) + list(branch.itersiblings())
    own = next((sibling for sibling in beside if sibling in holding or sibling is heart), None)
    is_part = own is not None and bool(branch.get("class")) and shape(own) == shape(branch)
    return drop(branch) if branch.tag not in _PARAGRAPHS and not is_part else None


def _iter_rivals(body: Any, measures: Measures, clutter: Clutter) -> Iterator[tuple[float, Any]]:
    stack = [(body, False)]
    while stack:
        parent, is_inside_clutter = stack.pop()
        for child in parent:
            measure = measures.get(child)
            if measure is not None and measure.prose > 0 and child.tag not in HEADINGS:
                is_cluttered = is_inside_clutter or clutter.is_clutter(child)
                yield measure.near * (_CLUTTER_WEIGHT if is_cluttered else 1.0), child
                stack.append((child, is_cluttered))
    # Of what stands deeper in the body, clutter and all, it is not a measure.
    yield measures[body].own + sum(measures[child].own for child in body if child in measures), body


def _fold(text: str) -> str:
    return fold_blanks(unicodedata.normalize("NFKC", text)).casefold()


def list_long_words(text: str) -> set[str]:
    """Return the longer words of a text, shortened to their stems, and its pairs of Chinese or Japanese characters."""
    words: set[str] = set()
    for word in _WORD.findall(_fold(text)):
        if WIDE.match(word):
            words.update(word[at : at + 2] for at in range(len(word) - 1))
        elif len(word) >= 4:
            words.add(word[:6])
    return words


def measure_mentioned(words: set[str], text: str) -> float:
    """Return which share of a headline's words, as `list_long_words` gives them, a text has, 0 to 1."""
    folded = _fold(text[:_MAX_LOOKED_AT])
    return sum(word in folded for word in words) / len(words) if words else 0.0


def _measure_named(element: Any, words: set[str], headline: str) -> float:
    """Return which share of the headline's words an element's text has beside the headline itself, 0 to 1."""
    text = _fold(element.text_content()[:_MAX_LOOKED_AT]).replace(_fold(headline), "")
    return sum(word in text for word in words) / len(words) if words else 0.0


# How far the article reaches


def _find_container(body: Any, heart: Any, shown: Any, measures: Measures) -> Any:
    """Return the element that holds the article: from the top down, as long as only one branch carries it on."""
    ancestors = set(shown.iterancestors()) if shown is not None else set()
    container = body
    is_named = False
    for element in reversed(_list_branch(body, heart)):
        if element.tag in _LEAVES or _is_shared(element, container, ancestors, measures, is_named=is_named):
            break
        container = element
        is_named = is_named or (element not in ancestors and names_body(element))
    return container


def _is_shared(element: Any, parent: Any, ancestors: set[Any], measures: Measures, *, is_named: bool) -> bool:
    """Return whether siblings of an element carry parts of the article, too.

    Args:
        is_named: it is in what is named as the article's body, below the headline.
    """
    prose = measures[element].prose
    siblings = [child for child in parent if child is not element and child in measures and measures[child].prose > 0]
    paragraphs = sum(measures[child].prose for child in siblings if child.tag in _PARAGRAPHS) + measures[parent].own
    alike = [child for child in siblings if shape(child) == shape(element)]
    if element in ancestors:
        # The element with the headline in it: the others of its shape may be whole articles.
        alike = [child for child in alike if next(child.iter("h1", "h2"), None) is None]
    parts = sum(measures[child].prose for child in alike) if element.get("class") else 0.0
    if max(paragraphs, parts) > _MIN_PARTS * prose or prose < _MIN_SHARE * measures[parent].prose:
        return True
    others = 0.0 if element in ancestors else sum(_measure_part(child, measures[child]) for child in siblings)
    return others > (_MIN_PARTS if is_named else _MIN_OTHERS) * prose


def _measure_part(element: Any, measure: Measure) -> float:
    """Return the prose of an element that may be a part of an article: long enough, hardly linked; or else 0."""
    is_long = measure.prose >= _MIN_PART and measure.linked < _MAX_LINKED_PART * measure.size
    return measure.prose if is_long and not begins_insertion(element) else 0.0


def _list_leads(container: Any, shown: Any, body: Any, start: str, measures: Measures) -> list[Any]:
    """Return the blocks between headline and container that introduce the article.

    Args:
        start: how the description of the page begins, folded.
    """
    if shown is None or container in shown.iterancestors() or container is body:
        return []
    inside = set(container.iter("*"))
    holding = set(container.iterancestors())
    named: set[Any] = set()
    leads: list[Any] = []
    for element in _iter_behind(body, shown):
        if element in inside:
            break
        if element not in holding and _is_named_lead(element, start):
            named.add(element)
        elif element in holding or not _is_sentence(element, measures):
            continue
        leads.append(element)
    # More paragraphs than these are another text: a summary, a notice.
    return leads if len(leads) - len(named) <= _MAX_LEADS else [lead for lead in leads if lead in named]


def _iter_behind(body: Any, shown: Any) -> Iterator[Any]:
    is_behind = False
    own = set(shown.iter("*"))
    for element in body.iter("*"):
        if is_behind and element not in own:
            yield element
        is_behind = is_behind or element is shown


def _is_named_lead(element: Any, start: str) -> bool:
    """Return whether a block is classed as a lead, or begins as the description of the page does."""
    if element.tag not in BLOCKS or element.tag == "figcaption" or any(child.tag in BLOCKS for child in element):
        return False
    text = read_text(element)
    if measure_size(text) < 40:
        return False
    if len(start) >= 15 and fold_title(text).startswith(start):
        return True
    parent = element.getparent()
    own = list_class_words(element)
    if is_caption(element) or not (own - _LEAD_WORDS).isdisjoint(CLUTTER):
        return False
    is_named = parent.tag == "hgroup" or not _LEAD_WORDS.isdisjoint(own | list_class_words(parent))
    return is_named and (measure_size(text) >= _MIN_LEAD or any(char in text for char in ".,。，!?！？"))


def _is_sentence(element: Any, measures: Measures) -> bool:
    """Return whether a paragraph is prose that ends as a sentence does, and no caption."""
    if element.tag != "p" or measures[element].prose < _MIN_LEAD or is_caption(element):
        return False
    return bool(SENTENCE_END.search(read_text(element))) and not begins_insertion(element)
