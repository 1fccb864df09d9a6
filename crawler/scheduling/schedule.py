"""The schedule's database: for each source when it is due, its last status, and which process runs it.

Several schedulers may share the table: on one machine in a SQLite file, on several in the PostgreSQL database that they
all reach, as a pool of equal workers. A source is run by the process that takes its lease, in one
statement, which also advances the due time, so a run whose scheduler dies is not started twice. All instants are UTC.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from archives.errors import RegistryError
from archives.storage.databases import Schema, open_database
from archives.transfer.registry import connect
from archives.urls import describe_url
from crawler.scheduling.run_outcome import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from crawler.sources.timetable import Timetable

LEASE_S: Final = 60.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS schedule (
    source TEXT PRIMARY KEY,
    rule TEXT NOT NULL,             -- the timetable that next_due_utc follows from
    next_due_utc TEXT NOT NULL,     -- ISO 8601 to the millisecond, so that text sorts as time; so are all instants
    interval_s INTEGER NOT NULL,    -- 0 for a cron line
    last_started TEXT,
    last_finished TEXT,             -- NULL while it runs
    last_status TEXT,
    last_exit INTEGER,              -- negative: the signal that killed it
    lease_owner TEXT,
    lease_until TEXT
)
"""
FILE_SCHEMA = Schema(
    version=1,
    script=_SCHEMA,
    is_private=True,
    loss="due times and adaptive intervals then start from the beginning",
)
_SETUP_LOCK = 0x6E657774
_RETRY_S = 0.5
_COLUMNS = (
    "source, rule, next_due_utc, interval_s,"
    " last_started, last_finished, last_status, last_exit, lease_owner, lease_until"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the table.

    Attributes:
        rule: the timetable that `due` follows from.
        interval_s: the interval in force; 0 for a cron line.
        exit_code: of the last run; negative for the signal that killed it.
        owner: of the lease, '' if the source is not running.
    """

    source: str
    rule: str
    due: datetime
    interval_s: int
    started: datetime | None = None
    finished: datetime | None = None
    status: Status | None = None
    exit_code: int | None = None
    owner: str = ""
    lease_until: datetime | None = None


def build_owner(folder: Path) -> str:
    """Return a name for this process that no other has, beginning with that of its machine.

    Args:
        folder: of all data; two of them on one host are two machines, because they share no locks.
    """
    place = hashlib.blake2b(str(folder.resolve()).encode(), digest_size=4).hexdigest()
    return f"{socket.gethostname()}:{place}/{os.getpid()}/{secrets.token_hex(3)}"


class _Database(Protocol):
    """As much of a SQLite connection as the table needs."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        """Run one statement as one transaction."""

    def close(self) -> None:
        """Close the connection."""


class _Postgres:
    """A PostgreSQL database spoken to as SQLite is; one that restarts is waited for as long as a lease holds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._prepare()

    def _prepare(self) -> None:
        self._connection = connect(self._url)
        with self._connection.transaction():
            # CREATE … IF NOT EXISTS fails where two do it at once.
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            self._connection.execute("CREATE SCHEMA IF NOT EXISTS newsreel")
            self._connection.execute("SET search_path TO newsreel")
            self._connection.execute(_SCHEMA)

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        import psycopg  # noqa: PLC0415 (it needs an extra)

        deadline = time.monotonic() + LEASE_S
        while True:
            try:
                if self._connection.closed:
                    self._prepare()
                return self._connection.execute(statement.replace("?", "%s"), values)
            except (psycopg.OperationalError, RegistryError) as error:
                if time.monotonic() > deadline:
                    raise RegistryError(
                        f"the database at {describe_url(self._url)} has been unreachable for {LEASE_S} s"
                    ) from error
                self._connection.close()
                time.sleep(_RETRY_S)

    def close(self) -> None:
        self._connection.close()


class ScheduleTable:
    """The rows of all sources; each call is one transaction.

    Args:
        where: the SQLite file, or the `postgresql://` address of the database that several machines share.
        owner: names this scheduler in its leases, `MACHINE/…`.
        clock: aware UTC.
        lease_s: seconds after which a lease that is not renewed may be taken over.
    """

    def __init__(
        self,
        where: Path | str,
        owner: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease_s: float = LEASE_S,
    ) -> None:
        self.owner = owner
        self.clock = clock
        self._lease = timedelta(seconds=lease_s)
        self._database: _Database = _Postgres(where) if isinstance(where, str) else open_database(where, FILE_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def read(self) -> dict[str, Entry]:
        """Return all rows by source."""
        rows = self._database.execute(f"SELECT {_COLUMNS} FROM schedule ORDER BY source")  # noqa: S608 (our columns)
        return {row[0]: _build_entry(row) for row in rows}

    def settle(self, timetables: Iterable[Timetable]) -> None:
        """Give each source a due time, if it has none or its timetable has been changed; keep all others."""
        now = self.clock()
        rules = dict(self._database.execute("SELECT source, rule FROM schedule"))
        for timetable in timetables:
            if rules.get(timetable.source) == timetable.rule:
                continue
            self._database.execute(
                "INSERT INTO schedule (source, rule, next_due_utc, interval_s) VALUES (?, ?, ?, ?) ON CONFLICT (source)"
                " DO UPDATE SET rule = excluded.rule, next_due_utc = excluded.next_due_utc,"
                " interval_s = excluded.interval_s",
                (timetable.source, timetable.rule, _dump(timetable.find_first(now)), timetable.every_s),
            )

    def claim(self, entry: Entry, timetable: Timetable) -> bool:
        """Take the lease of a source that is due, and move its due time on; False if another was quicker."""
        now = self.clock()
        following = timetable.find_next(
            due=entry.due, now=now, interval_s=entry.interval_s, is_first=entry.started is None
        )
        row = self._database.execute(
            "UPDATE schedule SET lease_owner = ?, lease_until = ?, next_due_utc = ?, last_started = ?,"
            " last_finished = NULL, last_status = ?, last_exit = NULL"
            " WHERE source = ? AND next_due_utc = ? AND next_due_utc <= ? AND lease_owner IS NULL RETURNING source",
            (
                self.owner,
                _dump(now + self._lease),
                _dump(following),
                _dump(now),
                Status.RUNNING.value,
                entry.source,
                _dump(entry.due),
                _dump(now),
            ),
        ).fetchone()
        return row is not None

    def renew(self, source: str) -> bool:
        """Keep a lease for another while; False if it has been taken over."""
        row = self._database.execute(
            "UPDATE schedule SET lease_until = ? WHERE source = ? AND lease_owner = ? RETURNING source",
            (_dump(self.clock() + self._lease), source, self.owner),
        ).fetchone()
        return row is not None

    def adopt(self, entry: Entry) -> bool:
        """Take over the lease of a scheduler that has stopped renewing it; False if it has not, or another did."""
        now = self.clock()
        row = self._database.execute(
            "UPDATE schedule SET lease_owner = ?, lease_until = ?"
            " WHERE source = ? AND lease_owner = ? AND lease_until < ? RETURNING source",
            (self.owner, _dump(now + self._lease), entry.source, entry.owner, _dump(now)),
        ).fetchone()
        return row is not None

    def finish(
        self,
        source: str,
        status: Status,
        *,
        exit_code: int | None,
        owner: str = "",
        due: datetime | None = None,
        interval_s: int | None = None,
    ) -> datetime | None:
        """Record how a run went and give its lease back.

        Args:
            owner: of the lease, where it is not this scheduler.
            due: a due time in place of the one that was set when the run began.
            interval_s: the interval from now on.

        Returns:
            When the source is due next; None if another process has the lease by now; then nothing was recorded.
        """
        row = self._database.execute(
            "UPDATE schedule SET last_finished = ?, last_status = ?, last_exit = ?, lease_owner = NULL,"
            " lease_until = NULL, next_due_utc = COALESCE(?, next_due_utc), interval_s = COALESCE(?, interval_s)"
            " WHERE source = ? AND lease_owner = ? RETURNING next_due_utc",
            (
                _dump(self.clock()),
                status.value,
                exit_code,
                _dump(due) if due else None,
                interval_s,
                source,
                owner or self.owner,
            ),
        ).fetchone()
        return _load(row[0]) if row else None


def _build_entry(row: tuple[str, str, str, int, str | None, str | None, str | None, int | None, str, str]) -> Entry:
    source, rule, due, interval_s, started, finished, status, exit_code, owner, until = row
    return Entry(
        source=source,
        rule=rule,
        due=datetime.fromisoformat(due),
        interval_s=interval_s,
        started=_load(started),
        finished=_load(finished),
        status=Status(status) if status else None,
        exit_code=exit_code,
        owner=owner or "",
        lease_until=_load(until),
    )


def _dump(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")


def _load(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
