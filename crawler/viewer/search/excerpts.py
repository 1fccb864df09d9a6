"""Excerpts of search results, cut between words, with the matches marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from crawler.viewer.search.words import find_word_starts, locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.viewer.search.words import Phrase

_LENGTH: Final = 180
_BEFORE: Final = 60
# A text is looked through so far and no further.
_LOOKED_AT: Final = 100_000


class Piece(NamedTuple):
    """A stretch of text, marked if it was searched for."""

    text: str
    is_marked: bool = False


def mark(text: str, phrases: Sequence[Phrase], language: str = "") -> list[Piece]:
    """Return a text in pieces, in which phrases are marked."""
    return _split(text, 0, len(text), locate(text, phrases, language) if phrases else [])


def build_excerpt(text: str, phrases: Sequence[Phrase] = (), language: str = "") -> list[Piece]:
    """Return a line or two of a text: where most of the phrases stand together, else its beginning."""
    flat = " ".join(text[:_LOOKED_AT].split())
    spans = locate(flat, phrases, language) if phrases else []
    start = _choose_start(flat, spans)
    end = _find_end(flat, start + _LENGTH)
    inside = [span for span in spans if span[0] >= start and span[1] <= end]
    pieces = _split(flat, start, end, inside)
    if start:
        pieces.insert(0, Piece("…"))
    if end < len(flat) or len(text) > _LOOKED_AT:
        last = pieces[-1]
        pieces[-1] = last if last.is_marked else Piece(last.text.rstrip(" .,;:，。；、"))
        pieces.append(Piece("…"))
    return pieces


def _choose_start(text: str, spans: Sequence[tuple[int, int, int]]) -> int:
    """Return where an excerpt begins: at a word, a little before the place where most phrases stand together."""
    if not spans:
        return 0
    best, most = spans[0][0], 0
    for at, (first, _, _) in enumerate(spans[:200]):
        near = {number for start, _, number in spans[at : at + 50] if start < first + _LENGTH - _BEFORE}
        if len(near) > most:
            best, most = first, len(near)
    if best <= _LENGTH // 2:
        return 0
    starts = find_word_starts(text, best - _BEFORE, best + 1)
    return starts[0] if starts else best


def _find_end(text: str, end: int) -> int:
    """Return where an excerpt ends: behind a word; within one that is longer than any word ought to be."""
    if end >= len(text):
        return len(text)
    starts = find_word_starts(text, end, end + _BEFORE)
    if starts:
        return starts[0]
    return end if len(text) > end + _BEFORE else len(text)


def _split(text: str, start: int, end: int, spans: Sequence[tuple[int, int, int]]) -> list[Piece]:
    pieces = []
    for first, last, _ in spans:
        if first > start:
            pieces.append(Piece(text[start:first]))
        pieces.append(Piece(text[first:last], is_marked=True))
        start = last
    if start < end or not pieces:
        pieces.append(Piece(text[start:end]))
    return pieces
