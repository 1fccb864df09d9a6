"""The change log: every version of every post has a position in one order.

A log is updated when a run has ended, or while one is in progress: what the ledger says is compared with
what the log said last, and every difference is appended, so nothing that is written later can come to stand before a
cursor. The log is derived. A reparse that finds none rebuilds it from the captures, version by version, as `scrapy
history` does.

A cursor therefore holds more than a position: a digest of all that the log said up to it, the name of the log, and the
instant up to which every capture had been taken into account when it was given out. Where the log says the same up to
that position, it continues there. In a log that was rebuilt and says something else, it continues with all that rests
on later captures. Where the rules by which posts are made have changed as well, and where a log has lost what the
reader knows, because it was restored from an older copy, it begins from the beginning. So no change is ever skipped,
and a change is repeated only if it may be new.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archives.erasure.exclusions import load_exclusions
from archives.erasure.register import load_register
from archives.merging.parts import WrittenFiles
from archives.storage.databases import find_writable, open_database
from crawler.changelog import departures
from crawler.changelog.cursors import NO_CHECK, START, Cursor, CursorError, chain, digest_owner
from crawler.changelog.entries import Entry, Last, Place, build_entry, build_state, sum_up
from crawler.changelog.tables import FILE_NAME, SCHEMA
from crawler.changelog.unfinished import dump_instant, iter_unfinished
from crawler.monitoring.logbook import RunState, list_runs
from crawler.reparsing.ledger import find_ledger, has_ledger, open_ledger
from crawler.settings import NEWSREEL_VERSION
from pipelines.exports.records import Change, ChangeKind, PostRecord
from pipelines.posts.items import load_post
from pipelines.posts.options import PostOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from archives.erasure.exclusions import Exclusions
    from archives.storage.collection import Collection
    from crawler.sources import Source
    from pipelines.exports.store import PostStore
    from pipelines.posts.ledger import Ledger

# The last change of each post; of one that was erased also the withdrawal before.
_CHANGED = """
SELECT position, source, identifier, kind, version FROM change AS this
WHERE position > ? AND captured_at > ? AND NOT EXISTS (
    SELECT 1 FROM change AS later
    WHERE later.source = this.source AND later.identifier = this.identifier AND later.position > this.position
    AND NOT (this.kind = 'withdrawn' AND later.kind = 'erased')
) ORDER BY position LIMIT ?
"""


class ChangeLog:
    """The log of one collection. Several processes may use it at once."""

    def __init__(
        self,
        collection: Collection,
        definition_for: Callable[[str], Source | None],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: secrets.token_hex(6),
    ) -> None:
        self.collection = collection
        self._definition_for = definition_for
        self._clock = clock
        self._closing = ExitStack()
        path = self._closing.enter_context(find_writable(collection.indexes_dir / FILE_NAME))
        self._database = self._closing.enter_context(closing(open_database(path, SCHEMA)))
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT INTO log SELECT ? WHERE NOT EXISTS (SELECT 1 FROM log)", (new_id(),))
            self._chain_up()

    def close(self) -> None:
        """Close the file."""
        self._closing.close()

    @property
    def is_empty(self) -> bool:
        """Whether nothing has ever been entered."""
        return self._database.execute("SELECT 1 FROM batch").fetchone() is None

    @property
    def has_lost_ledger(self) -> bool:
        """Whether the log names posts and their ledger is not there, so that all of them would seem withdrawn."""
        if has_ledger(self.collection):
            return False
        rows = self._database.execute("SELECT 1 FROM latest WHERE kind NOT IN ('withdrawn', 'erased') LIMIT 1")
        return rows.fetchone() is not None

    def account(self, *, source: str = "", has_reparsed: bool = False) -> int:
        """Enter every difference between what the ledger says and what the log said last.

        Args:
            source: look at this source's posts alone; others may be in the middle of a run.
            has_reparsed: all its captures have just been read again, also those of runs that died.

        Returns:
            The number of changes.
        """
        now = self._clock()
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            entries = [*self._iter_filed(source, is_thorough=has_reparsed), *self._iter_removed(source, now)]
            self._append(sorted(entries, key=lambda entry: entry.sort_key))
            is_pure = has_reparsed and not source
            self._end_batch(self._find_horizon(now, is_pure=is_pure), is_pure=is_pure)
        return len(entries)

    def account_filed(self, keys: Iterable[tuple[str, str]]) -> int:
        """Enter what has happened to some posts while their run is in progress; `account` enters the rest at its end.

        Returns:
            The number of changes.
        """
        exclusions = load_exclusions(self.collection.path.parent.parent)
        entries = []
        with closing(open_ledger(self.collection)) as ledger, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for key in keys:
                filing = ledger.find_filing(key)
                if filing is None or not filing.state or not filing.claim:
                    continue
                digest = _hash_state(filing.state)
                if self._find_seen(key) == digest or self._is_excluded(filing.state, exclusions):
                    continue
                if entry := self._look_at(filing.state, digest, None):
                    entries.append(entry)
            if entries:
                self._append(sorted(entries, key=lambda entry: entry.sort_key))
                self._end_batch(self._find_horizon(self._clock(), is_pure=False), is_pure=False)
        return len(entries)

    def rebuild(self, ledger: Ledger, *, source: str = "") -> None:
        """Enter every version of every article, into a log that is empty.

        Args:
            ledger: of the collection, rebuilt from all its captures.
            source: the only source that was read again; of others the log gets what the ledger says now.
        """
        from crawler.changelog.derivation import derive_entries  # noqa: PLC0415 (it loads all that settles posts)

        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            departures.note_departures(self._database, self.collection, ledger)
            written = WrittenFiles(self.collection)
            entries = [
                entry
                for key in ledger.iter_keys(source=source)
                for entry in derive_entries(
                    ledger.list_sightings(key),
                    departures.list_departures(self._database, key),
                    self._find_options(key[0]),
                    written,
                )
            ]
            self._append(sorted(entries, key=lambda entry: entry.sort_key))
        self.account(source=source, has_reparsed=True)
        if source:
            self.account()

    def read(self, since: Cursor, store: PostStore, *, limit: int = -1) -> Iterator[PostRecord]:
        """Yield what has changed since a cursor: each post once, with what it says now, in the order of the log.

        One that was erased is withdrawn first, so that readers that know nothing of erasures delete it, too.

        Args:
            limit: yield no more than these.

        Raises:
            CursorError: the cursor is one of another collection.
        """
        first, horizon = self._find_start(since)
        rows = self._database.execute(_CHANGED, (first, horizon, limit)).fetchall()
        wanted = [((row[1], row[2]), self._build_change(row, first)) for row in rows]
        for (key, change), record in zip(wanted, store.iter_found(wanted), strict=True):
            if record is not None and not change.kind.is_removed:
                yield record
                continue
            # What was removed since it was entered is sent as removed, so that no position is passed over.
            removed = change if change.kind.is_removed else replace(change, kind=ChangeKind.WITHDRAWN)
            yield PostRecord(collection=self.collection.name, source=key[0], identifier=key[1], change=removed)

    def has_news(self, since: Cursor) -> bool:
        """Whether `read` would yield anything; no post is read to find out.

        Raises:
            CursorError: the cursor is one of another collection.
        """
        return not self._knows(since) or since.position < self._last_position()

    def find_loss(self, since: Cursor) -> str:
        """Return a message if this log does not contain the cursor, so that `read` starts from the beginning; else ''.

        Raises:
            CursorError: the cursor is one of another collection.
        """
        if self._knows(since) or since.log != self._name:
            return ""
        return (
            f"the change log of {self.collection.name} does not contain this cursor: the log was restored from an "
            f"older copy, or the cursor is invalid; read all changes from {START!r} and drop posts that do not appear"
        )

    @property
    def cursor(self) -> Cursor:
        """The place behind the last change."""
        return self._build_cursor(self._last_position())

    def _iter_filed(self, source: str, *, is_thorough: bool) -> Iterator[Entry]:
        self._database.execute(
            "CREATE TEMP TABLE IF NOT EXISTS filed (source, identifier, PRIMARY KEY (source, identifier))"
        )
        self._database.execute("DELETE FROM filed")
        if not find_ledger(self.collection).exists():
            return
        exclusions = load_exclusions(self.collection.path.parent.parent)
        with closing(open_ledger(self.collection)) as ledger, closing(ledger.iter_filed(source=source)) as filed:
            departures.note_departures(self._database, self.collection, ledger)
            unentered = departures.list_unentered(self._database)
            for key, _, state in filed:
                if self._is_excluded(state, exclusions):
                    continue  # reported once, as withdrawn
                digest = _hash_state(state)
                if is_thorough or key in unentered or self._find_seen(key) != digest:
                    departure = departures.find_departure(self._database, ledger, key)
                    if entry := self._look_at(state, digest, departure):
                        yield entry
                self._database.execute("INSERT INTO filed VALUES (?, ?)", key)

    def _look_at(self, state: str, digest: bytes, departed: Place | None) -> Entry | None:
        """Compare a post with what it was, and remember what it is."""
        post = load_post(state)
        now = build_state(post, departed)
        entry = build_entry(post, now, self._find_last(post.key))
        row = (*post.key, digest, now.address, now.doubts)
        self._database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", row)
        return entry

    def _is_excluded(self, state: str, exclusions: Exclusions) -> bool:
        return bool(exclusions) and exclusions.excludes((post := load_post(state)).url, post.shareLink)

    def _find_seen(self, key: tuple[str, str]) -> bytes | None:
        row = self._database.execute("SELECT state FROM seen WHERE source = ? AND identifier = ?", key).fetchone()
        return row[0] if row else None

    def _find_options(self, source: str) -> PostOptions:
        definition = self._definition_for(source)
        return definition.post if definition else PostOptions()

    def _iter_removed(self, source: str, now: datetime) -> Iterator[Entry]:
        """Yield an entry for each post that has no file any more, and then one for each that was erased."""
        register = load_register(self.collection)
        rows = self._database.execute(
            "SELECT source, identifier, version, kind FROM latest WHERE kind <> 'erased' AND (? = '' OR source = ?)"
            " AND (kind <> 'withdrawn' OR ?) AND NOT EXISTS (SELECT 1 FROM filed WHERE filed.source = latest.source"
            " AND filed.identifier = latest.identifier)",
            (source, source, bool(register)),
        ).fetchall()
        at = dump_instant(now)
        for *names, version, last_kind in rows:
            key = (names[0], names[1])
            self._database.execute("DELETE FROM seen WHERE source = ? AND identifier = ?", key)
            withdrawn = Entry(
                key=key, kind=ChangeKind.WITHDRAWN, version=version, content="", captured_at=at, record_id=""
            )
            if last_kind != ChangeKind.WITHDRAWN:
                yield withdrawn
            if register.has_article(*key) and not register.has_pruned(*key):
                yield replace(withdrawn, kind=ChangeKind.ERASED)

    def _append(self, entries: list[Entry]) -> None:
        last = self._find_chain(self._last_position()) or NO_CHECK
        rows = []
        for e in entries:
            row = (*e.key, str(e.kind), e.version, e.content, e.captured_at, e.record_id)
            last = chain(last, row)
            rows.append((*row, last))
        self._database.executemany(
            "INSERT INTO change (source, identifier, kind, version, content, captured_at, record_id, chain)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _chain_up(self) -> None:
        """Enter the digests that a log of an earlier version lacks."""
        if self._find_chain(1) != "":
            return
        last, rows = NO_CHECK, []
        for position, *row in self._database.execute(
            "SELECT position, source, identifier, kind, version, content, captured_at, record_id FROM change"
            " ORDER BY position"
        ):
            last = chain(last, tuple(row))
            rows.append((last, position))
        self._database.executemany("UPDATE change SET chain = ? WHERE position = ?", rows)

    def _find_chain(self, position: int) -> str | None:
        """Return the digest of the log up to a position; None if there is no such position."""
        row = self._database.execute("SELECT chain FROM change WHERE position = ?", (position,)).fetchone()
        return row[0] if row else (NO_CHECK if position == 0 else None)

    def _knows(self, since: Cursor) -> bool:
        """Whether this log up to the cursor's position is what its reader was sent.

        Raises:
            CursorError: it is one of another collection.
        """
        if since.owner not in ("", digest_owner(self.collection.name)):
            raise CursorError(
                f"{since} is a cursor of another collection; take one that an export of {self.collection.name} gave, "
                f"or {START!r}"
            )
        found = self._find_chain(since.position)
        return found is not None and (found == since.check if since.check else since.log == self._name)

    def _find_horizon(self, now: datetime, *, is_pure: bool) -> str:
        """Return the instant up to which every capture is accounted for.

        A run in progress may still make a post of any of its captures, and of a run that died some captures may
        wait until a reparse; so it cannot lie behind the beginning of such a run.
        """
        known = self._database.execute("SELECT max(horizon) FROM batch").fetchone()[0] or ""
        if is_pure:
            runs = list_runs(self.collection.path.parent.parent, collection=self.collection.name)
            held = [dump_instant(run.began_at) for run in runs if run.state is RunState.RUNNING]
        else:
            held = list(iter_unfinished(self.collection, known))
        return max(known, min([dump_instant(now), *held]))

    def _end_batch(self, horizon: str, *, is_pure: bool) -> None:
        rules = self._hash_rules()
        row = self._database.execute("SELECT rules FROM batch ORDER BY rowid DESC LIMIT 1").fetchone()
        if row and row[0] != rules and not is_pure:
            # Posts of several rules lie side by side, as no reparse would make them.
            rules = _hash_text(row[0] + rules)
        self._database.execute("INSERT INTO batch VALUES (?, ?, ?)", (self._last_position(), horizon, rules))

    def _hash_rules(self) -> str:
        """Return a digest of what decides, beside the captures, how posts are made."""
        names = [name for (name,) in self._database.execute("SELECT DISTINCT source FROM seen ORDER BY source")]
        definitions = [(name, self._definition_for(name)) for name in names]
        texts = [(name, source.definition if source else "") for name, source in definitions]
        return _hash_text(json.dumps([NEWSREEL_VERSION, texts]))

    def _find_start(self, since: Cursor) -> tuple[int, str]:
        """Return the position to continue after, and the instant that captures must be younger than."""
        if self._knows(since):
            return since.position, ""
        if since.log == self._name:
            return 0, ""
        rules = self._database.execute("SELECT rules FROM batch ORDER BY rowid LIMIT 1").fetchone()
        if rules and rules[0] == since.rules:
            return 0, dump_instant(datetime.fromtimestamp(since.horizon / 1_000_000, UTC))
        return 0, ""

    def _build_change(self, row: tuple[int, str, str, str, int], since: int) -> Change:
        position, source, identifier, last_kind, version = row
        kind = ChangeKind(last_kind)
        if not kind.is_removed and kind is not ChangeKind.GONE:
            kind = self._find_kind((source, identifier), since)
        return Change(kind=kind, version=version, cursor=str(self._build_cursor(position)))

    def _find_kind(self, key: tuple[str, str], since: int) -> ChangeKind:
        """Return the most that has happened to a post behind a position."""
        rows = self._database.execute(
            "SELECT kind FROM change WHERE source = ? AND identifier = ? AND position <= ?"
            " ORDER BY position DESC LIMIT 1",
            (*key, since),
        )
        known = rows.fetchone()
        rows = self._database.execute(
            "SELECT DISTINCT kind FROM change WHERE source = ? AND identifier = ? AND position > ?", (*key, since)
        )
        return sum_up(ChangeKind(known[0]) if known else None, {ChangeKind(kind) for (kind,) in rows})

    def _find_last(self, key: tuple[str, str]) -> Last | None:
        row = self._database.execute(
            "SELECT kind, version, content, address, doubts FROM change LEFT JOIN seen USING (source, identifier)"
            " WHERE change.source = ? AND change.identifier = ? ORDER BY position DESC LIMIT 1",
            key,
        ).fetchone()
        if row is None:
            return None
        kind, version, content, address, doubts = row
        return Last(kind=ChangeKind(kind), version=version, content=content, address=address, doubts=doubts)

    def _build_cursor(self, position: int) -> Cursor:
        row = self._database.execute(
            "SELECT horizon, rules FROM batch WHERE position <= ? ORDER BY rowid DESC LIMIT 1", (position,)
        ).fetchone()
        bare = Cursor(
            position=position,
            log=self._name,
            check=self._find_chain(position) or "",
            owner=digest_owner(self.collection.name),
        )
        if row is None:
            return bare
        at = datetime.fromisoformat(row[0])
        return replace(bare, horizon=round(at.timestamp() * 1_000_000), rules=row[1])

    def _last_position(self) -> int:
        return int(self._database.execute("SELECT coalesce(max(position), 0) FROM change").fetchone()[0])

    @property
    def _name(self) -> str:
        return str(self._database.execute("SELECT id FROM log").fetchone()[0])


def _hash_state(state: str) -> bytes:
    return hashlib.blake2b(state.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
