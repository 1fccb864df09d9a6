"""The ledger: what is known of every article so far, and which file it became.

One SQLite file beside the indexes, derived from the captures like them: delete it and a reparse makes it again. It
lets a run join what it sees with what earlier runs saw, remember across a crash what has not been written yet, and
keep two posts from ever sharing a file name.
"""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipelines.markup.sanitise import find_text
from pipelines.posts.duplicates import EXACT, SCHEMA, Duplicate, DuplicateIndex, compare_texts
from pipelines.posts.items import Origin, Post, dump_post, load_post
from pipelines.posts.merge import join

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

_SKETCHED_AT_ONCE = 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS posts (
    source TEXT NOT NULL,
    identifier TEXT NOT NULL,
    state TEXT NOT NULL,            -- the joined post, JSON
    run TEXT NOT NULL,              -- the run that saw it last
    answered TEXT NOT NULL,         -- kinds of capture that run has seen, also those that had nothing to say
    waits_for TEXT NOT NULL,        -- the kind of capture that is still on its way
    is_dirty INTEGER NOT NULL,      -- the file does not yet say what the state says
    shelved TEXT NOT NULL DEFAULT '', -- the run that last looked at its file, and what it did then
    claim TEXT NOT NULL DEFAULT '', -- the file name it would have if it were alone, case folded
    file TEXT NOT NULL DEFAULT '',  -- the file name it has
    PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS joined (
    file TEXT PRIMARY KEY           -- a file of captures that was made elsewhere, and what it states is in `posts`
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS claims ON posts (claim);
CREATE INDEX IF NOT EXISTS dirty ON posts (is_dirty) WHERE is_dirty = 1;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A post's right to a file name; of several with the same claim the smallest key has it."""

    key: tuple[str, str]
    claim: str
    file: str


class Ledger:
    """The ledger of one collection.

    Every change is durable against the death of the process as soon as the call returns.
    """

    def __init__(self, path: Path, *, new_run: Callable[[], str] = lambda: uuid.uuid4().hex) -> None:
        self._run = new_run()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA busy_timeout = 30000")
        self._database.executescript(_SCHEMA + SCHEMA)
        self._duplicates = DuplicateIndex(self._database)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from changing the ledger, so that what is read here still holds when it is acted on."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk ends it by itself
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def absorb(self, post: Post) -> bool:
        """Join an attested post with what is known of its article.

        Returns:
            Whether the article has everything it waits for.
        """
        with self.exclusive():
            return self._absorb(post)

    def absorb_from(self, path: Path) -> None:
        """Join all that the ledger of another part of the archive knows."""
        with closing(sqlite3.connect(path)) as other, self.exclusive():
            rows = other.execute(
                "SELECT source, identifier, state, answered, waits_for FROM posts ORDER BY source, identifier"
            )
            for source, identifier, state, answered, waits_for in rows:
                # An article that only the other part knows is known here as it is there.
                is_new = self._database.execute(
                    "INSERT OR IGNORE INTO posts (source, identifier, state, run, answered, waits_for, is_dirty)"
                    " VALUES (?, ?, ?, ?, ?, ?, 1)",
                    (source, identifier, state, self._run, answered, waits_for),
                ).rowcount
                if is_new:
                    self._duplicates.expect((source, identifier))
                    continue
                post = replace(load_post(state), waits_for=Origin(waits_for) if waits_for else None)
                self._absorb(post, also_answered=answered)

    def _absorb(self, post: Post, *, also_answered: str = "") -> bool:
        row = self._database.execute(
            "SELECT state, answered, waits_for, run FROM posts WHERE source = ? AND identifier = ?", post.key
        ).fetchone()
        state, answered, waits_for, run = row or ("", "", "", "")
        answered = answered if run == self._run else ""
        known = " ".join(sorted({*answered.split(), *also_answered.split(), post.origin.value}))
        waits_for = post.waits_for.value if post.waits_for else waits_for
        waits_for = "" if waits_for in known.split() else waits_for
        before = load_post(state) if state else None
        after = join(before or post, post)
        joined = dump_post(after)
        if after.articleBody != (before.articleBody if before else ""):
            self._duplicates.expect(post.key)
        if (joined, known, waits_for, self._run) != row:
            self._database.execute(
                "INSERT INTO posts (source, identifier, state, run, answered, waits_for, is_dirty)"
                " VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET state = excluded.state, run = excluded.run,"
                " answered = excluded.answered, waits_for = excluded.waits_for,"
                " is_dirty = is_dirty OR posts.state <> excluded.state",
                (*post.key, joined, self._run, known, waits_for),
            )
        return not waits_for

    def iter_dirty(self, *, also_waiting: bool = False) -> Iterator[Post]:
        """Yield the posts whose files are behind, in the order of their keys; marks may be changed meanwhile."""
        last = ("", "")
        while True:
            rows = self._database.execute(
                "SELECT state FROM posts WHERE is_dirty = 1 AND (source, identifier) > (?, ?)"
                " AND (waits_for = '' OR ?) ORDER BY source, identifier LIMIT 200",
                (*last, also_waiting),
            ).fetchall()
            if not rows:
                return
            for (state,) in rows:
                post = load_post(state)
                last = post.key
                yield post

    def find_post(self, key: tuple[str, str]) -> Post | None:
        """Return the joined post of an article, or None."""
        row = self._database.execute("SELECT state FROM posts WHERE source = ? AND identifier = ?", key).fetchone()
        return load_post(row[0]) if row else None

    def iter_filed(
        self, *, source: str = "", since: str = "", until: str = ""
    ) -> Generator[tuple[tuple[str, str], str, str], None, None]:
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

    def list_duplicates(self, key: tuple[str, str]) -> list[Duplicate]:
        """Return the posts that have the same text, by key: whoever is in a post's list has that post in its own.

        Who asks first waits for the sketches of what has come since somebody asked last, about a millisecond each.
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

    def find_claim(self, key: tuple[str, str]) -> Claim | None:
        """Return the claim of a post, or None where it has no file yet."""
        row = self._database.execute(
            "SELECT claim, file FROM posts WHERE source = ? AND identifier = ? AND claim <> ''", key
        ).fetchone()
        return Claim(key=key, claim=row[0], file=row[1]) if row else None

    def list_claims(self, claim: str) -> list[Claim]:
        """Return all claims to one name, the rightful holder first."""
        rows = self._database.execute(
            "SELECT source, identifier, file FROM posts WHERE claim = ? ORDER BY source, identifier", (claim,)
        ).fetchall()
        return [Claim(key=(source, identifier), claim=claim, file=file) for source, identifier, file in rows]

    def record_name(self, claim: Claim) -> None:
        """Remember which file name a post has."""
        self._database.execute(
            "UPDATE posts SET claim = ?, file = ? WHERE source = ? AND identifier = ?",
            (claim.claim, claim.file, *claim.key),
        )

    def record_done(self, key: tuple[str, str], outcome: str = "") -> None:
        """Remember that nothing remains to be done for a post until more is known of it.

        Args:
            outcome: what this run has done for it, by now.
        """
        self._database.execute(
            "UPDATE posts SET is_dirty = 0, shelved = ? WHERE source = ? AND identifier = ?",
            (f"{self._run} {outcome}", *key),
        )

    def find_outcome(self, key: tuple[str, str]) -> str:
        """Return what this run has done for a post so far, or ''."""
        row = self._database.execute("SELECT shelved FROM posts WHERE source = ? AND identifier = ?", key).fetchone()
        run, _, outcome = (row[0] if row else "").partition(" ")
        return outcome if run == self._run else ""

    def list_joined(self) -> set[str]:
        """Return the names of the files of captures, made elsewhere, whose statements are all joined."""
        return {name for (name,) in self._database.execute("SELECT file FROM joined")}

    def record_joined(self, names: Iterable[str]) -> None:
        """Remember that all which some files state has been joined."""
        with self.exclusive():
            self._database.executemany("INSERT OR IGNORE INTO joined VALUES (?)", ((name,) for name in names))

    def list_files(self) -> set[str]:
        """Return the names of all post files that stand for a post."""
        return {name for (name,) in self._database.execute("SELECT file FROM posts WHERE file <> ''")}

    def forget_source(self, source: str) -> None:
        """Drop everything known of a source's articles."""
        with self.exclusive():
            self._database.execute("DELETE FROM posts WHERE source = ?", (source,))
            self._duplicates.drop_source(source)

    def copy_to(self, path: Path) -> None:
        """Make the ledger at `path` say what this one says, in one transaction."""
        target = sqlite3.connect(path)
        try:
            self._database.backup(target)
        finally:
            target.close()
