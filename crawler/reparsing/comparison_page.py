"""The comparison as a web page: each post before and after, with changed words marked."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from crawler.reparsing.word_changes import Change, compare_words

if TYPE_CHECKING:
    from jinja2 import Template

    from crawler.reparsing.comparison import Comparison, PostChange

# Above it the unchanged middle of a text is left out.
_MAX_SAME_CHARS: Final = 400
_KEPT_CHARS: Final = 120


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
    rows = [Row(entry.field, *split_sides(entry.before, entry.after)) for entry in change.fields]
    return Entry(kind=change.kind, id=change.id, headline=change.headline, rows=rows)


def split_sides(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Return two texts in pieces, those marked that the other does not have."""
    left: list[Piece] = []
    right: list[Piece] = []
    for words in compare_words(before, after):
        if words.change is Change.SAME:
            same = Piece(_fold(words.text), is_changed=False)
            left.append(same)
            right.append(same)
        else:
            (left if words.change is Change.REMOVED else right).append(Piece(words.text, is_changed=True))
    return left, right


def _fold(text: str) -> str:
    if len(text) <= _MAX_SAME_CHARS:
        return text
    return f"{text[:_KEPT_CHARS]} … {text[-_KEPT_CHARS:]}"
