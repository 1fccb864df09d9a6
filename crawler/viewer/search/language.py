"""Parses search queries.

| written | means |
|---|---|
| `salt mine` | both words |
| `"salt mine"` | these words in this order |
| `gard*` | words that begin so |
| `-wasps`, `-"new lock"`, `-tag:fruit` | not with this |
| `kiosk OR saddle` | one of them |
| `title:glacier` | in the headline |
| `tag:"long reads"`, `category:`, `source:`, `symbol:`, `lang:` | with this label, named whole |
| `is:doubtful` | with a capture that no longer looks like the article |
| `after:2026-01-05`, `before:2026-02` | that day and later; earlier than it |

Nothing that can be typed is an error: what is half typed is left out, and what cannot be meant is said in a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from crawler.viewer.search.stems import has_stem
from crawler.viewer.search.words import Phrase, cut, fold

MAX_TERMS: Final = 40
_QUOTES: Final = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02\u300c\u300d\u300e\u300f", '"'))
_PIECE: Final = re.compile(
    r"""(?P<minus>[-\u2212\uff0d]?)(?:(?P<field>[A-Za-z]+)[:\uff1a])?
        (?:"(?P<quoted>[^"]*)"?(?P<star>\*?)|(?P<bare>[^\s"]+))?""",
    re.VERBOSE,
)
_DAY: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")


class Field(StrEnum):
    """Where a term is looked for."""

    ANYWHERE = "anywhere"
    TITLE = "title"
    SOURCE = "source"
    CATEGORY = "category"
    TAG = "tag"
    SYMBOL = "symbol"
    LANGUAGE = "lang"
    STATE = "is"
    AFTER = "after"
    BEFORE = "before"


_NAMES: Final = {field.value: field for field in Field if field is not Field.ANYWHERE} | {
    "headline": Field.TITLE,
    "section": Field.CATEGORY,
    "language": Field.LANGUAGE,
    "since": Field.AFTER,
    "until": Field.BEFORE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition.

    Attributes:
        phrase: of words that are looked for in a text; None for a label or a day.
        value: of a label, folded; of a day, as it is written.
        is_beginning: a label that begins so is meant.
        is_negated: a post must not meet it.
        written: as the reader wrote it.
    """

    field: Field
    phrase: Phrase | None = None
    value: str = ""
    is_beginning: bool = False
    is_negated: bool = False
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed search.

    Attributes:
        groups: a post meets one term of each.
        notes: sentences on what was left out.
    """

    groups: tuple[tuple[Term, ...], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def phrases(self) -> list[Phrase]:
        """The words that a post found is likely to hold, to be marked in it."""
        terms = (term for group in self.groups for term in group if not term.is_negated)
        return [term.phrase for term in terms if term.phrase is not None]


@lru_cache(maxsize=256)
def parse_query(text: str) -> Query:
    """Return what a search means; nothing that can be typed is refused."""
    groups: list[list[Term]] = []
    notes: list[str] = []
    pieces = _list_pieces(text)
    joins = False
    for number, piece in enumerate(pieces[:MAX_TERMS]):
        if piece[0] == "OR" and groups and number + 1 < len(pieces) and pieces[number + 1][0] != "OR" and not joins:
            joins = True
            continue
        term = _build_term(piece, notes)
        if term is not None and joins:
            groups[-1].append(term)
        elif term is not None:
            groups.append([term])
        joins = False
    if len(pieces) > MAX_TERMS:
        notes.append(f"Only the first {MAX_TERMS} terms of the search are looked for.")
    if text.strip() and not groups and not notes:
        notes.append("This search contains no word, so it was ignored.")
    return Query(groups=tuple(map(tuple, groups)), notes=tuple(notes))


_Piece = tuple[str, re.Match[str]]


def _list_pieces(text: str) -> list[_Piece]:
    pieces = []
    text = text.translate(_QUOTES)
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _PIECE.match(text, position)
        assert match is not None  # it may be empty
        position = max(match.end(), position + 1)
        if match[0]:
            pieces.append((match[0], match))
    return pieces


def _build_term(piece: _Piece, notes: list[str]) -> Term | None:
    written, match = piece
    name, quoted, bare = match["field"], match["quoted"], match["bare"]
    value = quoted if quoted is not None else bare or ""
    is_beginning = bool(match["star"]) or value.endswith("*")
    value = value.rstrip("*")
    where = _NAMES.get(name.lower(), Field.ANYWHERE) if name else Field.ANYWHERE
    if name and where is Field.ANYWHERE:
        value = f"{name} {value}"  # an address, or a word before a colon
    is_negated = bool(match["minus"])
    if where in {Field.AFTER, Field.BEFORE}:
        if not is_day(value.strip()):
            if value:
                notes.append(f"“{written}” is not a day; write {where}:2026-01-31, {where}:2026-01 or {where}:2026.")
            return None
        return Term(field=where, value=value.strip(), is_negated=is_negated, written=written)
    if where in {Field.ANYWHERE, Field.TITLE}:
        words = tuple(cut(value))
        is_stemmed = quoted is None and not is_beginning and len(words) == 1 and has_stem(words[0])
        phrase = Phrase(words=words, is_prefix=is_beginning, is_stemmed=is_stemmed)
        return Term(field=where, phrase=phrase, is_negated=is_negated, written=written) if words else None
    folded = fold_label(value)
    if not folded:
        return None
    return Term(field=where, value=folded, is_beginning=is_beginning, is_negated=is_negated, written=written)


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, a month or a year."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return _DAY.fullmatch(text) is not None


def fold_label(name: str) -> str:
    """Return the name of a label as it is compared: folded, single blanks between its words."""
    return " ".join(fold(name).split())
