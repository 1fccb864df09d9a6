"""Translates searches to SQL, and rows to values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from crawler.viewer.search.language import Field, Query, fold_label, parse_query
from crawler.viewer.search.stems import list_wanted
from crawler.viewer.search.tokens import EVERY_POST, build_label_token, find_beginning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
_NAMED: Final = "(SELECT id FROM labels WHERE kind = ? AND name = ?)"
# The number of a post grows with the instant of its publication, so that the newest are found without sorting.
PER_SECOND: Final = 1 << 10
_START: Final = datetime(1, 1, 1, tzinfo=UTC)
_NUMBERS_A_DAY: Final = 24 * 3600 * PER_SECOND
_DAYS: Final = {len("2026-01-31"): 1, len("2026-01"): 31, len("2026"): 366}
# A headline that holds the words says more than a text that does.
RANK: Final = "bm25(search, 1.0, 8.0, 1.0, 4.0, 0.5)"


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
    def has_one_condition(self) -> bool:
        """Whether a label or a day is all that is requested."""
        return not self.parse().groups and len(self.labels) + bool(self.day) == 1

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
    """Where a post is in its index.

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
        total: how many posts there are.
        is_more: there are more than `total`.
        labels: kind to name to number.
        days: day to number; posts without a date are left out.
        is_cut: there are too many posts to count; the labels are those of all posts, and there are no days.
    """

    total: int = 0
    is_more: bool = False
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


def build_select(wanted: Wanted, query: Query) -> tuple[str, tuple[str | int, ...]]:
    """Return what selects the numbers of the posts that match, and the values in it.

    The table that is read first gives them in their order, so that a part of them costs no more than that part.
    """
    labels = list(wanted.labels)
    match = build_match(query, labels=labels if query.groups or len(labels) > 1 else ())
    clauses, values = _list_clauses(wanted, query)
    first, tables = "posts.id", "posts"
    if match:
        first, tables = "search.rowid", "search"
        clauses.insert(0, "search MATCH ?")
        values.insert(0, match)
        if labels or len(clauses) > 1:
            tables = "search CROSS JOIN posts ON posts.id = search.rowid"
    elif labels:
        first = "labelled.post"
        tables = "labelled CROSS JOIN posts ON posts.id = labelled.post" if clauses else "labelled"
        clauses.insert(0, f"labelled.label = {_NAMED}")
        values[:0] = labels.pop(0)
    for label in labels:
        clauses.append(f"EXISTS (SELECT 1 FROM labelled WHERE post = posts.id AND label = {_NAMED})")  # noqa: S608
        values += label
    for comparison, number in _list_bounds(wanted, query):
        clauses.append(f"{first} {comparison} ?")
        values.append(number)
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    return f"SELECT {first} AS id FROM {tables} {where}", tuple(values)  # noqa: S608 (our own words)


def build_match(query: Query, *, in_title: bool = False, labels: Iterable[tuple[str, str]] = ()) -> str:
    """Return the FTS5 expression of all groups that the index of words can answer alone; empty if there is none.

    Args:
        in_title: only posts whose headline holds the words.
        labels: each a kind and a name, which the posts have as well, whatever their case.
    """
    groups = [group for group in query.groups if all(map(_is_indexed, group))]
    unwanted = [_match_term(group[0]) for group in groups if _is_without(group)]
    parts = [_match_group(group, in_title=in_title) for group in groups if not _is_without(group)]
    parts += [f'"{build_label_token(kind, fold_label(name))}"' for kind, name in labels]
    if unwanted and not parts:
        parts = [f'"{EVERY_POST}"']
    match = " AND ".join(parts)
    return f"({match}) NOT ({' OR '.join(unwanted)})" if unwanted else match


def _list_clauses(wanted: Wanted, query: Query) -> tuple[list[str], list[str | int]]:
    """Return the conditions on a post beside its words and labels, and the values in them."""
    clauses: list[str] = []
    values: list[str | int] = []
    for group in query.groups:
        if not all(map(_is_indexed, group)):
            terms = [_build_clause(term) for term in group]
            clauses.append("(" + " OR ".join(clause for clause, _ in terms) + ")")
            values += [value for _, found in terms for value in found]
    if wanted.day:
        clauses.append("posts.day >= ? AND posts.day < ?")
        values += (wanted.day, f"{wanted.day}~")
    return clauses, values


def _list_bounds(wanted: Wanted, query: Query) -> list[tuple[str, int]]:
    """Return between which numbers the posts of the days that are wanted are.

    Days are those of a post's own zone, which is at most a day from UTC.
    """
    terms = [group[0] for group in query.groups if len(group) == 1 and not group[0].is_negated]
    first = [term.value for term in terms if term.field is Field.AFTER] + [wanted.day]
    end = [term.value for term in terms if term.field is Field.BEFORE]
    bounds = [(">=", _find_number(day, -1)) for day in first if day]
    bounds += [("<", _find_number(day, 1)) for day in end]
    # A year has at most 366 days, a month 31.
    return [*bounds, ("<", _find_number(wanted.day, _DAYS[len(wanted.day)] + 1))] if wanted.day else bounds


def _find_number(day: str, days: int) -> int:
    """Return the smallest number in UTC of a post some days after the beginning of a day, a month or a year."""
    began = datetime.fromisoformat(f"{day}-01-01"[:10]).replace(tzinfo=UTC)
    return number_instant(began) + days * _NUMBERS_A_DAY


def number_instant(instant: datetime) -> int:
    """Return the smallest number of the posts of an instant."""
    return ((instant - _START) // timedelta(seconds=1) + 1) * PER_SECOND


def _is_indexed(term: Term) -> bool:
    """Whether the index of words knows which posts meet a term."""
    return term.phrase is not None or (term.field in _LABELS and not term.is_beginning)


def _is_without(group: Sequence[Term]) -> bool:
    """Whether posts that meet a term are not wanted, and nothing else."""
    return len(group) == 1 and group[0].is_negated


def _match_group(group: Sequence[Term], *, in_title: bool) -> str:
    terms = (
        f'("{EVERY_POST}" NOT {_match_term(term)})' if term.is_negated else _match_term(term, in_title=in_title)
        for term in group
    )
    return f"({' OR '.join(terms)})"


def _match_term(term: Term, *, in_title: bool = False) -> str:
    if term.phrase is None:
        return f'"{build_label_token(_LABELS[term.field], term.value)}"'
    return _match_phrase(term.phrase, in_title=in_title or term.field is Field.TITLE)


def _match_phrase(phrase: Phrase, *, in_title: bool) -> str:
    """Return the FTS5 expression of a phrase."""
    if phrase.is_prefix and len(phrase.words) == 1 and (short := find_beginning(phrase.words[0], in_title=in_title)):
        return f'"{short}"'
    text = '"' + " ".join(phrase.words) + '"' + (" *" if phrase.is_prefix else "")
    text = f"{{headline}} : {text}" if in_title else text
    if not phrase.is_stemmed:
        return text
    stems = " OR ".join(f'"{token}"' for token in list_wanted(phrase.words[0], in_title=in_title))
    return f"({text} OR {{stems}} : ({stems}))"


def _build_clause(term: Term) -> tuple[str, tuple[str, ...]]:
    values: tuple[str, ...] = (term.value,)
    if _is_indexed(term):
        clause, values = "posts.id IN (SELECT rowid FROM search WHERE search MATCH ?)", (_match_term(term),)
    elif term.field is Field.AFTER:
        clause = "posts.day >= ?"
    elif term.field is Field.BEFORE:
        clause = "(posts.day <> '' AND posts.day < ?)"
    else:
        named = "SELECT id FROM labels WHERE kind = ? AND folded >= ? AND folded < ?"
        values = (_LABELS[term.field], term.value, term.value + "\U0010ffff")
        clause = f"EXISTS (SELECT 1 FROM labelled WHERE post = posts.id AND label IN ({named}))"  # noqa: S608
    return (f"NOT {clause}" if term.is_negated else clause), values
