"""The options of a source's posts: file names, categories and footer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from pipelines.names.slugs import SlugStyle, build_slug

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from pipelines.posts.items import Statement

_FOOTER = "<{url}>"


class Undated(StrEnum):
    """What becomes of an article that nothing dates."""

    REFUSED = "refused"
    CAPTURED = "captured"


class Normaliser(Protocol):
    """Python that changes what a source's pages state, after all steps of our own."""

    def normalise(self, statement: Statement) -> None:
        """Change fields of a statement; what is left alone stays.

        Nothing but the statement may decide: a reparse years later must come to the same.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PostOptions:
    """What a source says about its posts.

    Attributes:
        zone: time zone in which the publisher's naive times are meant and in which post files are dated.
        language: BCP 47 tag, empty if unknown.
        category: how a section's name becomes the category slug.
        tag_suffix: appended to a section's name to make the tag, where a page gives no tags of its own.
        aliases: section or tag as found to the name that is wanted.
        slugs: section's name to the category slug that is wanted, where `category` would spell another.
        drop: sections and tags never kept.
        day_from_id: regular expression whose first group holds the eight digits of the publishing day in an id.
        undated: whether an article that nothing dates makes no post, or one of the day of its first capture.
        footer: text below the body with `{shareLink}`, `{url}`, `{tag}` and `{category}`; a paragraph of it whose field
            is empty is left out.
        has_symbols: the front matter lists the securities that the article names.
        normalisers: applied to each statement in this order.
    """

    zone: tzinfo = UTC
    language: str = ""
    category: SlugStyle = SlugStyle.PINYIN
    tag_suffix: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    slugs: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    day_from_id: str = ""
    undated: Undated = Undated.REFUSED
    footer: str = _FOOTER
    has_symbols: bool = False
    normalisers: tuple[Normaliser, ...] = ()

    def build_category(self, section: str) -> str:
        """Return the category slug of a section's name."""
        return self.slugs.get(section) or build_slug(section, self.category)

    def find_day(self, identifier: str) -> date | None:
        """Return the publishing day that an id holds, or None."""
        match = re.search(self.day_from_id, identifier) if self.day_from_id else None
        if match is None:
            return None
        try:
            return datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007 (a calendar day has no zone)
        except ValueError:
            return None
