"""Detects fields with the same value in all articles of a run, which therefore say nothing about any of them.

Only what no two articles share is looked at: the headline, the text, and the instant of publication where it has a time
of day; a daily publishes many articles on one day. What many pages show is counted and never used to make a post.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from pipelines.dates.model import Precision
from pipelines.examples import MOST

if TYPE_CHECKING:
    from pipelines.posts.items import Statement

LEAST: Final = 5
"""Of fewer articles two may well have been published in the same minute."""

_FIELDS: Final = ("headline", "datePublished", "articleBody")


class AlikeFields:
    """Watches the fields of a run's articles; takes the same memory however many there are."""

    def __init__(self) -> None:
        self._first: dict[str, bytes] = {}
        self._articles: dict[str, set[bytes]] = {name: set() for name in _FIELDS}
        self._differing: set[str] = set()
        self._examples: dict[str, list[str]] = {name: [] for name in _FIELDS}

    def add(self, statement: Statement) -> None:
        """Note what one article is claimed to say."""
        for name in _FIELDS:
            if name in self._differing:
                continue
            value = _find_value(statement, name)
            if not value:
                continue
            digest = _digest(value)
            if self._first.setdefault(name, digest) != digest:
                self._differing.add(name)
                self._articles[name].clear()
            elif len(self._articles[name]) < 10 * LEAST:
                self._articles[name].add(_digest(statement.identifier))
                if len(self._examples[name]) < MOST and statement.url not in self._examples[name]:
                    self._examples[name].append(statement.url)

    def list_examples(self, name: str) -> list[str]:
        """Return addresses of the first articles that had the one value of a field."""
        return self._examples[name]

    def count_constant(self) -> dict[str, int]:
        """Return field to the number of articles that all have one value, at least five; up to fifty are counted."""
        return {name: len(found) for name, found in self._articles.items() if len(found) >= LEAST}


def _find_value(statement: Statement, name: str) -> str:
    is_day = statement.datePublished_precision is Precision.DAY
    if name == "datePublished" and is_day and not statement.disagreeing.get(name):
        return ""
    return statement.find_claimed(name)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
