"""Additional tokens of the full-text index: one for each label, for each beginning of a word, and for every post.

With them most searches need only the full-text index, which returns posts in their order and stops when enough are
found. Each token begins with a private-use character, so that no text contains it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from crawler.viewer.search.language import fold_label
from crawler.viewer.search.words import is_unspaced

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEGINS_ANYWHERE: Final = "\ue002"
_BEGINS_IN_TITLE: Final = "\ue003"
_LABEL: Final = "\ue004"
EVERY_POST: Final = "\ue005"
# Longer beginnings are left to FTS5, which reads the posts of every word that begins so: 0.15 µs a post and word.
_LONGEST: Final = 3


def build_label_token(kind: str, folded: str) -> str:
    """Return the word that the index holds for a label."""
    return _LABEL + blake2b(f"{kind} {folded}".encode(), digest_size=8).hexdigest()


def list_label_tokens(labels: Iterable[tuple[str, str]]) -> list[str]:
    """Return what the index holds for the labels of a post, and for every post; zh-Hans is also zh."""
    named = {(kind, fold_label(name)) for kind, name in labels}
    named |= {(kind, name[:at]) for kind, name in named if kind == "lang" for at, one in enumerate(name) if one == "-"}
    return [EVERY_POST, *sorted(build_label_token(kind, name) for kind, name in named)]


def list_beginnings(words: Iterable[str], *, in_title: bool = False) -> list[str]:
    """Return what the index holds for the first letters of words: each beginning once."""
    mark = _BEGINS_IN_TITLE if in_title else _BEGINS_ANYWHERE
    spaced = {word[:_LONGEST] for word in words if not is_unspaced(word)}
    return sorted({mark + word[:length] for word in spaced for length in range(1, len(word) + 1)})


def find_beginning(word: str, *, in_title: bool) -> str:
    """Return the word of the index for all words that begin so; empty if there is none."""
    if len(word) > _LONGEST or is_unspaced(word):
        return ""
    return (_BEGINS_IN_TITLE if in_title else _BEGINS_ANYWHERE) + word
