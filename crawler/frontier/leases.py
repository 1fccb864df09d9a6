"""The lease table in one SQLite file: which requests are waiting, leased or done.

A request is pending, then leased to one worker, then done. A lease that its worker stops renewing, because it died,
falls back to pending; so nothing is lost, and at most what was leased is fetched again. Rows of a job stay until the
job is over: they are also its memory of what it has seen.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archives.storage.databases import Schema, open_database, transaction
from archives.storage.files import is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

PENDING: Final = 0
LEASED: Final = 1
DONE: Final = 2
LEASE_S: Final = 60.0
# Priorities are far below it, and those of a backlog, which are negated in the table, far above.
_BACKLOG: Final = 1_000_000

_SCRIPT = """
CREATE TABLE IF NOT EXISTS requests (
    job TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    state INTEGER NOT NULL,         -- 0 pending, 1 leased, 2 done
    host TEXT NOT NULL,
    priority INTEGER NOT NULL,      -- negated, so that the index runs the way requests are taken
    serial INTEGER NOT NULL,        -- order of arrival
    data TEXT NOT NULL,             -- the request, JSON; emptied when it is done
    worker TEXT NOT NULL DEFAULT '',
    until REAL NOT NULL DEFAULT 0,  -- seconds since the epoch
    is_list INTEGER NOT NULL DEFAULT 0,  -- its answer may lead to news when the job is continued
    PRIMARY KEY (job, fingerprint)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pauses (
    host TEXT PRIMARY KEY,
    until REAL NOT NULL             -- seconds since the epoch
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON requests (job, host, priority, serial) WHERE state = 0;
CREATE INDEX IF NOT EXISTS leased ON requests (job, worker) WHERE state = 1;
"""
SCHEMA = Schema(
    version=3,
    script=_SCRIPT,
    upgrades={
        1: "ALTER TABLE requests ADD COLUMN is_list INTEGER NOT NULL DEFAULT 0;",
        2: "CREATE TABLE pauses (host TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;",
    },
    is_private=True,
    synchronous="NORMAL",
    loss="runs that were cut short then start from the beginning",
)
# Statements name their index: left to itself SQLite walks through all rows of a job, and those are what grows.


def verify_file(path: Path) -> None:
    """Make sure that a run can use the table at `path`.

    Raises:
        archives.errors.DatabaseError: it is damaged or of another version.
        sqlite3.OperationalError: it cannot be written.
    """
    open_database(path, SCHEMA).close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One request that this worker may fetch now.

    Attributes:
        is_backlog: an earlier run left it.
    """

    fingerprint: bytes
    host: str
    data: str
    is_backlog: bool = False


class LeaseTable:
    """The requests of one job.

    Several processes may open the same table; each is its own worker. Every call is one transaction, durable
    against the death of the process.

    Args:
        path: the SQLite file; a lock file for each worker is beside it while the worker lives.
        job: which crawl the requests belong to.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        path: Path,
        job: str,
        *,
        clock: Callable[[], float] = time.time,
        new_worker: Callable[[], str] = lambda: uuid.uuid4().hex[:12],
        lease_s: float = LEASE_S,
    ) -> None:
        self._database = open_database(path, SCHEMA)
        self._path = path
        self._job = job
        self._clock = clock
        self._lease_s = lease_s
        self._worker = new_worker()
        self._lock = self._lock_path(self._worker).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        row = self._database.execute("SELECT MAX(serial) FROM requests WHERE job = ?", (job,)).fetchone()
        self._serial = row[0] or 0
        self.reclaimed = self._reclaim()

    def close(self) -> None:
        """Give back what is still leased, and leave."""
        self._database.execute(
            "UPDATE requests INDEXED BY leased SET state = 0, worker = '' WHERE job = ? AND worker = ? AND state = 1",
            (self._job, self._worker),
        )
        self._database.close()
        self._lock_path(self._worker).unlink(missing_ok=True)
        self._lock.close()

    def add(
        self, *, fingerprint: bytes, host: str, priority: int, data: str, again: bool = False, is_list: bool = False
    ) -> bool:
        """Add a request, unless the job has seen it.

        Args:
            fingerprint: what makes two requests the same.
            priority: higher goes first.
            again: add it even if it has been seen, under its own fingerprint.
            is_list: a later run of the job must request it again.

        Returns:
            Whether it was added.
        """
        self._serial += 1
        if again:
            fingerprint += self._serial.to_bytes(8, "big") + self._worker.encode()
        cursor = self._database.execute(
            "INSERT OR IGNORE INTO requests (job, fingerprint, state, host, priority, serial, data,"
            " is_list) VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
            (self._job, fingerprint, host, -priority, self._serial, data, is_list),
        )
        return cursor.rowcount == 1

    def lease(self, limits: Callable[[str], int], *, most: int, with_backlog: bool = True) -> list[Lease]:
        """Take requests, the best of each host in turn.

        Args:
            limits: host to how many more of its requests may be taken now.
            most: how many in all.
            with_backlog: also what an earlier run left.
        """
        self._reclaim_expired()
        leases: list[Lease] = []
        for host in self._list_hosts():
            room = min(limits(host), most - len(leases))
            if room > 0:
                leases += self._lease_host(host, room, with_backlog=with_backlog)
            if len(leases) >= most:
                break
        return leases

    def acknowledge(self, fingerprints: Iterable[bytes]) -> None:
        """Mark requests done: their output has been consumed and is on disk."""
        self._change(
            fingerprints, "UPDATE requests SET state = 2, data = '', worker = '' WHERE job = ? AND fingerprint = ?"
        )

    def release(self, fingerprints: Iterable[bytes]) -> None:
        """Give requests back unfetched."""
        self._change(fingerprints, "UPDATE requests SET state = 0, worker = '' WHERE job = ? AND fingerprint = ?")

    def renew(self) -> None:
        """Keep what this worker has leased for another while."""
        self._database.execute(
            "UPDATE requests INDEXED BY leased SET until = ? WHERE job = ? AND worker = ? AND state = 1",
            (self._clock() + self._lease_s, self._job, self._worker),
        )

    def note_pause(self, host: str, left_s: float) -> None:
        """Note for how long a host is to be left alone, whichever job asks it; a longer pause stays."""
        self._database.execute(
            "INSERT INTO pauses (host, until) VALUES (?, ?)"
            " ON CONFLICT (host) DO UPDATE SET until = MAX(until, excluded.until)",
            (host, self._clock() + left_s),
        )

    def find_pauses(self) -> dict[str, float]:
        """Return the hosts that are still to be left alone, and for how many seconds."""
        now = self._clock()
        self._database.execute("DELETE FROM pauses WHERE until <= ?", (now,))
        return {host: until - now for host, until in self._database.execute("SELECT host, until FROM pauses")}

    def holds(self, host: str) -> bool:  # noqa: ARG002 (a shared frontier gives each host to one worker)
        """Return whether this worker may ask the host for something now."""
        return True

    def count_open(self) -> int:
        """Return how many requests are pending or leased, by anybody; a job without any is over."""
        (pending,) = self._database.execute(
            "SELECT COUNT(*) FROM requests INDEXED BY waiting WHERE job = ? AND state = 0", (self._job,)
        ).fetchone()
        (leased,) = self._database.execute(
            "SELECT COUNT(*) FROM requests INDEXED BY leased WHERE job = ? AND state = 1", (self._job,)
        ).fetchone()
        return int(pending + leased)

    def iter_open(self) -> Iterator[str]:
        """Yield the data of what is pending."""
        rows = self._database.execute(
            "SELECT data FROM requests INDEXED BY waiting WHERE job = ? AND state = 0", (self._job,)
        )
        yield from (data for (data,) in rows.fetchall())

    def take_up(self, first: Iterable[bytes]) -> None:
        """Make what an earlier run left a backlog: lists may be requested again, and what they lead to goes first.

        Args:
            first: fingerprints of what the run begins with, whether it was requested already or not.
        """
        with transaction(self._database):
            self._database.execute("DELETE FROM requests WHERE job = ? AND state = 2 AND is_list = 1", (self._job,))
            self._database.executemany(
                "DELETE FROM requests WHERE job = ? AND fingerprint = ? AND state <> 1",
                [(self._job, fingerprint) for fingerprint in first],
            )
            self._database.execute(
                "UPDATE requests INDEXED BY waiting SET priority = priority + ?"
                " WHERE job = ? AND state = 0 AND priority < ?",
                (_BACKLOG, self._job, _BACKLOG // 2),
            )

    def has_company(self) -> bool:
        """Return whether another worker of this machine is alive."""
        own = self._lock_path(self._worker)
        return any(is_held(path) for path in self._path.parent.glob(f"{self._path.name}.*.lock") if path != own)

    def is_over(self) -> bool:
        """Return whether nothing is pending or leased."""
        return not self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM requests INDEXED BY waiting WHERE job = ? AND state = 0)"
            " OR EXISTS (SELECT 1 FROM requests INDEXED BY leased WHERE job = ? AND state = 1)",
            (self._job, self._job),
        ).fetchone()[0]

    def forget(self) -> None:
        """Drop all rows of a finished job, so that its next run starts over."""
        self._database.execute("DELETE FROM requests WHERE job = ?", (self._job,))

    def _change(self, fingerprints: Iterable[bytes], statement: str) -> None:
        rows = [(self._job, fingerprint) for fingerprint in fingerprints]
        if not rows:
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(statement, rows)
        finally:
            self._database.execute("COMMIT")

    def _list_hosts(self) -> Sequence[str]:
        """Hosts with something pending, found by hopping through the index from host to host."""
        rows = self._database.execute(
            "WITH RECURSIVE hosts(host) AS (SELECT MIN(host) FROM requests WHERE job = :job AND state = 0"
            " UNION ALL SELECT (SELECT MIN(host) FROM requests WHERE job = :job AND state = 0 AND host >"
            " hosts.host)"
            " FROM hosts WHERE hosts.host IS NOT NULL) SELECT host FROM hosts WHERE host IS NOT NULL",
            {"job": self._job},
        )
        return [host for (host,) in rows]

    def _lease_host(self, host: str, most: int, *, with_backlog: bool) -> list[Lease]:
        beyond = 2 * _BACKLOG if with_backlog else _BACKLOG // 2
        rows = self._database.execute(
            "UPDATE requests SET state = 1, worker = ?, until = ? WHERE job = ? AND fingerprint IN"
            " (SELECT fingerprint FROM requests WHERE job = ? AND host = ? AND state = 0"
            " AND priority < ? ORDER BY priority, serial LIMIT ?) RETURNING fingerprint, data, priority, serial",
            (self._worker, self._clock() + self._lease_s, self._job, self._job, host, beyond, most),
        ).fetchall()
        rows.sort(key=lambda row: row[2:])
        return [
            Lease(fingerprint=fingerprint, host=host, data=data, is_backlog=priority >= _BACKLOG // 2)
            for fingerprint, data, priority, _ in rows
        ]

    def _reclaim_expired(self) -> None:
        self._database.execute(
            "UPDATE requests INDEXED BY leased SET state = 0, worker = ''"
            " WHERE job = ? AND state = 1 AND until < ? AND worker <> ?",
            (self._job, self._clock(), self._worker),
        )

    def _reclaim(self) -> int:
        """Take back the leases of workers of this machine that have died; their locks tell."""
        workers = self._database.execute(
            "SELECT DISTINCT worker FROM requests INDEXED BY leased WHERE job = ? AND state = 1", (self._job,)
        ).fetchall()
        reclaimed = 0
        for (worker,) in workers:
            if worker != self._worker and self._is_dead(worker):
                reclaimed += self._database.execute(
                    "UPDATE requests INDEXED BY leased SET state = 0, worker = ''"
                    " WHERE job = ? AND worker = ? AND state = 1",
                    (self._job, worker),
                ).rowcount
                self._lock_path(worker).unlink(missing_ok=True)
        return reclaimed

    def _is_dead(self, worker: str) -> bool:
        with suppress(OSError):
            descriptor = os.open(self._lock_path(worker), os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(descriptor)
            return True
        return False

    def _lock_path(self, worker: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{worker}.lock")
