"""The versions of an article as a page shows them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.publishing.history import build_versions
from crawler.reparsing.ledger import open_ledger
from pipelines.markup.sanitise import find_text

if TYPE_CHECKING:
    from datetime import datetime

    from archives.storage.collection import Collection
    from pipelines.posts.options import PostOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of an article.

    Attributes:
        lines: what a reader sees, headline first, one line a block.
    """

    number: int
    captured_at: datetime
    record_id: str
    changed: tuple[str, ...]
    headline: str
    lines: tuple[str, ...]


def list_editions(collection: Collection, key: tuple[str, str], options: PostOptions) -> list[Edition]:
    """Return the versions of an article, the oldest first.

    Args:
        key: its source and identifier.

    Raises:
        archives.errors.CollectionError: the ledger cannot be read.
    """
    with closing(open_ledger(collection)) as ledger:
        versions = build_versions(ledger.list_sightings(key), options)
    return [
        Edition(
            number=version.number,
            captured_at=version.captured_at,
            record_id=version.record_id,
            changed=version.changed,
            headline=version.post.headline,
            lines=(version.post.headline, *find_text(version.post.articleBody).splitlines()),
        )
        for version in versions
    ]
