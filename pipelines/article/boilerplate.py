"""What stands around and inside an article without being part of it, told by structure and by families of words.

Class names are the page author's own labels: `related`, `share`, `newsletter` mean the same on thousands of pages.
Headings such as `相关阅读` or `Lesen Sie auch` begin lists that belong to other articles, and lists whose entries all
lead elsewhere are such lists without a heading. Nothing here knows a site.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lxml import etree

from pipelines.article.text_density import Measures, list_runs, measure_size
from pipelines.page.page import BLOCKS, HEADINGS, fold_title, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# What libxml2 reads and lxml refuses to write.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_INVISIBLE = """
audio button canvas dialog embed head iframe input label link map math menu meta nav noscript object option script
select style svg template textarea video
"""
INVISIBLE = frozenset(_INVISIBLE.split())
# Nodes that are no elements.
_NODES = (etree.Comment, etree.ProcessingInstruction, etree.Entity)
_find_hideable = etree.XPath("descendant::*[@style or @hidden or @aria-hidden]", smart_strings=False)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_CLUTTER = """
accessibility ad ads adslot adv advert advertise advertisement advertising advertorial banner banners bdshare bio
breadcrumb breadcrumbs breaking bshare carousel comment comments consent contribute contribution cookie cookies
copyright crumb crumbs dfp disclaimer disqus donate donation donations erweima ewm feedback follow footer hidden hot
jiathis keywords lightbox liveblog login membership menu modal morenews mostread nav navbar navigation newsletter
newsletters outbrain overlay pager pagination paging paywall piano popular popup print promo promos promotion qrcode
rank ranking rating readmore recommend recommendation recommendations recommended register relate related relatednews
relates relation relations replies reply respond seealso share shares sharing sidebar signup skip slick sns social
sponsor sponsored statement subscribe subscription subscriptions support swiper taboola tagcloud taglist tags teaser
teasers ticker toolbar tooltip trending vote widget
"""
CLUTTER = frozenset(_CLUTTER.split())
_LABELS = """
abstract app aside audio author authors bar btn button byline caption credit credits date download editor gallery
headline icon info kicker label laiyuan latest list location meta metadata more next player position prev previous
print reporter side slideshow source subtitle tag time title tool tools topic topics video zebian
"""
LABELS = frozenset(_LABELS.split())
# `has-sidebar`, `sidebar-grid`: the class of what stands beside it.
_LAYOUT = frozenset(["grid", "has", "layout", "no", "with", "without"])
_NO_WORDS: frozenset[str] = frozenset()
# Names of classes recur; very long ones would only take memory.
_MAX_CACHED = 4096
_MAX_CACHED_CHARS = 200
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

# What headings of lists, appeals and paths begin with, a language a line.
_ANNOUNCING = (
    "相关|相關|延伸|推荐|推薦|更多|热门|熱門|猜你喜欢|精彩|往期|大家都在看|网友评论|最新评论|评论|留言|上一篇|下一篇",
    "打开APP|打开客户端|扫一扫|扫码|登录后|登錄後|现在位置|当前位置|您的位置|您现在的位置|字号|字體",
    "関連|あわせて読みたい|おすすめ|この記事は会員|会員登録|紙の新聞|ログイン|관련",
    r"related|read (?:more|next|also)|see also|more (?:from|on|stories|news)|recommended|most (?:read|popular)|popular",
    r"trending|comments?\b|leave a (?:reply|comment)|share (?:this|on)|tags?\b|topics\b|keywords|filed under|sponsored",
    r"advertisement|sign up|subscribe|newsletter|follow us|about the author|already a subscriber",
    r"(?:log|sign) in to|get more (?:local )?news",
    r"lesen sie auch|mehr zum thema|das könnte|auch interessant|schlagworte|themen\b",
    "à lire aussi|lire aussi|sur le même|mots-clés",
    r"leggi anche|lee también|más información|te puede|temas\b|archivado en",
    "läs mer|läs också|les også|les mer|læs også|lees ook|czytaj|čtěte|читайте|по теме",
)
_RELATED = re.compile(rf"^[\W_]*(?:{'|'.join(_ANNOUNCING)})", re.IGNORECASE)
_IMPRINT = re.compile(
    r"^[\W_]*(?:(?:[责責]任?|执行|本文|文字|网络|值班|实习|本期)?[编編]辑?[辑輯]?|责编|[审審]核|校对|来源(?:于)?|來源|原标题"
    r"|本文(?:来源|原标题)|版权声明|免责声明|特别声明|声明|举报|纠错|点击|关注|更多精彩|分享|转载|阅读|收藏|标签"
    r"|发布(?:日期|时间)|时间|日期|關鍵[字詞]|关键[字词])\s*[:：/丨|｜【〔\[]"
)
_DATELINE = re.compile(r"\d{4}[-年./]\d{1,2}|\d{1,2}[./ ]\w{0,12}[./ ]? ?\d{4}|\d{1,2}:\d\d")
_SENTENCE_END = re.compile(r"[。！？]|[.!?](?: |$)")
_MAX_HIDDEN = 0.4
_MAX_CLUTTER = 0.9
_MAX_DOUBTFUL = 0.6
_MAX_LABEL = 200.0
_MAX_HEADING = 120.0
_MAX_IMPRINT = 160.0
_PROSE_START = 60.0
_MAX_DATELINE = 110.0
_MAX_ENTRY = 400.0
_TEASER_COUNT = 3


def list_class_words(element: Any) -> frozenset[str]:
    """Return the words of an element's class and id in lower case."""
    kind, name = element.get("class"), element.get("id")
    if not kind and not name:
        return _NO_WORDS
    names = f"{kind or ''} {name or ''}"
    return _list_short_words(names) if len(names) <= _MAX_CACHED_CHARS else _list_words(names)


def _list_words(names: str) -> frozenset[str]:
    words = frozenset(word.lower() for word in _WORD.findall(names))
    return words - CLUTTER if words & _LAYOUT else words


_list_short_words = lru_cache(_MAX_CACHED)(_list_words)


def is_clutter(element: Any) -> bool:
    """Tell whether an element's class or id says that it is no part of an article."""
    return not list_class_words(element).isdisjoint(CLUTTER)


def drop(element: Any) -> Any:
    """Take an element out of its tree and leave the text behind it; return its parent, None where it had none."""
    parent = element.getparent()
    if parent is None:
        return None
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = _UNWRITABLE.sub("", (before.tail or "") + element.tail)
        else:
            parent.text = _UNWRITABLE.sub("", (parent.text or "") + element.tail)
    parent.remove(element)
    return parent


def drop_invisible(body: Any) -> None:
    """Take out what readers never see: comments, scripts, controls, and what is hidden.

    Where most of the page's text is hidden a script will show it, so it stays.
    """
    _drop_all(element for element in body.iter(*_NODES, *INVISIBLE) if element is not body)
    hidden = [element for element in _find_hideable(body) if _is_hidden(element)]
    most = _MAX_HIDDEN * len(body.text_content()) if hidden else 0.0
    _drop_all(element for element in hidden if len(element.text_content()) <= most)


def _drop_all(elements: Iterable[Any]) -> None:
    """Do what `drop` does to many elements, in time that grows with their number alone.

    One after the other each would be copied the text that those before it have left behind.
    """
    dropped: dict[Any, set[Any]] = {}
    for element in elements:
        dropped.setdefault(element.getparent(), set()).add(element)
    for parent, children in dropped.items():
        before, left = None, [parent.text or ""]
        for child in list(parent):
            if child in children:
                left.append(child.tail or "")
                parent.remove(child)
            else:
                _leave(parent, before, left)
                before, left = child, [child.tail or ""]
        _leave(parent, before, left)


def _leave(parent: Any, before: Any, texts: list[str]) -> None:
    """Put a text and what dropped elements have left behind it where the first of them stood."""
    if not any(texts[1:]):
        return
    text = _UNWRITABLE.sub("", "".join(texts))
    if before is None:
        parent.text = text
    else:
        before.tail = text


def _is_hidden(element: Any) -> bool:
    style = element.get("style")
    if style and _HIDING.search(style):
        return True
    return element.get("hidden") is not None or element.get("aria-hidden") == "true"


def shape(element: Any) -> tuple[str, str]:
    """Return what makes two siblings parts of the same kind: tag and class."""
    return (element.tag, element.get("class") or "")


def stands_alone(element: Any) -> bool:
    """Tell whether nothing but blanks stands beside an inline element."""
    if (element.tail or "").strip():
        return False
    before = element.getprevious()
    text = before.tail if before is not None else element.getparent().text
    return not (text or "").strip()


def drop_clutter(body: Any, measures: Measures, path: list[Any]) -> list[Any]:
    """Take out what class names and structure say is no part of the article.

    Args:
        path: the elements from the heart of the article up to `body`; they stay, and so do siblings of their shape.

    Returns:
        the elements that have lost children.
    """
    changed = []
    kept = set(path)
    is_sure = not any(is_clutter(element) for element in path)
    total = measures[body].prose
    stack = [(body, False)]
    while stack:
        parent, is_inside = stack.pop()
        is_inside = is_inside or parent is path[0]
        # Inside the article a wrapper may be called `paywall`; outside, there may be more comments than article.
        limit = total * (_MAX_CLUTTER if is_sure and not is_inside else _MAX_DOUBTFUL)
        shapes = {shape(child) for child in parent if child in kept and child.get("class") and child.tag != "p"}
        for child in list(parent):
            if child not in measures:
                continue
            is_alike = bool(shapes) and shape(child) in shapes
            if child in kept or (is_alike and measures[child].prose > 0 and child.find(".//h1") is None):
                stack.append((child, is_inside))
            elif _is_removable(child):
                if _is_unwanted(child, measures, limit):
                    changed.append(drop(child))
                else:
                    stack.append((child, is_inside))
    return changed


def _is_removable(element: Any) -> bool:
    """Tell whether an element is a block, a custom element, or an inline one on a line of its own."""
    return element.tag in BLOCKS or "-" in element.tag or stands_alone(element)


def _is_unwanted(element: Any, measures: Measures, limit: float) -> bool:
    measure = measures[element]
    words = list_class_words(element)
    if words & CLUTTER and measure.prose <= limit:
        return True
    if 0 < measure.prose <= limit and _is_listing(element, measures):
        return True
    if words & LABELS and measure.prose < _PROSE_START and measure.size < _MAX_LABEL:
        return element.tag not in ("article", "main")
    return element.tag == "footer" or (element.tag == "aside" and measure.prose < 0.5 * limit)


def _is_listing(element: Any, measures: Measures) -> bool:
    """Tell whether an element is a list whose entries lead elsewhere."""
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


def drop_insertions(container: Any, measures: Measures) -> None:
    """Take out what was put between the paragraphs: teasers, lists of links, what announces them, imprints."""
    total = max(1.0, measures[container].prose)
    _drop_teasers(container, measures, total)
    _drop_lone_links(container)
    _clear_lines(container)
    stack = [container]
    while stack:
        children = list(stack.pop())
        behind = _Behind(children, measures)
        for child in children:
            measure = measures.get(child)
            if measure is None or child.tag not in BLOCKS or child.getparent() is None:
                continue
            if measure.prose <= 0 and measure.size and measure.linked > 0.6 * measure.size:
                drop(child)
                continue
            text = read_text(child) if measure.size < _MAX_IMPRINT else ""
            if text and measure.size < _MAX_HEADING and _RELATED.search(text):
                if behind.measure(child) < 0.15 * total:
                    _drop_all([sibling for sibling in child.itersiblings() if sibling in measures])
                drop(child)
            elif text and _IMPRINT.search(text):
                drop(child)
            else:
                stack.append(child)


class _Behind:
    """How much prose stands behind each of some siblings, summed up once and only where somebody asks."""

    def __init__(self, siblings: list[Any], measures: Measures) -> None:
        self._siblings = siblings
        self._measures = measures
        self._prose: dict[Any, float] = {}

    def measure(self, element: Any) -> float:
        """Return the prose of all siblings behind one, which are still there."""
        if not self._prose:
            prose = 0.0
            for sibling in reversed(self._siblings):
                self._prose[sibling] = prose
                prose += self._measures[sibling].prose if sibling in self._measures else 0.0
        return self._prose[element]


def _drop_lone_links(container: Any) -> None:
    """Take out links that stand between blocks on a line of their own: they are advertisements or teasers."""
    has_blocks: dict[Any, bool] = {}
    for link in list(container.iter("a")):
        parent = link.getparent()
        if parent is None or parent.tag not in BLOCKS:
            continue
        if parent not in has_blocks:
            has_blocks[parent] = any(child.tag in BLOCKS for child in parent)
        if has_blocks[parent] and stands_alone(link) and measure_size(read_text(link)) > 20:
            drop(link)


def _clear_lines(container: Any) -> None:
    """Take out imprints and announcements that are no block of their own but a line between two `br`."""
    for line_break in container.iter("br"):
        following = line_break.getnext()
        is_line = following is None or following.tag == "br" or following.tag in BLOCKS
        text = (line_break.tail or "").strip()
        if is_line and text and measure_size(text) < _MAX_IMPRINT and (_IMPRINT.search(text) or _RELATED.search(text)):
            line_break.tail = None


def _drop_teasers(container: Any, measures: Measures, total: float) -> None:
    """Take out three or more siblings of one shape that each have a linked heading."""
    for parent in list(container.iter("*")):
        groups: dict[tuple[str, str], list[Any]] = {}
        for child in parent:
            if child in measures and child.tag in BLOCKS and child.tag not in HEADINGS and child.tag != "p":
                groups.setdefault(shape(child), []).append(child)
        for group in groups.values():
            teasers = [child for child in group if _has_linked_heading(child)] if len(group) >= _TEASER_COUNT else []
            if len(teasers) >= _TEASER_COUNT and sum(measures[child].prose for child in teasers) < 0.6 * total:
                for child in teasers:
                    drop(child)


def _has_linked_heading(element: Any) -> bool:
    for heading in element.iter("h2", "h3", "h4", "h5"):
        if heading.find(".//a") is not None or any(parent.tag == "a" for parent in heading.iterancestors()):
            return True
    return False


def drop_headings(container: Any, measures: Measures, headline: str) -> None:
    """Take out what repeats the headline, and the line of date and source above the first paragraph."""
    wanted = fold_title(headline)
    for element in list(container.iter("h1", "h2", "p", "div")):
        if element is container or element not in measures or measures[element].size > 260:
            continue
        text = fold_title(read_text(element))
        is_part = element.tag == "h1" and text in wanted and len(text) > 0.5 * len(wanted)
        if len(text) >= 6 and (text == wanted or is_part):
            drop(element)
    _drop_datelines(container)


def _drop_datelines(container: Any) -> None:
    for element in list(container.iter("*")):
        if element is container or element.tag not in BLOCKS or element.getparent() is None:
            continue
        line = " ".join(text for text, _ in list_runs(element))
        size = measure_size(line)
        if size >= _PROSE_START and not (size < _MAX_DATELINE and _DATELINE.search(line)):
            return
        if (
            size
            and _DATELINE.search(line)
            and not _SENTENCE_END.search(line)
            and not any(child.tag in BLOCKS for child in element)
        ):
            drop(element)


def drop_repeated(container: Any) -> None:
    """Take out paragraphs that stand in the article three times or more, as captions of galleries do, all but one."""
    seen: dict[str, list[Any]] = {}
    for element in container.iter("p", "div", "figcaption", "li"):
        if not any(child.tag in BLOCKS for child in element):
            text = read_text(element)
            if len(text) >= _PROSE_START:
                seen.setdefault(text, []).append(element)
    for elements in seen.values():
        if len(elements) >= _TEASER_COUNT:
            for element in elements[1:]:
                drop(element)
