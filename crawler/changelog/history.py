"""The versions of an article: its post after each run that saw it.

A version is what everything captured by the end of a run settles into. It is a view of the ledger's statements, so
every article has its versions, also those that were captured before anybody asked.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.markup.sanitise import find_text
from pipelines.posts.settle import FIELDS, PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archives.merging.parts import WrittenFiles
    from pipelines.posts.items import Post, Statement
    from pipelines.posts.options import PostOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an article.

    Attributes:
        captured_at: instant of the latest capture that it rests on.
        record_id: that capture's record.
        changed: fields that differ from the version before; empty for the first.
    """

    number: int
    captured_at: datetime
    record_id: str
    changed: tuple[str, ...]
    post: Post


def build_versions(sightings: Iterable[Statement], options: PostOptions, written: WrittenFiles) -> list[Version]:
    """Return the versions of an article, the oldest first.

    Args:
        sightings: what each capture stated of the article, as `Ledger.list_sightings` gives it.
        written: of the collection, which tells captures of one run from those of another.
    """
    captured = [sighting for sighting in sightings if sighting.capture is not None]
    captured.sort(key=lambda sighting: (sighting.at, sighting.capture.record_id if sighting.capture else ""))
    versions: list[Version] = []
    stated: list[Statement] = []
    for position, sighting in enumerate(captured):
        stated.append(sighting)
        following = captured[position + 1] if position + 1 < len(captured) else None
        if following is not None and _find_run_of(following, written) == _find_run_of(sighting, written):
            continue
        try:
            post = settle(stated, options)
        except PostRefused:
            continue
        changed = _find_changes(versions[-1].post, post) if versions else ()
        if versions and not changed:
            continue
        assert sighting.capture is not None
        versions.append(
            Version(
                number=len(versions) + 1,
                captured_at=sighting.capture.captured_at,
                record_id=sighting.capture.record_id,
                changed=changed,
                post=post,
            )
        )
    return versions


def iter_text_diff(old: Post, new: Post) -> Iterator[str]:
    """Yield a unified diff of what a reader sees: headline, then one line a block of the body."""
    yield from difflib.unified_diff(_list_lines(old), _list_lines(new), lineterm="", n=1)


def find_run(file: str) -> str:
    """Return what the WARC files of one run have in common: the token at the end of their names."""
    return file.rsplit("-", 1)[-1]


def _find_run_of(sighting: Statement, written: WrittenFiles) -> str:
    capture = sighting.capture
    return find_run(written.find_name(capture.file, capture.offset)) if capture else ""


def _find_changes(old: Post, new: Post) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if getattr(old, name) != getattr(new, name))


def _list_lines(post: Post) -> list[str]:
    return [post.headline, *find_text(post.articleBody).splitlines()]
