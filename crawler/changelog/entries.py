"""The kind of a change, determined by comparing a post's versions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from crawler.changelog.unfinished import dump_instant
from pipelines.exports.records import ChangeKind, hash_content

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipelines.posts.items import Post

_Key = tuple[str, str]


class Place(NamedTuple):
    """Where in time a change belongs: the capture that shows it."""

    captured_at: str
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change to be entered."""

    key: _Key
    kind: ChangeKind
    version: int
    content: str
    captured_at: str
    record_id: str

    @property
    def sort_key(self) -> tuple[str, str, _Key]:
        """The order of entries that are made at once."""
        return (self.captured_at, self.record_id, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostState:
    """What the log compares of a post.

    Attributes:
        content: digest of what a reader sees.
        address: digest of its address.
        doubts: digest of the captures that no longer look like it; '' where there are none.
        departed: the capture in which the publisher said that the article is gone (410).
    """

    content: str
    address: str = ""
    doubts: str = ""
    departed: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """What the log entered last of a post, and what it had compared then (None if that is not known)."""

    kind: ChangeKind
    version: int
    content: str
    address: str | None = None
    doubts: str | None = None


def build_state(post: Post, departed: Place | None = None) -> PostState:
    """Return what is compared of a post."""
    doubts = ",".join(f"{doubt.record_id} {doubt.reason}" for doubt in post.doubts)
    return PostState(
        content=hash_content(post),
        address=_digest(post.url),
        doubts=_digest(doubts) if doubts else "",
        departed=departed,
    )


def build_entry(post: Post, now: PostState, last: Last | None) -> Entry | None:
    """Return what is to be entered of a post; None if nothing has changed."""
    kind = _find_kind(now, last)
    if kind is None:
        return None
    place = find_latest(post)
    if kind is ChangeKind.GONE and now.departed:
        place = now.departed
    elif kind is ChangeKind.DOUBTFUL:
        place = max(Place(dump_instant(doubt.captured_at), doubt.record_id) for doubt in post.doubts)
    is_same = last is not None and not last.kind.is_removed and last.content == now.content
    # A post that comes back as it was is a new version, so that no reader takes it for one that it knows.
    has_stayed = is_same and kind in (ChangeKind.GONE, ChangeKind.DOUBTFUL)
    before = last.version if last else 0
    return Entry(
        key=post.key,
        kind=kind,
        version=before if has_stayed else before + 1,
        content=now.content,
        captured_at=place.captured_at,
        record_id=place.record_id,
    )


def _find_kind(now: PostState, last: Last | None) -> ChangeKind | None:
    has_departed = now.departed is not None
    if last is None or last.kind.is_removed:
        return ChangeKind.GONE if has_departed else ChangeKind.NEW
    is_same, was_gone = last.content == now.content, last.kind is ChangeKind.GONE
    if has_departed:
        return None if was_gone and is_same else ChangeKind.GONE
    if not is_same or was_gone:
        has_moved = last.address not in (None, now.address)
        return ChangeKind.MOVED if has_moved else ChangeKind.UPDATED
    return ChangeKind.DOUBTFUL if now.doubts and last.doubts not in (None, now.doubts) else None


def sum_up(known: ChangeKind | None, since: Collection[ChangeKind]) -> ChangeKind:
    """Return the kind that sums up several changes of a post that is still there.

    Args:
        known: the last change that the reader knows, if any.
        since: the kinds of those behind it.
    """
    if known is None or known.is_removed:
        return ChangeKind.NEW
    if ChangeKind.MOVED in since:
        return ChangeKind.MOVED
    return ChangeKind.DOUBTFUL if set(since) == {ChangeKind.DOUBTFUL} else ChangeKind.UPDATED


def find_latest(post: Post) -> Place:
    """Return the latest capture that a post rests on."""
    places = [(entry.captured_at, entry.record_id) for entry in post.evidence.values()]
    if post.capture is not None:
        places.append((post.capture.captured_at, post.capture.record_id))
    at, record_id = max(places, default=(datetime.min.replace(tzinfo=UTC), ""))
    return Place(dump_instant(at), record_id)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
