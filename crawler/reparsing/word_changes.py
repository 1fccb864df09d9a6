"""Two versions of a text, compared word by word."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_WORDS: Final = 4_000
# A word, or one character of a script without blanks, or a run of blanks, or a mark.
_UNSPACED: Final = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD: Final = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\w)+|\s+|[^\w\s]")


class Change(StrEnum):
    """What happened to a piece of text from one version to the next."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Words:
    """A run of words, all unchanged, removed or added."""

    text: str
    change: Change = Change.SAME


def compare_words(before: str, after: str) -> list[Words]:
    """Return one paragraph with the words that were removed and added."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > _MAX_WORDS:
        return [Words(before, Change.REMOVED), Words(" "), Words(after, Change.ADDED)]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[Words] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        went, came = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if tag == "equal":
            found.append(Words(went))
            continue
        found += [Words(went, Change.REMOVED)] if went else []
        found += [Words(came, Change.ADDED)] if came else []
    return list(_iter_groups(found))


def _iter_groups(found: list[Words]) -> Iterator[Words]:
    """Yield runs of changes as one removal and one addition, where nothing but a blank is between them."""
    went = came = ""
    for position, words in enumerate(found):
        if words.change is Change.REMOVED:
            went += words.text
        elif words.change is Change.ADDED:
            came += words.text
        elif went and came and words.text.isspace() and position + 1 < len(found):
            went, came = went + words.text, came + words.text
        else:
            yield from _build_group(went, came)
            went = came = ""
            yield words
    yield from _build_group(went, came)


def _build_group(went: str, came: str) -> Iterator[Words]:
    if went:
        yield Words(went, Change.REMOVED)
    if came:
        yield Words(came, Change.ADDED)
