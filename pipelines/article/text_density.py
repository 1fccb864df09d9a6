"""How much of a part of a page is prose: the measure by which an article is told from what stands around it.

Prose is text in sentences, hardly any of it linked. Lists of links, labels and buttons weigh nothing, however many
they are, so the weights of a subtree add up to how much of the article it can hold. A Chinese character weighs two and
a half Latin letters, about what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.page.page import BLOCKS, HEADINGS, fold_blanks

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_WIDE_EXTRA = 1.5
_PUNCTUATION = re.compile(r"[.!?。！？；…:：;,，、।؟،۔”\"»]")
_MIN_SENTENCE = 40.0
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
        own: prose that stands in no block below it.
        near: prose by how directly it stands here: its own and its children's in full, each level further half.
    """

    prose: float = 0.0
    size: float = 0.0
    linked: float = 0.0
    own: float = 0.0
    near: float = 0.0


Measures = dict[Any, Measure]


def measure_size(text: str) -> float:
    """Return what a text weighs."""
    return len(text) + _WIDE_EXTRA * len(WIDE.findall(text))


def measure_tree(body: Any) -> Measures:
    """Return the measure of every element at and below `body`."""
    measures: Measures = {}
    for element in reversed(list(body.iter("*"))):
        measure = Measure()
        if element.tag in BLOCKS:
            _add_own(measure, element)
        for child in element:
            inner = measures.get(child)
            if inner is not None:
                measure.prose += inner.prose
                measure.size += inner.size
                measure.linked += inner.linked
                if child.tag not in HEADINGS:
                    measure.near += inner.own + 0.5 * max(0.0, inner.near - inner.own)
        measures[element] = measure
    return measures


def _add_own(measure: Measure, block: Any) -> None:
    for text, linked in iter_runs(block):
        size, linked_size = measure_size(text), measure_size(linked)
        measure.size += size
        measure.linked += linked_size
        measure.own += _weigh(text, size, linked_size)
    measure.prose = measure.near = measure.own


def _weigh(text: str, size: float, linked: float) -> float:
    if linked > _MAX_LINKED_SHARE * size:
        return 0.0
    if size < _MIN_SENTENCE or not _PUNCTUATION.search(text):
        return 0.0 if size < _MIN_UNPUNCTUATED else _UNPUNCTUATED_SHARE * (size - linked)
    return size - linked


def iter_runs(block: Any) -> Iterator[tuple[str, str]]:
    """Yield each line of text that stands in a block but in no block below it, and what of the line is linked."""
    text: list[str] = []
    linked: list[str] = []
    for piece, is_linked in _iter_pieces(block, is_linked=False):
        if piece is None:
            if line := fold_blanks("".join(text)):
                yield line, fold_blanks("".join(linked))
            text, linked = [], []
            continue
        text.append(piece)
        if is_linked:
            linked.append(piece)
    if line := fold_blanks("".join(text)):
        yield line, fold_blanks("".join(linked))


def _iter_pieces(element: Any, *, is_linked: bool) -> Iterator[tuple[str | None, bool]]:
    """Yield pieces of text, None where a line ends."""
    if element.text:
        yield element.text, is_linked
    for child in element:
        if child.tag in BLOCKS or child.tag == "br":
            yield None, False
        elif isinstance(child.tag, str):
            yield from _iter_pieces(child, is_linked=is_linked or child.tag == "a")
        if child.tail:
            yield child.tail, is_linked


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
