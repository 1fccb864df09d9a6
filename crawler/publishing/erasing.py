"""Erases an article everywhere in a collection.

What goes: the post file, all that the ledger knows, the article's pages in page lists and search, deliveries that wait,
and the captures' bytes in the WARC files. What stays: a tombstone in each place, and an entry in the register of
erasures, by which no crawl, reparse or import brings the article back.
"""

from __future__ import annotations

import json
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from archives.erasure.register import ErasedFile, Erasure, digest_article, digest_key, load_register
from archives.erasure.tombstones import check_erasable, erase_records
from archives.errors import NotArchived
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import dump_line
from archives.index.cold import COLD_NAME
from archives.index.sidecars import build_sidecar
from archives.merging.parts import realign_parts
from archives.storage.files import hash_file, sync_directory, write_file
from archives.storage.writing import keep_writers_out
from archives.transfer.upload import replace_stored
from archives.urls import VIEW_PREFIX, surt_key
from crawler.publishing.outbox import FILE_NAME as OUTBOX_NAME
from crawler.publishing.outbox import Outbox
from crawler.reparsing.ledger import find_ledger, find_posts_dir, open_ledger
from crawler.runs.manifest import remove_examples
from pipelines.exports.records import build_id
from pipelines.posts.items import Origin, load_post

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from archives.erasure.register import Register
    from archives.storage.collection import Collection
    from archives.warc.parser import Record
    from crawler.publishing.library import Library
    from pipelines.posts.items import Statement

_AGAIN: Final = "erased before"
# Captures that are of one article alone; a list or feed names many, and is kept.
_OF_ONE: Final = (Origin.ARTICLE, Origin.TEXT, Origin.SHARE)


@dataclass(slots=True, kw_only=True)
class Target:
    """What is to be erased from one collection.

    Attributes:
        keys: source and id of each article.
        keys_of_addresses: SURT keys of the pages that are of these articles alone.
        payloads: digests of what was there; the same bytes elsewhere go, too.
        headlines: of the posts, for those who decide.
        lists: captures of lists and feeds that name an article; they are kept.
    """

    keys: set[tuple[str, str]] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    payloads: set[str] = field(default_factory=set)
    headlines: list[str] = field(default_factory=list)
    lists: int = 0
    captures: int = 0

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.keys or self.captures)


def find_target(collection: Collection, is_selected: Callable[[str], bool]) -> Target:
    """Return what a collection holds of the selected articles.

    Args:
        is_selected: asked for the address and the id of each article, and for the address of each capture.

    Raises:
        ArchiveError: the collection cannot be read.
    """
    target = Target()
    with CollectionIndex(collection) as index:
        _add_articles(collection, index, is_selected, target)
        meant = set(target.addresses)
        for entry in index.iter_entries():
            page = entry.url.removeprefix(VIEW_PREFIX)
            if surt_key(page) in meant or is_selected(page):
                target.addresses.add(surt_key(entry.url))
                target.captures += 1
    return target


def _add_articles(
    collection: Collection, index: CollectionIndex, is_selected: Callable[[str], bool], target: Target
) -> None:
    if not find_ledger(collection).is_file():
        return
    with closing(open_ledger(collection)) as ledger:
        for key in ledger.iter_keys():
            sightings = ledger.list_sightings(key)
            addresses = {key[1], *(statement.url for statement in sightings), *(s.shareLink for s in sightings)}
            if any(address and is_selected(address) for address in addresses):
                filing = ledger.find_filing(key)
                if filing and filing.state:
                    target.headlines.append(load_post(filing.state).headline)
                add_article(target, key, sightings, index)
    target.payloads.discard("")


def add_article(target: Target, key: tuple[str, str], sightings: Iterable[Statement], index: CollectionIndex) -> None:
    """Add an article and all that is of it alone.

    Args:
        sightings: what each capture stated of it, as `Ledger.list_sightings` gives it.
    """
    target.keys.add(key)
    addresses = {key[1]}
    for statement in sightings:
        addresses |= {statement.url, statement.shareLink}
        capture = statement.capture
        if statement.origin not in _OF_ONE or capture is None:
            target.lists += 1
            continue
        target.payloads.add(capture.payload_digest)
        entry = index.find_record(capture.record_id, capture.captured_at)
        if entry is not None:
            target.addresses.add(surt_key(entry.url))
    target.addresses.update(surt_key(address) for address in addresses if address.startswith(("http://", "https://")))


def forget(library: Library, collection: Collection, target: Target, *, at: str, reason: str) -> Erasure:
    """Forget what `find_target` found.

    The register comes first, so that nothing comes back where we are killed in between, and what finds the captures
    goes last, so that a second call finishes the work. The log of changes gets the withdrawal; exports and receivers
    are the caller's.

    Args:
        at: instant, ISO 8601, UTC.

    Raises:
        ErasureRefused: a WARC file holds captures of it that cannot be overwritten; nothing was changed.
        ArchiveError, OSError: a file cannot be read or written.
    """
    with keep_writers_out(collection):
        warcs, is_selected = _find_files(collection, target), _build_test(target)
        for warc in warcs:
            check_erasable(warc, is_selected)
        log = _begin(collection, target, at=at, reason=reason)
        _erase(collection, warcs, is_selected, log)
        _forget_articles(library, collection, target)
    return log.erasure


def remove(
    library: Library,
    collection: Collection,
    target: Target,
    records: Mapping[str, Container[str]],
    *,
    emptied: Iterable[str],
    at: str,
    reason: str,
) -> Erasure:
    """Remove articles and captures that are no longer to be kept; their WARC files become smaller, or go.

    As for `forget`, nothing brings the articles back, and a second call finishes what was cut short.

    Args:
        records: names of WARC files, with the ids of the records that are to go from each.
        emptied: names of WARC files that go as a whole.

    Raises:
        CollectionError: a crawl is writing to the collection.
        ErasureRefused: a WARC file is of a kind that is not rewritten.
        ArchiveError, OSError: a file cannot be read or written.
    """
    with keep_writers_out(collection):
        log = _begin(collection, target, at=at, reason=reason, is_pruned=True)
        for name, gone in sorted(records.items()):

            def is_selected(record: Record, gone: Container[str] = gone) -> bool:
                return record.record_id in gone

            _erase(collection, [collection.archive_dir / name], is_selected, log, is_cut=True)
        for name in sorted(emptied):
            _drop(collection, collection.archive_dir / name, log)
        _forget_articles(library, collection, target)
    return log.erasure


def _begin(collection: Collection, target: Target, *, at: str, reason: str, is_pruned: bool = False) -> _Log:
    register = load_register(collection)
    erasure = Erasure(
        at=at,
        reason=reason,
        addresses=frozenset(map(digest_key, target.addresses)),
        articles=frozenset(digest_article(*key) for key in target.keys),
        is_pruned=is_pruned,
    )
    register.add(erasure)
    return _Log(register, erasure)


def _forget_articles(library: Library, collection: Collection, target: Target) -> None:
    _forget_posts(collection, target.keys)
    _forget_pages(collection, target.addresses)
    _forget_deliveries(library.data_dir, target.keys)
    remove_examples(collection.runs_dir, lambda url: surt_key(url) in target.addresses)
    for pattern in ("viewer.sqlite*", COLD_NAME):  # made again when they are needed
        for path in collection.indexes_dir.glob(pattern):
            path.unlink()
    with CollectionIndex(collection) as index:
        index.refresh()
    with closing(library.open_log(collection.name)) as log:
        log.account()


class _Log:
    """Notes in the register what is about to take a file's place, so that a kill leaves no file unexplained."""

    def __init__(self, register: Register, erasure: Erasure, *, is_new: bool = False) -> None:
        self._register = register
        self._is_new = is_new
        self.erasure = erasure

    def note(self, file: ErasedFile) -> None:
        self.erasure = replace(self.erasure, files=(*self.erasure.files, file))
        if self._is_new:
            self._register.add(self.erasure)
            self._is_new = False
        else:
            self._register.replace_last(self.erasure)


def enforce(collection: Collection, *, at: str) -> int:
    """Erase again what an import or another machine has brought back; return how many WARC files were changed.

    Raises:
        ErasureRefused: a file holds what was erased, and cannot be overwritten.
        ArchiveError, OSError: a file cannot be read or written.
    """
    register = load_register(collection)
    if not register:
        return 0
    with CollectionIndex(collection) as index:
        names = {entry.filename for entry in index.iter_entries() if register.has_address(entry.url)}
    warcs = [path for path in collection.iter_warcs() if path.name in names]
    log = _Log(register, Erasure(at=at, reason=_AGAIN), is_new=True)
    _erase(collection, warcs, lambda record: bool(record.url) and register.has_address(record.url), log)
    return len(log.erasure.files)


def _erase(
    collection: Collection,
    warcs: Iterable[Path],
    is_selected: Callable[[Record], bool],
    log: _Log,
    *,
    is_cut: bool = False,
) -> None:
    """Erase records from some WARC files, wherever they are, and list what is left in them.

    The index comes last: as long as it lists what was erased, another call does all of it once more. Where records
    move, there is no index until it is right.
    """
    folder = collection.path / "work"
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="newsreel-", dir=folder) as scratch:
        for warc in warcs:
            new = Path(scratch, warc.name)
            at, reason = log.erasure.at, log.erasure.reason
            erased = erase_records(warc, is_selected, at=at, reason=reason, target=new, is_cut=is_cut)
            if erased is None:
                continue
            lines = sorted(dump_line(entry).encode() + b"\n" for entry in build_sidecar(new))
            sidecar = Path(scratch, collection.sidecar_path(warc.name).name)
            sidecar.write_bytes(b"".join(lines))
            log.note(erased)
            replace_stored(warc, new, sidecar)
            if is_cut:
                collection.sidecar_path(warc.name).unlink(missing_ok=True)
            if warc.is_file():
                new.replace(warc)
                sync_directory(warc.parent)
            write_file(collection.sidecar_path(warc.name), sidecar.read_bytes())
            if is_cut:
                realign_parts(collection, warc)


def _drop(collection: Collection, warc: Path, log: _Log) -> None:
    """Remove a WARC file as a whole."""
    whole = ((0, warc.stat().st_size),)
    log.note(ErasedFile(name=warc.name, regions=whole, before=hash_file(warc), after=""))
    warc.unlink(missing_ok=True)
    collection.sidecar_path(warc.name).unlink(missing_ok=True)
    sync_directory(warc.parent)


def _find_files(collection: Collection, target: Target) -> list[Path]:
    """Return the WARC files that hold captures of the target."""
    with CollectionIndex(collection) as index:
        index.refresh()
        names = {
            entry.filename
            for entry in index.iter_entries()
            if surt_key(entry.url) in target.addresses or entry.digest in target.payloads
        }
    found = [path for path in collection.iter_warcs() if path.name in names]
    if missing := names - {path.name for path in found}:
        raise NotArchived(f"{sorted(missing)[0]} is listed and not there", path=collection.archive_dir)
    return found


def _build_test(target: Target) -> Callable[[Record], bool]:
    def is_selected(record: Record) -> bool:
        if record.url and surt_key(record.url) in target.addresses:
            return True
        return (record.get("WARC-Payload-Digest") or "") in target.payloads

    return is_selected


def _forget_posts(collection: Collection, keys: Iterable[tuple[str, str]]) -> None:
    if not find_ledger(collection).is_file():
        return
    posts_dir = find_posts_dir(collection)
    with closing(open_ledger(collection)) as ledger:
        for key in keys:
            claim = ledger.find_claim(key)
            ledger.forget(*key)
            if claim and claim.file not in ledger.list_files():
                with suppress(FileNotFoundError):
                    (posts_dir / claim.file).unlink()
        ledger.scrub()


def _forget_pages(collection: Collection, addresses: set[str]) -> None:
    for path in collection.pages_dir.glob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if surt_key(_find_url(line)) not in addresses]
        if kept != lines:
            write_file(path, b"".join(kept))


def _find_url(line: bytes) -> str:
    try:
        return str(json.loads(line).get("url", ""))
    except (ValueError, AttributeError):
        return ""


def _forget_deliveries(data_dir: Path, keys: Iterable[tuple[str, str]]) -> None:
    if (data_dir / OUTBOX_NAME).is_file():
        with closing(Outbox(data_dir / OUTBOX_NAME)) as outbox:
            outbox.forget({build_id(*key) for key in keys})
