"""The entries of an article, derived from what its captures state, run by run."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from crawler.changelog.entries import Entry, Last, Place, build_entry, build_state
from crawler.changelog.history import find_run
from crawler.changelog.unfinished import dump_instant
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from archives.merging.parts import WrittenFiles
    from pipelines.posts.items import Statement
    from pipelines.posts.options import PostOptions


def derive_entries(
    sightings: Sequence[Statement],
    departures: Iterable[tuple[Place, str]],
    options: PostOptions,
    written: WrittenFiles,
) -> list[Entry]:
    """Return what the log would have entered of an article run by run, the oldest first.

    Args:
        sightings: what each capture stated of it, as `Ledger.list_sightings` gives it.
        departures: captures in which the publisher said that it is gone, each with the WARC file it was written to.
        written: of the collection, which tells captures of one run from those of another.
    """
    found: list[tuple[Place, str, Statement | None]] = [(place, file, None) for place, file in departures]
    for one in sightings:
        if one.capture is not None:
            file = written.find_name(one.capture.file, one.capture.offset)
            found.append((Place(dump_instant(one.at), one.capture.record_id), file, one))
    entries: list[Entry] = []
    last: Last | None = None
    stated: list[Statement] = []
    for _, group in groupby(sorted(found, key=lambda it: it[0]), key=lambda it: find_run(it[1])):
        departed: Place | None = None
        for place, _, statement in group:
            departed = place if statement is None else None
            stated += [statement] if statement else []
        try:
            post = settle(stated, options)
        except PostRefused:
            continue
        now = build_state(post, departed)
        entry = build_entry(post, now, last)
        if entry:
            entries.append(entry)
        if last or entry:
            of = entry or entries[-1]
            last = Last(kind=of.kind, version=of.version, content=of.content, address=now.address, doubts=now.doubts)
    return entries
