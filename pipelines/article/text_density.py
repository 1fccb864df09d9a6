"""How much of a part of a page is prose: the measure that separates an article from its surroundings.

Prose is text in sentences, hardly any of it linked. Lists of links, labels and buttons weigh nothing, however many
they are, so the weights of a subtree add up to how much of the article it can hold. A Chinese character weighs two and
a half Latin letters, about what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.late_patterns import compile_late
from pipelines.page.page import BLOCKS, HEADINGS, fold_blanks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_WIDE_RUN = compile_late(f"{WIDE.pattern}+")
_WIDE_EXTRA = 1.5
_ENDS = ".!?。！？…।؟۔።፧։՞՜။។᙮᠃"
_PUNCTUATION = re.compile(rf"[{_ENDS}；:：;,，、،؛፣၊ฯ”\"»]")
SENTENCE_END = re.compile(rf"[{_ENDS}][\"'”’»」』）)\]]*$")
# Thai, Lao and Khmer set no mark behind a sentence, and no blank between words.
_UNMARKED = re.compile("[\u0e00-\u0eff\u1780-\u17ff]{12}")
# What is at the foot of every page of a site.
_RIGHTS = re.compile(
    r"(?:©|\(c\)|copyright\b|&copy;|all rights reserved|alle rechte vorbehalten|tous droits réservés|版权所有|版權所有"
    r"|todos los derechos|todos os direitos|tutti i diritti|все права защищены|無断転載|저작권자|무단전재)",
    re.IGNORECASE,
)
_PARAGRAPHS = frozenset(["p", "blockquote"])
_MIN_SENTENCE = 40.0
_MIN_FLASH = 8.0
_MIN_UNPUNCTUATED = 100.0
_UNPUNCTUATED_SHARE = 0.3
_MAX_LINKED_SHARE = 0.5


@dataclass(slots=True)
class Measure:
    """What a subtree weighs, in Latin letters.

    Attributes:
        prose: prose in it.
        size: all text in it.
        linked: text of its links.
        own: prose that is in no block below it.
        near: prose by how directly it stands here: its own and its children's in full, each level further half.
    """

    prose: float = 0.0
    size: float = 0.0
    linked: float = 0.0
    own: float = 0.0
    near: float = 0.0


Measures = dict[Any, Measure]
_Line = tuple[list[str], list[str]]
_NOTHING = Measure()


def measure_size(text: str) -> float:
    """Return what a text weighs."""
    if text.isascii():
        return float(len(text))
    return len(text) + _WIDE_EXTRA * sum(map(len, _WIDE_RUN.findall(text)))


def measure_tree(body: Any) -> Measures:
    """Return the measure of every element at and below `body`."""
    measures: Measures = {}
    for element in reversed(list(body.iter("*"))):
        measures[element] = _measure(element, measures)
    return measures


def measure_prose(element: Any) -> float:
    """Return the prose in an element, which need not be a block."""
    blocks = [inner for inner in element.iter("*") if inner.tag in BLOCKS]
    if element.tag not in BLOCKS:
        blocks.append(element)
    return sum(_weigh_line(inner, text, linked) for inner in blocks for text, linked in list_runs(inner))


def measure_again(body: Any, measures: Measures, changed: Iterable[Any]) -> None:
    """Update measures where elements have been dropped; those of dropped elements stay as they were.

    Args:
        changed: elements that have lost children or text; None among them is passed over.
    """
    stale: set[Any] = set()
    for element in changed:
        above = element
        while above is not None and above not in stale:
            stale.add(above)
            above = above.getparent() if above is not body else None
    if stale:
        for element in reversed([element for element in body.iter("*") if element in stale]):
            measures[element] = _measure(element, measures)


def _measure(element: Any, measures: Measures) -> Measure:
    """Return the measure of an element whose children are measured."""
    tag = element.tag
    prose = size = linked = own = near = 0.0
    if tag in BLOCKS:
        is_paragraph = tag in _PARAGRAPHS
        for text, link in list_runs(element):
            text_size = measure_size(text)
            link_size = measure_size(link) if link else 0.0
            size += text_size
            linked += link_size
            own += _weigh(text, text_size, link_size, is_paragraph=is_paragraph)
        prose = near = own
    for child in element:
        inner = measures.get(child)
        if inner is not None and inner.size:
            prose += inner.prose
            size += inner.size
            linked += inner.linked
            if child.tag not in HEADINGS:
                near += inner.own + 0.5 * max(0.0, inner.near - inner.own)
    return Measure(prose, size, linked, own, near) if size else _NOTHING


def _weigh_line(block: Any, text: str, linked: str) -> float:
    linked_size = measure_size(linked) if linked else 0.0
    return _weigh(text, measure_size(text), linked_size, is_paragraph=block.tag in _PARAGRAPHS)


def _weigh(text: str, size: float, linked: float, *, is_paragraph: bool) -> float:
    if linked > _MAX_LINKED_SHARE * size or _RIGHTS.match(text):
        return 0.0
    if size >= _MIN_SENTENCE and _PUNCTUATION.search(text):
        return size - linked
    if is_paragraph and size >= _MIN_FLASH and (SENTENCE_END.search(text) or _UNMARKED.search(text)):
        # A short sentence in its own paragraph.
        return size - linked
    return 0.0 if size < _MIN_UNPUNCTUATED else _UNPUNCTUATED_SHARE * (size - linked)


def list_runs(block: Any) -> list[tuple[str, str]]:
    """Return each line of text that is in a block but in no block below it, and what of the line is linked."""
    if not len(block):
        line = fold_blanks(block.text or "")
        return [(line, "")] if line else []
    lines: list[_Line] = [([], [])]
    _gather_pieces(block, lines, is_linked=False)
    runs = []
    for text, linked in lines:
        if text and (line := fold_blanks("".join(text))):
            runs.append((line, fold_blanks("".join(linked)) if linked else ""))
    return runs


def _gather_pieces(element: Any, lines: list[_Line], *, is_linked: bool) -> None:
    """Put the pieces of an element's text, and those of them that are linked, on the last line or on new ones."""
    if piece := element.text:
        _add_piece(piece, lines[-1], is_linked=is_linked)
    for child in element:
        tag = child.tag
        if tag in BLOCKS or tag == "br":
            if lines[-1][0]:
                lines.append(([], []))
        elif isinstance(tag, str):
            _gather_pieces(child, lines, is_linked=is_linked or tag == "a")
        if piece := child.tail:
            _add_piece(piece, lines[-1], is_linked=is_linked)


def _add_piece(piece: str, line: _Line, *, is_linked: bool) -> None:
    text, linked = line
    if not text and piece.isspace():
        return  # between blocks there is nothing else
    text.append(piece)
    if is_linked:
        linked.append(piece)


def list_lines(element: Any, *, without: frozenset[str] = frozenset()) -> list[str]:
    """Return the text of an element, one line for each block and each `br`.

    Args:
        without: tags whose text is left out.
    """
    lines: list[str] = []
    buffer: list[str] = []
    for piece in _iter_lines(element, without):
        if piece is not None:
            buffer.append(piece)
        elif line := fold_blanks("".join(buffer)):
            lines.append(line)
            buffer = []
        else:
            buffer = []
    return lines


def _iter_lines(element: Any, without: frozenset[str]) -> Iterator[str | None]:
    if element.tag in BLOCKS or element.tag == "br":
        yield None
    if element.tag not in without:
        if element.text:
            yield element.text
        for child in element:
            if isinstance(child.tag, str):
                yield from _iter_lines(child, without)
            if child.tail:
                yield child.tail
    if element.tag in BLOCKS:
        yield None
