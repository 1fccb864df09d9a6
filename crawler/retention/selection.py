"""Chooses what of a source is no longer kept: posts beyond their limits, requisites and captures that nothing needs.

A post needs the captures that give its fields. Of every address the latest capture stays, because the next crawl goes
on from it, and no original goes whose revisit stays. Captures go only where every post stays as it is without them.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.storage.collection import STORED_SUFFIX
from crawler.publishing.erasing import Target, add_article
from crawler.reparsing.contents import NO_PAGES, CollectionContents
from crawler.reparsing.ledger import find_ledger, open_ledger
from crawler.sources.archived import SOURCE_URI
from pipelines.posts.items import load_post
from pipelines.posts.settle import FIELDS, PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection
    from crawler.sources import Source
    from crawler.sources.model import Bound
    from pipelines.posts.items import Post, Statement
    from pipelines.posts.ledger import Ledger

_WEB: Final = ("http://", "https://")


class _Held(NamedTuple):
    """One capture that is here."""

    at: datetime
    record_id: str
    filename: str
    length: int
    urlkey: str
    digest: str
    is_revisit: bool
    is_requisite: bool
    is_made: bool


@dataclass(slots=True, kw_only=True)
class Selection:
    """What is to go of one source.

    Attributes:
        target: the articles whose posts go, and the addresses that are of these alone.
        records: names of WARC files, with the ids of the captures that go from each.
        dropped: the ids of all captures that go.
        emptied: names of WARC files in which nothing else is.
        posts, captures, requisites: how many go.
        bytes: of the captures and requisites that go, as the index counts them.
        needed: captures beyond a limit that stay, because a post or a revisit needs them.
        excess: bytes by which what stays is more than the limits allow.
    """

    source: str
    target: Target = field(default_factory=Target)
    records: dict[str, set[str]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)
    posts: int = 0
    captures: int = 0
    requisites: int = 0
    bytes: int = 0
    needed: int = 0
    excess: int = 0

    def __bool__(self) -> bool:
        """Whether anything is to go."""
        return bool(self.posts or self.captures or self.requisites)


def select(collection: Collection, source: Source, *, now: datetime) -> Selection:
    """Choose what of a source is no longer kept.

    Files in object storage, files of other tools and files that other sources are in are left alone.

    Raises:
        ArchiveError: the index or the ledger cannot be read.
    """
    assert source.keep is not None
    selection = Selection(source=source.name)
    with CollectionIndex(collection) as index:
        index.refresh()
        selector = _Selector(source, _list_held(collection, index, source), now=now)
        if find_ledger(collection).is_file():
            with closing(open_ledger(collection)) as ledger:
                selector.choose(ledger, index, selection)
        else:
            selector.choose(None, index, selection)
        selector.finish(selection)
        selection.emptied = _list_emptied(index, selection.records)
    for name in selection.emptied:
        del selection.records[name]
    return selection


def _list_held(collection: Collection, index: CollectionIndex, source: Source) -> list[_Held]:
    contents = CollectionContents(collection)
    names = [
        warc.name
        for warc in collection.iter_warcs()
        if contents.find_owner(warc.name) == source.name
        and warc.name.endswith((".warc", ".warc.gz"))
        and warc.is_file()
        and not warc.with_name(warc.name + STORED_SUFFIX).exists()
    ]
    return [_build_held(entry) for entry in index.iter_files(names) if entry.url.startswith(_WEB)]


def _build_held(entry: IndexEntry) -> _Held:
    return _Held(
        at=entry.captured_at,
        record_id=entry.record_id,
        filename=entry.filename,
        length=entry.length,
        urlkey=entry.urlkey,
        digest=entry.digest,
        is_revisit=entry.mime == REVISIT_MIME,
        is_requisite=entry.mime.startswith(NO_PAGES),
        is_made=entry.status is None,
    )


def _list_emptied(index: CollectionIndex, records: dict[str, set[str]]) -> set[str]:
    """Return the files of which nothing is left but definitions of the source that are not the latest."""
    definitions: dict[str, str] = {entry.url: entry.record_id for entry in index.iter_prefix(SOURCE_URI)}
    latest = set(definitions.values())
    return {
        name
        for name, gone in records.items()
        if all(
            entry.record_id in gone or (entry.url in definitions and entry.record_id not in latest)
            for entry in index.iter_files([name])
        )
    }


class _Selector:
    """Chooses among the captures of one source."""

    def __init__(self, source: Source, held: list[_Held], *, now: datetime) -> None:
        assert source.keep is not None
        self._source = source
        self._keep = source.keep
        self._now = now
        requisites = {capture.digest for capture in held if capture.is_requisite and capture.digest}
        self._held = [
            capture._replace(is_requisite=True) if capture.is_revisit and capture.digest in requisites else capture
            for capture in held
        ]
        self._by_id = {capture.record_id: capture for capture in self._held}
        self._gone: set[str] = set()
        self._needed: set[str] = set()
        self._wanted: set[str] = set()

    def choose(self, ledger: Ledger | None, index: CollectionIndex, selection: Selection) -> None:
        """Choose posts and captures; `ledger`, where there is one, tells which captures posts need."""
        posts = self._list_posts(ledger)
        for post in self._list_old(posts):
            assert ledger is not None
            add_article(selection.target, post.key, ledger.list_sightings(post.key), index)
        of_articles = {c.record_id for c in self._held if _find_key(c) in selection.target.addresses}
        kept = [post for post in posts if post.key not in selection.target.keys]
        self._needed = {evidence.record_id for post in kept for evidence in post.evidence.values()}
        self._needed |= {post.capture.record_id for post in kept if post.capture}
        self._needed |= self._list_latest() - of_articles
        self._gone = of_articles | self._list_beyond(self._keep.captures, is_requisite=False)
        self._gone |= self._list_beyond(self._keep.requisites, is_requisite=True)
        self._wanted = set(self._gone)
        stated = (ledger.list_sightings(post.key) for post in kept) if ledger else iter(())
        self._settle_needs([one for one in stated if not self._gone.isdisjoint(_list_captures(one))])
        staying = {_find_key(c) for c in self._held if c.record_id not in self._gone}
        selection.target.addresses -= staying
        selection.posts = len(selection.target.keys)

    def finish(self, selection: Selection) -> None:
        """Count, and list by file, what was chosen."""
        records: defaultdict[str, set[str]] = defaultdict(set)
        for capture in self._held:
            if capture.record_id in self._gone:
                records[capture.filename].add(capture.record_id)
                selection.bytes += capture.length
                selection.requisites += capture.is_requisite
                selection.captures += not capture.is_requisite
        selection.records = dict(records)
        selection.dropped = self._gone
        selection.needed = len(self._wanted - self._gone)
        for bound, is_requisite in ((self._keep.captures, False), (self._keep.requisites, True)):
            total = sum(c.length for c in self._iter_kept() if c.is_requisite is is_requisite)
            selection.excess += max(0, total - bound.most) if bound.most else 0

    def _list_posts(self, ledger: Ledger | None) -> list[Post]:
        if ledger is None:
            return []
        with closing(ledger.iter_filed(source=self._source.name)) as filed:
            return [load_post(state) for _, _, state in filed]

    def _list_old(self, posts: list[Post]) -> list[Post]:
        """Return the posts beyond their limit."""
        bound = self._keep.posts
        dated = sorted(((at, post.key, post) for post in posts if (at := _date(post))), key=lambda row: row[:2])
        old = [post for at, _, post in dated if bound.age_s and at < self._now - timedelta(seconds=bound.age_s)]
        most = len(dated) - bound.most if bound.most else 0
        return [post for _, _, post in dated[: max(len(old), most, 0)]]

    def _list_latest(self) -> set[str]:
        """Return the latest capture of every page's address."""
        latest = {c.urlkey: c.record_id for c in sorted(self._held, key=lambda c: c.at) if not c.is_requisite}
        return set(latest.values())

    def _list_beyond(self, bound: Bound, *, is_requisite: bool) -> set[str]:
        """Return captures of a kind that are beyond its limit and that no post needs, the oldest first."""
        kind = sorted((c for c in self._held if c.is_requisite is is_requisite), key=lambda c: c.at)
        total = sum(capture.length for capture in kind)
        gone = set()
        for capture in kind:
            is_old = bool(bound.age_s) and capture.at < self._now - timedelta(seconds=bound.age_s)
            if (is_old or (bound.most and total > bound.most)) and capture.record_id not in self._needed:
                gone.add(capture.record_id)
                total -= capture.length
        return gone

    def _settle_needs(self, articles: list[list[Statement]]) -> None:
        """Keep what posts and revisits that stay need.

        Args:
            articles: of each that stays, what every capture stated of it.
        """
        while True:
            before = len(self._gone)
            for stated in articles:
                if self._changes(stated):
                    self._gone -= _list_captures(stated)
            self._keep_originals()
            if len(self._gone) == before:
                return

    def _changes(self, stated: list[Statement]) -> bool:
        """Return whether the article's post would be another without the captures that are to go."""
        left = [s for s in stated if s.capture is None or s.capture.record_id not in self._gone]
        if len(left) == len(stated):
            return False
        try:
            whole, rest = settle(stated, self._source.post), settle(left, self._source.post) if left else None
        except PostRefused:
            return True
        return rest is None or any(getattr(whole, name) != getattr(rest, name) for name in FIELDS)

    def _keep_originals(self) -> None:
        kept = list(self._iter_kept())
        digests = {c.digest for c in kept if c.is_revisit and c.digest}
        # What these refer to, the index does not tell.
        keys = {c.urlkey for c in kept if (c.is_revisit and not c.digest) or c.is_made}
        for record_id in list(self._gone):
            capture = self._by_id[record_id]
            if capture.urlkey in keys or (not capture.is_revisit and capture.digest in digests):
                self._gone.remove(record_id)

    def _iter_kept(self) -> Iterable[_Held]:
        return (capture for capture in self._held if capture.record_id not in self._gone)


def _find_key(capture: _Held) -> str:
    return capture.urlkey


def _date(post: Post) -> datetime | None:
    """Return when an article was published, or first seen."""
    if post.datePublished is not None:
        return post.datePublished
    return min((evidence.captured_at for evidence in post.evidence.values()), default=None)


def _list_captures(stated: list[Statement]) -> set[str]:
    return {statement.capture.record_id for statement in stated if statement.capture is not None}
