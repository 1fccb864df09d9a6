"""Two versions of a text, compared paragraph by paragraph."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from crawler.reparsing.word_changes import Change, Words, compare_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHOWN_WHOLE: Final = 3
# A change that is looked for without its paragraph.
_LONG: Final = 12
_MARKUP: Final = re.compile(
    r"""(<!--.*?-->|<(?:style|title|textarea|svg)\b.*?</(?:style|title|textarea|svg)>"""
    r"""|<(?:"[^"]*"|'[^']*'|[^"'>])*>)""",
    re.DOTALL | re.IGNORECASE,
)


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
                yield _build_row(after, Change.ADDED)
            elif after is None:
                yield _build_row(before, Change.REMOVED)
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


def mark_page(page: str, rows: Sequence[Row], change: Change) -> str:
    """Return the markup of an archived page with what went, or what came, marked in its text.

    A paragraph is found where it is in one piece; of one that is cut up by tags the longer changes are marked.
    """
    patterns = [pattern for row in rows for pattern in _list_patterns(row, change)]
    pieces = _MARKUP.split(page)
    for at in range(0, len(pieces), 2):  # the others are tags
        for pattern in patterns:
            pieces[at], count = pattern.subn(partial(_mark_groups, change=change), pieces[at])
            if count:
                break
    return "".join(pieces)


def _list_patterns(row: Row, change: Change) -> list[re.Pattern[str]]:
    """Return how the paragraph of a row is found, whole and by its changes; the groups named `c…` are to be marked."""
    shown = [words for words in row.words if words.change in {Change.SAME, change}]
    if not any(words.change is change for words in shown):
        return []
    whole = "".join(
        f"(?P<{'c' if words.change is change else 's'}{at}>{_build_pattern(words.text)})"
        for at, words in enumerate(shown)
    )
    parts = [
        f"(?P<c0>{_build_pattern(words.text.strip())})"
        for words in shown
        if words.change is change and len(words.text.strip()) >= _LONG
    ]
    return [re.compile(pattern) for pattern in (whole, *parts)]


def _build_pattern(text: str) -> str:
    """Return a pattern of a text in markup, whatever blanks are between its words."""
    return r"\s+".join(re.escape(escape(part, quote=False)) for part in re.split(r"\s+", text))


def _mark_groups(match: re.Match[str], change: Change) -> str:
    name = "del" if change is Change.REMOVED else "mark"
    found = match.groupdict()
    return "".join(f"<{name}>{text}</{name}>" if key[0] == "c" else text for key, text in found.items())
