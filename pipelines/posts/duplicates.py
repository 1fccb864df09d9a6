"""Links posts with the same text: agency copy, reprints, one article under two ids.

Two texts are the same where most of the shorter is in the longer, word for word, with its figures. Which texts are
worth comparing is decided by a sketch: the least hash of the text's shingles in each of 64 bins. Two texts agree in
about that share of the bins that they have of their shingles in common, so one that agrees with another in two
neighbouring bins and a few more is a candidate, and only candidates are compared. All of it is a function of the
texts: no order of arrival can change it.

Spec: A. Broder, "On the resemblance and containment of documents", 1997; P. Li et al., "One permutation hashing", 2012;
A. Shrivastava, "Optimal densification for fast and accurate minwise hashing", 2017.
"""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from operator import eq
from typing import TYPE_CHECKING, Final

from pipelines.late_patterns import compile_late

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_SHINGLE: Final = 4
_BINS: Final = 64
_ROWS: Final = 2
_LEAST_AGREEING: Final = 6
_LEAST_WORDS: Final = 20
_LEAST_FIGURES: Final = 4
_LEAST_CONTAINMENT: Final = 0.6
_LEAST_RESEMBLANCE: Final = 0.2
_LEAST_SHARED_FIGURES: Final = 0.5
# A bucket beyond this holds what many texts have in common, such as a notice below each of them.
_LARGEST_BUCKET: Final = 500
# A shingle's number: the upper bits choose its bin, the lower are its value there.
_NUMBER_MASK: Final = (1 << 64) - 1
_PLACE_SHIFT: Final = 58
_VALUE_MASK: Final = (1 << 32) - 1
_EMPTY: Final = _VALUE_MASK
# Odd, with bits as if by chance, so that every bit of every word has a say in the bits that are kept.
_FACTORS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
_MIX_SHIFT: Final = 32
_PACKED: Final = struct.Struct(f">{_BINS}I")

# Scripts that put no blanks between words are cut into letters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = compile_late(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sketches (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    digest BLOB NOT NULL,           -- of the text's words
    bins BLOB NOT NULL,             -- the sketch, 64 numbers of 32 bits
    UNIQUE (source, identifier)
);
CREATE TABLE IF NOT EXISTS unsketched (
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS digests ON sketches (digest);
CREATE TABLE IF NOT EXISTS buckets (
    bucket INTEGER NOT NULL,        -- two neighbouring bins and what is in them, hashed
    number INTEGER NOT NULL,
    PRIMARY KEY (bucket, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What is kept of a text to find its like.

    Attributes:
        digest: of its words; equal where two texts differ in blanks, punctuation and case only.
        bins: 64 numbers of 32 bits.
    """

    digest: bytes
    bins: tuple[int, ...]

    def list_buckets(self) -> list[int]:
        """Return what a text has in common with each that may be the same."""
        data = _PACKED.pack(*self.bins)
        size = 4 * _ROWS
        parts = (data[start : start + size] for start in range(0, len(data), size))
        return [_hash(bytes([place]) + part) >> 1 for place, part in enumerate(parts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much two texts have in common.

    Attributes:
        resemblance: shingles of both, by shingles of either.
        containment: shingles of both, by shingles of the shorter.
        figures: numbers of both, by numbers of the one that has fewer; 1 where that has hardly any.
    """

    resemblance: float
    containment: float
    figures: float

    @property
    def is_same(self) -> bool:
        """Whether it is one text: reports from one template differ in their figures."""
        is_alike = self.containment >= _LEAST_CONTAINMENT and self.resemblance >= _LEAST_RESEMBLANCE
        return is_alike and self.figures >= _LEAST_SHARED_FIGURES


EXACT: Final = Likeness(resemblance=1.0, containment=1.0, figures=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A post with the same text as another.

    Attributes:
        key: source and identifier.
        containment: how much of the shorter is in the longer; 1.0 if they are equal.
        is_exact: they differ in blanks, punctuation and case at most.
    """

    key: tuple[str, str]
    containment: float
    is_exact: bool


def build_sketch(text: str) -> Sketch | None:
    """Return the sketch of a text; None if it is too short to distinguish."""
    words = _list_words(text)
    if len(words) < _LEAST_WORDS:
        return None
    digest = hashlib.blake2b(" ".join(words).encode(), digest_size=16).digest()
    least = [_EMPTY] * _BINS
    for number in _hash_shingles(words):
        place, value = number >> _PLACE_SHIFT, number & _VALUE_MASK
        if value < least[place]:  # noqa: PLR1730 (min() takes twice the time)
            least[place] = value
    return Sketch(digest=digest, bins=tuple(_fill(least, place) for place in range(_BINS)))


def compare_texts(left: str, right: str) -> Likeness:
    """Return how much two texts have in common; which is left and which right does not matter."""
    words = _list_words(left), _list_words(right)
    one, other = (_find_shingles(found) for found in words)
    common = len(one & other)
    return Likeness(
        resemblance=common / max(1, len(one | other)),
        containment=common / max(1, min(len(one), len(other))),
        figures=_compare_figures(left, right),
    )


class DuplicateIndex:
    """The sketches of a ledger's posts, in tables of its database; finding a post's like costs the same in any of them.

    Changes belong to the transaction that is open on the connection.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def expect(self, key: tuple[str, str]) -> None:
        """Note that a post says something else now; what, is looked at when somebody asks, for a crawl has no time."""
        self._database.execute("INSERT OR IGNORE INTO unsketched (source, identifier) VALUES (?, ?)", key)

    def list_expected(self, most: int) -> list[tuple[str, str]]:
        """Return posts whose text has changed since it was sketched."""
        return self._database.execute("SELECT source, identifier FROM unsketched LIMIT ?", (most,)).fetchall()

    def put(self, key: tuple[str, str], text: str) -> None:
        """Sketch what a post says now."""
        self.drop(key)
        self._database.execute("DELETE FROM unsketched WHERE source = ? AND identifier = ?", key)
        sketch = build_sketch(text)
        if sketch is None:
            return
        number = self._database.execute(
            "INSERT INTO sketches (source, identifier, digest, bins) VALUES (?, ?, ?, ?)",
            (*key, sketch.digest, _PACKED.pack(*sketch.bins)),
        ).lastrowid
        self._database.executemany(
            "INSERT INTO buckets (bucket, number) VALUES (?, ?)", ((bucket, number) for bucket in sketch.list_buckets())
        )

    def drop(self, key: tuple[str, str]) -> None:
        """Forget what a post said."""
        found = self._find(key)
        if found is None:
            return
        number, sketch = found
        self._database.executemany(
            "DELETE FROM buckets WHERE bucket = ? AND number = ?",
            ((bucket, number) for bucket in sketch.list_buckets()),
        )
        self._database.execute("DELETE FROM sketches WHERE number = ?", (number,))

    def drop_known(self, source: str, identifier: str | None) -> None:
        """Forget what a post said, or all posts of a source."""
        of, what = "WHERE source = ? AND (? IS NULL OR identifier = ?)", (source, identifier, identifier)
        self._database.execute(
            f"DELETE FROM buckets WHERE number IN (SELECT number FROM sketches {of})",  # noqa: S608
            what,
        )
        for table in ("sketches", "unsketched"):
            self._database.execute(f"DELETE FROM {table} {of}", what)  # noqa: S608

    def list_candidates(self, key: tuple[str, str]) -> list[tuple[tuple[str, str], bool]]:
        """Return the posts whose text may be the same as a post's, and whether it surely is, by key."""
        found = self._find(key)
        if found is None:
            return []
        _, sketch = found
        numbers: set[int] = set()
        for bucket in sketch.list_buckets():
            rows = self._database.execute(
                "SELECT number FROM buckets WHERE bucket = ? LIMIT ?", (bucket, _LARGEST_BUCKET + 1)
            ).fetchall()
            if len(rows) <= _LARGEST_BUCKET:
                numbers.update(row[0] for row in rows)
        candidates = {
            (source, identifier): digest == sketch.digest
            for source, identifier, digest, bins in self._iter_sketches(sorted(numbers))
            if sum(map(eq, bins, sketch.bins)) >= _LEAST_AGREEING
        }
        exact = self._database.execute("SELECT source, identifier FROM sketches WHERE digest = ?", (sketch.digest,))
        candidates |= dict.fromkeys(exact, True)
        candidates.pop(key, None)
        return sorted(candidates.items())

    def _iter_sketches(self, numbers: Sequence[int]) -> Iterator[tuple[str, str, bytes, tuple[int, ...]]]:
        for number in numbers:
            source, identifier, digest, bins = self._database.execute(
                "SELECT source, identifier, digest, bins FROM sketches WHERE number = ?", (number,)
            ).fetchone()
            yield source, identifier, digest, _PACKED.unpack(bins)

    def _find(self, key: tuple[str, str]) -> tuple[int, Sketch] | None:
        row = self._database.execute(
            "SELECT number, digest, bins FROM sketches WHERE source = ? AND identifier = ?", key
        ).fetchone()
        return (row[0], Sketch(digest=row[1], bins=_PACKED.unpack(row[2]))) if row else None


def _list_words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _find_shingles(words: Sequence[str]) -> set[str]:
    return {" ".join(words[start : start + _SHINGLE]) for start in range(max(1, len(words) - _SHINGLE + 1))}


def _hash_shingles(words: Sequence[str]) -> set[int]:
    """Return a number of 64 bits for each shingle; a crawl spends more time here than on the rest of a sketch."""
    codes = {word: zlib.crc32(word.encode()) for word in set(words)}
    numbers = [codes[word] for word in words]
    first, second, third, fourth = _FACTORS
    return {
        (((a * first) ^ (b * second) ^ (c * third)) + d) * fourth >> _MIX_SHIFT & _NUMBER_MASK
        for a, b, c, d in zip(numbers, numbers[1:], numbers[2:], numbers[3:], strict=False)
    }


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _fill(least: Sequence[int], place: int) -> int:
    """Return what is in a bin; an empty one of a short text borrows, in the same way in all texts, from another."""
    attempt = 0
    found = least[place]
    while found == _EMPTY:
        attempt += 1
        found = least[_hash(struct.pack(">II", place, attempt)) % _BINS]
    return found


def _compare_figures(left: str, right: str) -> float:
    one, other = (set(_FIGURE.findall(unicodedata.normalize("NFKC", text))) for text in (left, right))
    fewer = min(len(one), len(other))
    return len(one & other) / fewer if fewer >= _LEAST_FIGURES else 1.0
