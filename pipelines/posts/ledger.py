"""The ledger of a collection: a set of statements that only grows, and the posts made from them.

One SQLite file beside the indexes, derived from the captures like them: delete it and a reparse rebuilds it. The
statements are the ledger's knowledge; what they say once is kept once, with every capture in which it was seen. The
table of posts is a view of them: what each article was settled into last, and which file it became. Two ledgers are
joined by the union of their statements, so it does not matter which process read what, when, or how often.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from pipelines.markup.sanitise import find_text
from pipelines.posts import duplicates, filing, statement_set
from pipelines.posts.duplicates import EXACT, Duplicate, DuplicateIndex, compare_texts
from pipelines.posts.filing import Claim, Filing
from pipelines.posts.items import Post, Statement, dump_post, load_post
from pipelines.posts.statement_set import StatementSet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path


VERSION: Final = 2
_FILE_IS_BEHIND: Final = 2
_SKETCHED_AT_ONCE: Final = 200
_LISTED_AT_ONCE: Final = 200
_TIMEOUT_S: Final = 30.0
_RETRY_S: Final = 0.01
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS posts (
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT '', -- the post as it was settled last, JSON
    run TEXT NOT NULL,              -- the run that saw it last
    answered TEXT NOT NULL,         -- kinds of capture that run has seen, also those that had nothing to say
    waits_for TEXT NOT NULL,        -- the kind of capture that is still on its way
    due INTEGER NOT NULL,           -- 0 nothing; 1 something was stated since it was settled; 2 its file is behind
    filed TEXT NOT NULL DEFAULT '', -- the run that last looked at its file, and what it did then
    claim TEXT NOT NULL DEFAULT '', -- the file name it would have if it were alone, case folded
    file TEXT NOT NULL DEFAULT '',  -- the file name it has
    PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS joined (
    file TEXT PRIMARY KEY           -- a file of captures that was made elsewhere, and what it states is in `statements`
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims ON posts (claim);
CREATE INDEX IF NOT EXISTS due ON posts (due) WHERE due > 0;
CREATE INDEX IF NOT EXISTS files ON posts (file);
"""

_Key = tuple[str, str]


class LedgerOutdated(ValueError):
    """The ledger was written by another version; it must be rebuilt from the archive.

    Attributes:
        path: of the file.
        is_newer: a later version wrote it.
    """

    def __init__(self, path: Path, *, is_newer: bool) -> None:
        remedy = (
            "use the version that wrote it, or delete it and reparse the collection"
            if is_newer
            else "reparse the collection, which rebuilds it from the archive"
        )
        super().__init__(f"{path} was written by {'a later' if is_newer else 'an earlier'} version; {remedy}")
        self.path = path
        self.is_newer = is_newer


class Ledger:
    """The ledger of one collection.

    Every change survives the death of the process as soon as the call returns.

    Args:
        is_scratch: the file is thrown away afterwards, so nothing is put on disk in a hurry.

    Raises:
        LedgerOutdated: another version wrote the file.
    """

    def __init__(
        self, path: Path, *, new_run: Callable[[], str] = lambda: uuid.uuid4().hex, is_scratch: bool = False
    ) -> None:
        self._run = new_run()
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT_S)
        try:
            _set_journal(self._database, "MEMORY" if is_scratch else "WAL")
            self._database.execute(f"PRAGMA synchronous = {'OFF' if is_scratch else 'NORMAL'}")
            _prepare(self._database, path)
        except BaseException:
            self._database.close()
            raise
        self._statements = StatementSet(self._database)
        self._duplicates = DuplicateIndex(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from changing the ledger, so that what is read here still holds when it is acted on."""
        if self._is_in_transaction():
            yield
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._is_in_transaction():  # a full disk ends it by itself
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _is_in_transaction(self) -> bool:
        return self._database.in_transaction

    def add(self, statement: Statement) -> bool:
        """Add a normalised statement to the set.

        One that is silent only tells that a capture had nothing to say.

        Returns:
            Whether the article has everything it waits for.
        """
        with self.exclusive():
            is_new = not statement.is_silent and self._statements.add(statement)
            return self._note(statement, is_new=is_new)

    def _note(self, statement: Statement, *, is_new: bool) -> bool:
        """Update the article's row; return whether it has everything it waits for."""
        row = self._database.execute(
            "SELECT answered, waits_for, run FROM posts WHERE source = ? AND identifier = ?", statement.key
        ).fetchone()
        answered, waits_for, run = row or ("", "", "")
        answered = answered if run == self._run else ""
        known = " ".join(sorted({*answered.split(), statement.origin.value}))
        waits_for = statement.waits_for.value if statement.waits_for else waits_for
        waits_for = "" if waits_for in known.split() else waits_for
        if is_new or (known, waits_for, self._run) != row:
            self._database.execute(
                "INSERT INTO posts (source, identifier, run, answered, waits_for, due) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET run = excluded.run, answered = excluded.answered,"
                " waits_for = excluded.waits_for, due = CASE WHEN excluded.due THEN 1 ELSE due END",
                (*statement.key, self._run, known, waits_for, int(is_new)),
            )
        return not waits_for

    def unite(self, path: Path) -> None:
        """Add everything that another ledger holds.

        What the other has settled already is taken over for articles that only it knows.
        """
        self._database.execute("ATTACH ? AS other", (str(path),))
        try:
            with self.exclusive():
                self._statements.add_other()
                filing.add_other(self._database, self._run)
        finally:
            self._database.execute("DETACH other")

    def list_statements(self, key: _Key, *, until: datetime | None = None) -> list[Statement]:
        """Return what is stated of an article, each statement as it was captured last.

        Args:
            until: leave out later captures.
        """
        return self._statements.list_latest(key, until=until)

    def list_sightings(self, key: _Key) -> list[Statement]:
        """Return every capture of an article with what it states, the earliest first."""
        return self._statements.list_sightings(key)

    def find_articles(self, record_ids: Iterable[str]) -> dict[str, _Key]:
        """Return by record id whose article's page some captures are."""
        return self._statements.find_articles(record_ids)

    def iter_unarchived(self) -> Iterator[Statement]:
        """Yield the statements that no archive holds the capture of: a reparse cannot rebuild them."""
        return self._statements.iter_unarchived()

    def iter_keys(self, *, source: str = "") -> Iterator[_Key]:
        """Yield the keys of all articles about which something is stated, in their order."""
        last: _Key = ("", "")
        while True:
            rows = self._database.execute(
                "SELECT source, identifier FROM posts WHERE (source, identifier) > (?, ?) AND (? = '' OR source = ?)"
                " ORDER BY source, identifier LIMIT ?",
                (*last, source, source, _LISTED_AT_ONCE),
            ).fetchall()
            if not rows:
                return
            yield from rows
            last = rows[-1]

    def forget(self, source: str, identifier: str | None = None) -> None:
        """Drop everything known of an article, or of all articles of a source."""
        with self.exclusive():
            self._statements.drop(source, identifier)
            self._duplicates.drop_known(source, identifier)
            self._database.execute(f"DELETE FROM posts {statement_set.OF}", (source, identifier, identifier))  # noqa: S608

    def scrub(self) -> None:
        """Rewrite the file, so that nothing dropped is left in it."""
        filing.renew_log(self._database)
        self._database.execute("VACUUM")
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def iter_due(self, *, also_waiting: bool = False) -> Iterator[_Key]:
        """Yield the keys of the articles whose posts are behind, in order; more may be recorded meanwhile."""
        last: _Key = ("", "")
        while True:
            rows = self._database.execute(
                "SELECT source, identifier FROM posts WHERE due > 0 AND (source, identifier) > (?, ?)"
                " AND (waits_for = '' OR ?) ORDER BY source, identifier LIMIT ?",
                (*last, also_waiting, _LISTED_AT_ONCE),
            ).fetchall()
            if not rows:
                return
            yield from rows
            last = rows[-1]

    def find_post(self, key: _Key) -> Post | None:
        """Return the post of an article as it was settled last, or None."""
        row = self._database.execute("SELECT state FROM posts WHERE source = ? AND identifier = ?", key).fetchone()
        return load_post(row[0]) if row and row[0] else None

    def list_posts(self, keys: Iterable[_Key]) -> list[Post]:
        """Return the posts of some settled articles, in the order of the keys and all of the same instant."""
        query = "SELECT state FROM posts WHERE source = ? AND identifier = ?"
        self._database.execute("BEGIN")
        try:
            states = [self._database.execute(query, key).fetchone()[0] for key in keys]
        finally:
            self._database.execute("COMMIT")
        return [load_post(state) for state in states]

    def iter_filed(
        self, *, source: str = "", since: str = "", until: str = ""
    ) -> Generator[tuple[_Key, str, str], None, None]:
        """Yield key, file name and state (as `load_post` reads it) of the posts that have a file, by file name.

        All are of the same instant, whatever is written meanwhile.

        Args:
            source: only this source's.
            since: names that sort before this are left out.
            until: this and what sorts behind it are left out.
        """
        self._database.execute("BEGIN")
        try:
            rows = self._database.execute(
                "SELECT source, identifier, file FROM posts WHERE file > ? AND (? = '' OR source = ?)"
                " AND (? = '' OR file < ?) ORDER BY file, source, identifier",
                (since, source, source, until, until),
            )
            for source_, identifier, file in rows:
                key = (source_, identifier)
                found = self._database.execute("SELECT state FROM posts WHERE source = ? AND identifier = ?", key)
                yield key, file, found.fetchone()[0]
        finally:
            self._database.execute("COMMIT")

    def iter_files(self, *, source: str) -> Iterator[tuple[_Key, str]]:
        """Yield key and file name of a source's posts that have a file."""
        rows = self._database.execute(
            "SELECT source, identifier, file FROM posts WHERE source = ? AND file <> ''", (source,)
        )
        for source_, identifier, file in rows:
            yield (source_, identifier), file

    def find_filing(self, key: _Key) -> Filing | None:
        """Return how far an article has come, or None if nothing is stated of it."""
        row = self._database.execute(
            "SELECT state, due, claim, file, filed FROM posts WHERE source = ? AND identifier = ?", key
        ).fetchone()
        if row is None:
            return None
        state, due, claim, file, filed = row
        run, _, outcome = filed.partition(" ")
        outcome = outcome if run == self._run else ""
        owned = Claim(key=key, claim=claim, file=file) if file else None
        return Filing(state=state, is_settled=due == _FILE_IS_BEHIND, claim=owned, outcome=outcome)

    def find_claim(self, key: _Key) -> Claim | None:
        """Return the claim of a post, or None if it has no file yet."""
        filing = self.find_filing(key)
        return filing.claim if filing else None

    def list_claims(self, claim: str) -> list[Claim]:
        """Return all claims to one name, the rightful holder first."""
        rows = self._database.execute(
            "SELECT source, identifier, file FROM posts WHERE claim = ? AND file <> '' ORDER BY source, identifier",
            (claim,),
        ).fetchall()
        return [Claim(key=(source, identifier), claim=claim, file=file) for source, identifier, file in rows]

    def record_name(self, claim: Claim) -> None:
        """Remember which file name a post has."""
        self._database.execute(
            "UPDATE posts SET claim = ?, file = ? WHERE source = ? AND identifier = ?",
            (claim.claim, claim.file, *claim.key),
        )

    def record_settled(self, post: Post, *, claim: str = "") -> None:
        """Record what an article was settled into; its file is not written yet.

        Args:
            claim: the file name it would have without rivals, case folded.
        """
        self._record(post, self.find_filing(post.key), due=_FILE_IS_BEHIND, filed="", named=(claim, ""))

    def iter_unrivalled(self) -> Iterator[_Key]:
        """Yield the settled posts without a file whose name no other post has or claims."""
        return filing.iter_unrivalled(self._database)

    def record_written(self, written: Iterable[tuple[_Key, str, str]]) -> None:
        """Record the files of settled posts, given the key, file name and outcome of each."""
        with self.exclusive():
            rows = ((f"{self._run} {outcome}", name, *key) for key, name, outcome in written)
            self._database.executemany(filing.WRITTEN, rows)

    def record_filed(
        self, post: Post, outcome: str, *, before: Filing | None = None, claim: Claim | None = None
    ) -> None:
        """Remember what an article was settled into, and that nothing remains to be done until more is stated.

        Args:
            outcome: what this run has done for its file, by now.
            before: how far it had come, if the caller knows.
            claim: the name of its file, where it had none before.
        """
        named = (claim.claim, claim.file) if claim else ("", "")
        before = before or self.find_filing(post.key)
        self._record(post, before, due=0, filed=f"{self._run} {outcome}", named=named)

    def _record(self, post: Post, before: Filing | None, *, due: int, filed: str, named: tuple[str, str]) -> None:
        state = before.state if before and before.is_settled and not due else dump_post(post)
        if (
            before is None
            or not before.state
            or (state != before.state and load_post(before.state).articleBody != post.articleBody)
        ):
            self._duplicates.expect(post.key)
        self._database.execute(
            "UPDATE posts SET state = ?, due = ?, filed = ?, claim = iif(? = '', claim, ?), file = iif(? = '', file, ?)"
            " WHERE source = ? AND identifier = ?",
            (state, due, filed, named[0], named[0], named[1], named[1], *post.key),
        )

    def record_refusal(self, key: _Key) -> None:
        """Remember that what is stated of an article makes no post."""
        self._database.execute(
            "UPDATE posts SET due = 0, filed = ? WHERE source = ? AND identifier = ?",
            (f"{self._run} ", *key),
        )

    def list_files(self) -> set[str]:
        """Return the names of all post files that stand for a post."""
        return {name for (name,) in self._database.execute("SELECT file FROM posts WHERE file <> ''")}

    def list_duplicates(self, key: _Key) -> list[Duplicate]:
        """Return the posts that have the same text, by key: if one is in the list of another, so is the other in its.

        The first call waits for the sketches of what has come since the last one, about a millisecond each.
        """
        self._sketch()
        post = self.find_post(key)
        if post is None:
            return []
        text = find_text(post.articleBody)
        duplicates: list[Duplicate] = []
        for other, is_exact in self._duplicates.list_candidates(key):
            found = None if is_exact else self.find_post(other)
            likeness = compare_texts(text, find_text(found.articleBody)) if found else EXACT
            if likeness.is_same:
                duplicates.append(Duplicate(key=other, containment=likeness.containment, is_exact=is_exact))
        return duplicates

    def _sketch(self) -> None:
        while keys := self._duplicates.list_expected(_SKETCHED_AT_ONCE):
            with self.exclusive():
                for key in keys:
                    post = self.find_post(key)
                    self._duplicates.put(key, find_text(post.articleBody) if post else "")

    def list_joined(self) -> set[str]:
        """Return the names of the files of captures, made elsewhere, whose statements are all in the set."""
        return {name for (name,) in self._database.execute("SELECT file FROM joined")}

    def record_joined(self, names: Iterable[str]) -> None:
        """Remember that all which some files state is in the set."""
        with self.exclusive():
            self._database.executemany("INSERT OR IGNORE INTO joined VALUES (?)", ((name,) for name in names))

    def copy_to(self, path: Path) -> None:
        """Make the ledger at `path` say what this one says, in one transaction."""
        with closing(sqlite3.connect(path)) as target:
            self._database.backup(target)
            filing.renew_log(target)


def _set_journal(database: sqlite3.Connection, mode: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            database.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError as error:
            # SQLite waits for other processes everywhere but here.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new ledger, all or none of them; one that has them is only read."""
    # In one statement, so that another process cannot make the tables between one look and the other.
    found, has_posts, has_log = database.execute(
        "SELECT user_version, EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'posts'),"
        " EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'filings') FROM pragma_user_version"
    ).fetchone()
    if found == VERSION:
        if not has_log:
            filing.add_log(database)
        return
    if found or has_posts:
        raise LedgerOutdated(path, is_newer=found > VERSION)
    schema = _SCHEMA + statement_set.SCHEMA + duplicates.SCHEMA + filing.SCHEMA
    database.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {VERSION}; COMMIT")
