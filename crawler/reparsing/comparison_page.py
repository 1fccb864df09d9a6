"""The report of what would change as a page: for each post before and after beside each other, the words marked."""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from jinja2 import Template

    from crawler.reparsing.comparison import Comparison, PostChange

_MAX_WORDS: Final = 6_000
# Above it the unchanged middle of a text is left out.
_MAX_SAME_CHARS: Final = 400
_KEPT_CHARS: Final = 120
_UNSPACED: Final = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD: Final = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\w)+|\s+|[^\w\s]")


class Piece(NamedTuple):
    """A stretch of text; `is_changed` where the other side does not have it."""

    text: str
    is_changed: bool


class Row(NamedTuple):
    """One field of one post."""

    field: str
    before: list[Piece]
    after: list[Piece]


class Entry(NamedTuple):
    """One post."""

    kind: str
    id: str
    headline: str
    rows: list[Row]


@cache
def _load_template() -> Template:
    environment = Environment(
        loader=PackageLoader("crawler.reparsing", "web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("comparison.html")


def build_comparison_page(found: Comparison) -> str:
    """Return the page: one HTML file that needs no other."""
    return _load_template().render(found=found, entries=[_build_entry(change) for change in found.changes])


def _build_entry(change: PostChange) -> Entry:
    rows = [Row(entry.field, *compare_words(entry.before, entry.after)) for entry in change.fields]
    return Entry(kind=change.kind, id=change.id, headline=change.headline, rows=rows)


def compare_words(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Return two texts in pieces, those marked that the other does not have."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > _MAX_WORDS:
        return [Piece(before, is_changed=True)], [Piece(after, is_changed=True)]
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        went, came = "".join(old[old_from:old_to]), "".join(new[new_from:new_to])
        if tag == "equal":
            left.append(Piece(_fold(went), is_changed=False))
            right.append(Piece(_fold(came), is_changed=False))
            continue
        if went:
            left.append(Piece(went, is_changed=True))
        if came:
            right.append(Piece(came, is_changed=True))
    return left, right


def _fold(text: str) -> str:
    if len(text) <= _MAX_SAME_CHARS:
        return text
    return f"{text[:_KEPT_CHARS]} … {text[-_KEPT_CHARS:]}"
