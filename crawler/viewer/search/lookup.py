"""Translates searches to SQL, and rows to values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from crawler.viewer.search.language import Field, Query, parse_query
from crawler.viewer.search.stems import list_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crawler.viewer.search.excerpts import Piece
    from crawler.viewer.search.language import Term
    from crawler.viewer.search.words import Phrase

_LABELS: Final = {
    Field.SOURCE: "source",
    Field.CATEGORY: "category",
    Field.TAG: "tag",
    Field.SYMBOL: "symbol",
    Field.LANGUAGE: "lang",
    Field.STATE: "is",
}
# Posts with a capture that no longer looks like the article.
DOUBTFUL: Final = ("is", "doubtful")
# A headline that holds the words says more than a text that does.
RANKED: Final = "SELECT rowid, bm25(search, 8.0, 1.0, 4.0, 0.5) AS rank FROM search WHERE search MATCH ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A search for posts; empty fields match all.

    Attributes:
        words: what a reader typed.
        day: a day, a month or a year.
        labels: each a kind and a name; a post has all of them.
        by_relevance: the best first, not the newest.
    """

    words: str = ""
    day: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    by_relevance: bool = False

    def parse(self) -> Query:
        """Return what the words mean."""
        return parse_query(self.words)

    @property
    def is_everything(self) -> bool:
        """Whether all posts match."""
        return not (self.day or self.labels or self.parse().groups)

    def list_relaxed(self) -> list[tuple[str, Wanted]]:
        """Return the search without each of its conditions, with the name of what was left out."""
        groups = self.parse().groups
        found = [
            (" OR ".join(term.written for term in group), replace(self, words=write_query(groups, without=at)))
            for at, group in enumerate(groups)
        ]
        found += [
            (name, replace(self, labels=tuple(x for x in self.labels if x != (kind, name))))
            for kind, name in self.labels
        ]
        if self.day:
            found.append((self.day, replace(self, day="")))
        return found if len(found) > 1 else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One post of a list.

    Attributes:
        instant: ISO 8601 in UTC, by which posts are sorted.
        published: ISO 8601 with the source's offset, or the day alone.
        language: of the headline and the text, as a BCP 47 tag; may be empty.
        title: the headline, the words that were searched for marked.
        excerpt: the beginning of the text, or what surrounds the words that were searched for.
    """

    collection: str
    source: str
    identifier: str
    instant: str
    published: str
    day: str
    headline: str
    language: str
    title: Sequence[Piece]
    excerpt: Sequence[Piece]
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a post stands in its index.

    Attributes:
        instant: ISO 8601 in UTC, by which posts are sorted.
        rank: the smaller the better.
    """

    collection: str
    number: int
    instant: str
    rank: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many posts of a result have each label, and are of each day.

    Attributes:
        labels: kind to name to number.
        days: day to number; posts without a date are left out.
        is_cut: there are too many posts to count; the labels are those of all posts, and there are no days.
    """

    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)
    is_cut: bool = False


def write_query(
    groups: Sequence[Sequence[Term]], *, without: int = -1, instead: Mapping[str, str] | None = None
) -> str:
    """Return a search as a reader would type it.

    Args:
        without: number of a group to leave out.
        instead: terms as they were written, and what to write in their place.
    """
    written = instead or {}
    kept = [group for at, group in enumerate(groups) if at != without]
    return " ".join(" OR ".join(written.get(term.written, term.written) for term in group) for group in kept)


def build_match(phrase: Phrase, *, in_title: bool = False) -> str:
    """Return the FTS5 expression of a phrase."""
    text = '"' + " ".join(phrase.words) + '"' + (" *" if phrase.is_prefix else "")
    text = f"{{headline}} : {text}" if in_title else text
    if not phrase.is_stemmed:
        return text
    stems = " OR ".join(f'"{token}"' for token in list_wanted(phrase.words[0], in_title=in_title))
    return f"({text} OR {{stems}} : ({stems}))"


def build_where(wanted: Wanted, query: Query) -> tuple[str, tuple[str, ...]]:
    """Return the condition that posts match, and the values in it."""
    clauses: list[str] = []
    values: list[str] = []
    match = build_ranked_match(query)
    if match:
        clauses.append("id IN (SELECT rowid FROM search WHERE search MATCH ?)")
        values.append(match)
    for group in query.groups:
        if not _is_plain(group):
            terms = [_build_clause(term) for term in group]
            clauses.append("(" + " OR ".join(clause for clause, _ in terms) + ")")
            values += [value for _, found in terms for value in found]
    for kind, name in wanted.labels:
        clauses.append(
            "id IN (SELECT post FROM labelled WHERE label = (SELECT id FROM labels WHERE kind = ? AND name = ?))"
        )
        values += (kind, name)
    if wanted.day:
        clauses.append("day >= ? AND day < ?")
        values += (wanted.day, f"{wanted.day}~")
    return ("WHERE " + " AND ".join(clauses) if clauses else ""), tuple(values)


def build_ranked_match(query: Query) -> str:
    """Return the FTS5 expression of all groups that ask for words alone; empty if there is none."""
    groups = [group for group in query.groups if _is_plain(group)]
    return " AND ".join("(" + " OR ".join(_match_term(term) for term in group) + ")" for group in groups)


def _is_plain(group: Sequence[Term]) -> bool:
    return all(term.phrase is not None and not term.is_negated for term in group)


def _match_term(term: Term) -> str:
    assert term.phrase is not None
    return build_match(term.phrase, in_title=term.field is Field.TITLE)


def _build_clause(term: Term) -> tuple[str, tuple[str, ...]]:
    values: tuple[str, ...] = (term.value,)
    if term.phrase is not None:
        clause, values = "id IN (SELECT rowid FROM search WHERE search MATCH ?)", (_match_term(term),)
    elif term.field is Field.AFTER:
        clause = "day >= ?"
    elif term.field is Field.BEFORE:
        clause = "(day <> '' AND day < ?)"
    else:
        named, values = _name_labels(term)
        clause = f"id IN (SELECT post FROM labelled WHERE label IN (SELECT id FROM labels WHERE kind = ? AND {named}))"  # noqa: S608
    return (f"NOT {clause}" if term.is_negated else clause), values


def _name_labels(term: Term) -> tuple[str, tuple[str, ...]]:
    kind, end = _LABELS[term.field], "\U0010ffff"
    if term.is_beginning:
        return "folded >= ? AND folded < ?", (kind, term.value, term.value + end)
    if term.field is Field.LANGUAGE:  # zh is also zh-Hans
        return "(folded = ? OR (folded >= ? AND folded < ?))", (
            kind,
            term.value,
            f"{term.value}-",
            f"{term.value}-{end}",
        )
    return "folded = ?", (kind, term.value)
