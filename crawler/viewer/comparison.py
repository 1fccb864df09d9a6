"""Two versions of a text, compared paragraph by paragraph."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from crawler.reparsing.word_changes import Change, Words, compare_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHOWN_WHOLE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A paragraph, or several unchanged ones to be folded away.

    Attributes:
        folded: the text of each paragraph of a fold; empty for a single paragraph.
    """

    change: Change = Change.SAME
    words: Sequence[Words] = ()
    folded: Sequence[str] = ()


def compare(old: Sequence[str], new: Sequence[str]) -> list[Row]:
    """Return what changed from one version to the next, in whole paragraphs."""
    return list(_iter_rows(old, new))


def _iter_rows(old: Sequence[str], new: Sequence[str]) -> Iterator[Row]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield from _iter_same(old[old_from:old_to])
            continue
        for before, after in zip_longest(old[old_from:old_to], new[new_from:new_to]):
            if before is None:
                yield _build_row(after, Change.CAME)
            elif after is None:
                yield _build_row(before, Change.WENT)
            else:
                yield Row(change=Change.CHANGED, words=compare_words(before, after))


def _build_row(text: str, change: Change = Change.SAME) -> Row:
    return Row(change=change, words=[Words(text, change)])


def _iter_same(lines: Sequence[str]) -> Iterator[Row]:
    """Yield paragraphs that did not change: the first and the last as they are, those between them folded."""
    if len(lines) <= _SHOWN_WHOLE:
        yield from map(_build_row, lines)
        return
    yield _build_row(lines[0])
    yield Row(folded=lines[1:-1])
    yield _build_row(lines[-1])
