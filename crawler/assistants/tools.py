"""The tools of an assistant: read-only, bounded functions from arguments to JSON.

Every answer names the capture that it rests on, so readers can verify what the assistant says.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.merging.parts import WrittenFiles
from archives.replay.citations import cite_sentence, dump_citation
from crawler.changelog.history import build_versions, iter_text_diff
from crawler.publishing.stream import ChangeStream
from crawler.reparsing.ledger import open_ledger
from crawler.viewer.search.lookup import Wanted
from crawler.viewer.search.pool import IndexPool
from pipelines.exports.records import build_object
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archives.replay.citations import Evidence
    from crawler.publishing.library import Library
    from pipelines.exports.records import PostRecord

MAX_POSTS = 50
MAX_CHARS = 20_000
MAX_VERSIONS = 50
MAX_LINES = 200
MAX_DIFF_CHARS = 5_000
MAX_CITATIONS = 20
_THIN = ("id", "collection", "url", "headline", "datePublished", "change", "version", "cursor")


class ToolRefused(ValueError):
    """What was requested cannot be given; the sentence says what to ask instead."""


class ArchiveTools:
    """The tools over one data directory. Several threads may call them at once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._indexes = IndexPool(library)

    def close(self) -> None:
        """Close the search indexes."""
        self._indexes.close()

    def search(self, query: str, collection: str = "", limit: int = 10, offset: int = 0) -> dict[str, Any]:
        """Find posts: words, "phrases", -word, OR, word*, title:, tag:, source:, after:2026-01-01, before:."""
        names = [collection] if collection else self._indexes.list_names()
        wanted = Wanted(words=query, by_relevance=bool(query.strip()))
        found = self._indexes.list_posts(
            names, wanted, limit=_bound(limit, MAX_POSTS), offset=min(max(0, offset), 10_000)
        )
        posts = [
            {
                "id": f"{post.source}/{post.identifier}",
                "collection": post.collection,
                "headline": post.headline,
                "datePublished": post.published,
                "excerpt": "".join(piece.text for piece in post.excerpt),
                "sections": list(post.sections),
            }
            for post in found
        ]
        missing = sum(self._indexes.count_missing(names).values())
        return {
            "total": self._indexes.count(names, wanted),
            "posts": posts,
            "notYetSearchable": missing,
            "notes": list(wanted.parse().notes),
        }

    def get_post(self, id: str, collection: str = "", start: int = 0) -> dict[str, Any]:  # noqa: A002 (its name)
        """Return a post's fields and text with the evidence for each field; long texts in pieces, from `start` on."""
        record = self._find(id, collection)
        row = build_object(record)
        del row["articleBody"]
        begin = max(0, start)
        row["text"] = record.text[begin : begin + MAX_CHARS]
        end = begin + MAX_CHARS
        row["nextStart"] = end if end < len(record.text) else None
        return row

    def get_versions(self, id: str, collection: str = "") -> dict[str, Any]:  # noqa: A002 (its name)
        """Return the versions of an article, oldest first, each with what changed in it as a diff, and its capture."""
        record = self._find(id, collection)
        definition = self._library.find_definitions(record.collection)(record.source)
        options = definition.post if definition else PostOptions()
        opened = self._library.open_collection(record.collection)
        with closing(open_ledger(opened)) as ledger:
            versions = build_versions(ledger.list_sightings(record.key), options, WrittenFiles(opened))
        shown = []
        for number, version in enumerate(versions[-MAX_VERSIONS:], start=max(0, len(versions) - MAX_VERSIONS)):
            lines = iter_text_diff(versions[number - 1].post, version.post) if number else iter(())
            diff, is_cut = _cut_lines(lines)
            shown.append(
                {
                    "version": version.number,
                    "captured_at": version.captured_at.isoformat(),
                    "record_id": version.record_id,
                    "headline": version.post.headline,
                    "changed": list(version.changed),
                    "diff": diff,
                    "isDiffCut": is_cut,
                }
            )
        return {"id": record.id, "collection": record.collection, "total": len(versions), "versions": shown}

    def cite(self, sentence: str, id: str = "", url: str = "", collection: str = "") -> dict[str, Any]:  # noqa: A002
        """Return proof that a sentence was on a page: each capture in which it stands, as `newsreel prove` checks."""
        if not sentence.strip():
            raise ToolRefused("name the sentence to cite, as it stands on the page")
        record = self._find(id, collection) if id else None
        address = record.url if record else url
        if not address:
            raise ToolRefused("name the post by its id, or the address of its page by url")
        names = [record.collection] if record else [collection] if collection else self._indexes.list_names()
        found: list[Evidence] = []
        unread: list[ArchiveError] = []
        for name in names:
            with CollectionIndex(self._library.open_collection(name)) as index:
                found += cite_sentence(index, address, sentence, unread.append)
        return {
            "url": address,
            "total": len(found),
            "citations": [dump_citation(evidence) for evidence in found[:MAX_CITATIONS]],
            "totalUnread": len(unread),
            "unread": [str(error) for error in unread[:MAX_CITATIONS]],
        }

    def list_changes(self, since: str = "start", collection: str = "", limit: int = 20) -> dict[str, Any]:
        """Return what has happened to posts (new, updated, gone …) since a cursor, and the cursor to continue from."""
        stream = ChangeStream(self._library, collection)
        if not stream.names:
            raise ToolRefused("there is no collection yet; crawl first")
        if loss := stream.find_loss(since):
            raise ToolRefused(loss)
        end, most = stream.find_end(), _bound(limit, MAX_POSTS)
        rows = [build_object(record) for record in stream.read(since, limit=most)]
        has_more = len(rows) == most
        changes = [{name: row[name] for name in _THIN} for row in rows]
        return {"changes": changes, "cursor": rows[-1]["cursor"] if has_more else end, "more": has_more}

    def _find(self, name: str, collection: str) -> PostRecord:
        source, _, identifier = name.partition("/")
        for place in [collection] if collection else self._indexes.list_names():
            record = self._library.open_store(place).find_record(source, identifier)
            if record is not None:
                return record
        where = f"collection {collection}" if collection else "any collection"
        raise ToolRefused(f"no post {name!r} in {where}; take an id that a search gave")


def _cut_lines(lines: Iterable[str]) -> tuple[list[str], bool]:
    """Return the first lines of a diff, and whether something is missing."""
    kept: list[str] = []
    left = MAX_DIFF_CHARS
    for line in lines:
        if len(kept) == MAX_LINES:
            return kept, True
        if len(line) > left:
            return [*kept, line[:left]], True
        kept.append(line)
        left -= len(line)
    return kept, False


def _bound(number: int, most: int) -> int:
    return min(max(1, number), most)


REFUSALS = (ArchiveError, ValueError)
