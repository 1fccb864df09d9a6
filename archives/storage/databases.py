"""Opens every SQLite database of a data directory, with shared settings and a schema version.

A file of another version is either rebuilt, because all that is in it follows from the archive, or brought up to
date by the steps that are listed for it, or refused. Nothing is ever read as what it is not.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

from archives.errors import DatabaseError
from archives.storage.files import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 60.0
_RETRY_S: Final = 0.01
_SUFFIXES: Final = ("", "-wal", "-shm")
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What is in a database, how safe it has to be, and what its loss costs.

    Attributes:
        version: of the script, from 1; the file keeps it as its `user_version`.
        script: makes everything in an empty file. It says IF NOT EXISTS where the database is not derived.
        upgrades: by version, the statements that lead to the next one. What is derived needs none.
        is_derived: all of it follows from the archive.
        is_private: only its owner may read it.
        synchronous: FULL survives a power cut; NORMAL may lose the last transactions to one, OFF the whole file.
        loss: what happens where the file is deleted; the end of a sentence.
    """

    version: int
    script: str
    upgrades: Mapping[int, str] = field(default_factory=dict)
    is_derived: bool = False
    is_private: bool = False
    synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL"
    loss: str = ""


def open_database(path: Path, schema: Schema, *, across_threads: bool = False) -> sqlite3.Connection:
    """Open a database that several processes may use at once, and make it where it is not there.

    One that is derived is rebuilt where it is damaged or of another version, and kept in memory where its folder
    cannot be written.

    Args:
        across_threads: the caller sees to it that no two threads use it at once.

    Raises:
        DatabaseError: it is not derived, and damaged or of a version that cannot be upgraded.
        sqlite3.OperationalError: it is not derived, and cannot be opened.
    """
    if schema.is_derived:
        return _open_derived(path, schema, across_threads=across_threads)
    path.parent.mkdir(parents=True, exist_ok=True)
    if schema.is_private:
        make_private(path)
    try:
        return _connect(path, schema, across_threads=across_threads)
    except (sqlite3.OperationalError, DatabaseError):
        raise
    except sqlite3.DatabaseError as error:
        raise _build_refusal(path, f"is damaged ({error})", "restore it from a copy", schema) from error


@contextmanager
def find_writable(path: Path) -> Iterator[Path]:
    """Yield the path of a database, or that of a temporary copy if its folder cannot be written, as in a snapshot."""
    if os.access(path.parent, os.W_OK) or not path.exists():
        yield path
        return
    with TemporaryDirectory(prefix="newsreel-") as scratch:
        for found in (path, path.with_name(f"{path.name}-wal")):
            if found.exists():
                copyfile(found, Path(scratch, found.name))
        yield Path(scratch, path.name)


def describe_upgrade(path: Path, schema: Schema) -> str:
    """Return what will happen to a file when it is next opened, in words; '' where nothing will. It is only read.

    Raises:
        DatabaseError: it is damaged, or of a version that cannot be upgraded.
    """
    if not path.is_file():
        return ""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            version = _find_version(database)
    except sqlite3.Error as error:
        raise _build_refusal(path, f"cannot be read ({error})", "restore it from a copy", schema) from error
    if version == schema.version:
        return ""
    if schema.is_derived:
        return f"{path.name} has version {version}; it will be rebuilt from the archive at first use"
    _refuse_newer(path, version, schema)
    return f"{path.name} will be upgraded from version {version or 1} to {schema.version} at first use"


def open_scratch(path: str, schema: Schema) -> sqlite3.Connection:
    """Make a database that is of no use after its process has died.

    Args:
        path: a new file; '' is a temporary one.
    """
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    _make(database, schema)
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Have the statements of the block take effect together or not at all, while no other process writes."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # a full disk ends it by itself
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _open_derived(path: Path, schema: Schema, *, across_threads: bool) -> sqlite3.Connection:
    if path.exists() and not os.access(path, os.W_OK):  # SQLite would open it, if only for reading
        return _connect(None, schema, across_threads=across_threads)
    try:
        return _connect(path, schema, across_threads=across_threads)
    except sqlite3.OperationalError:
        return _connect(None, schema, across_threads=across_threads)
    except sqlite3.DatabaseError as error:
        logger.warning("%s is damaged (%s); it is rebuilt from the archive", path, error)
        for suffix in _SUFFIXES:
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _connect(path, schema, across_threads=across_threads)


def _connect(path: Path | None, schema: Schema, *, across_threads: bool) -> sqlite3.Connection:
    """Open a file, or a database in memory, and have in it what the schema says."""
    database = sqlite3.connect(
        path or ":memory:", timeout=TIMEOUT_S, isolation_level=None, check_same_thread=not across_threads
    )
    try:
        database.execute(f"PRAGMA synchronous = {schema.synchronous}")
        # Opening a derived database may write it, so find out now whether that is possible.
        if schema.is_derived or _find_version(database) != schema.version:
            with transaction(database):
                _bring_up_to_date(database, path, schema)
        _keep_a_log(database)
    except BaseException:
        database.close()
        raise
    return database


def _keep_a_log(database: sqlite3.Connection) -> None:
    """Have readers and a writer not wait for each other; what is here for it already is left alone."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite waits for other processes everywhere but here.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _bring_up_to_date(database: sqlite3.Connection, path: Path | None, schema: Schema) -> None:
    version = _find_version(database)
    if version == schema.version:  # another process was quicker
        return
    if path is None or (version == 0 and database.execute(_TABLES).fetchone() is None):
        _make(database, schema)
    elif schema.is_derived:
        words = "%s is of version %d and this program's is %d; it is rebuilt from the archive"
        logger.info(words, path, version, schema.version)
        for (name,) in database.execute(_TABLES).fetchall():
            # A virtual table comes first and takes the tables behind it along.
            database.execute(f"DROP TABLE IF EXISTS {_quote(name)}")
        _make(database, schema)
    else:
        _upgrade(database, path, schema, version)


def _upgrade(database: sqlite3.Connection, path: Path, schema: Schema, version: int) -> None:
    """Take every step from an earlier version to the schema's.

    Raises:
        DatabaseError: the version is not an earlier one, a step is missing, or the tables are others.
    """
    _refuse_newer(path, version, schema)
    # Before files said their version, there was but one.
    for step in range(version or 1, schema.version):
        if step not in schema.upgrades:
            fault = f"is of version {version}, which this program can no longer upgrade"
            raise _build_refusal(path, fault, f"open it with a program that knows version {step + 1}", schema)
        _run(database, schema.upgrades[step])
    for name, columns in _list_columns(schema).items():
        found = _find_columns(database, name)
        if found and found != columns:
            fault = f"says that it is of version {version}, but its table {name} has other columns"
            raise _build_refusal(path, fault, "restore it from a copy", schema)
    _make(database, schema)


def _refuse_newer(path: Path, version: int, schema: Schema) -> None:
    if version > schema.version:
        fault = f"is of version {version}, and this program knows none above {schema.version}"
        raise _build_refusal(path, fault, "use the program that made it", schema)


def _make(database: sqlite3.Connection, schema: Schema) -> None:
    _run(database, schema.script)
    database.execute(f"PRAGMA user_version = {schema.version}")


def _run(database: sqlite3.Connection, script: str) -> None:
    """Run statements one by one: `executescript` would end the transaction that they belong to."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            database.execute(statement)
            statement = ""
    if statement.strip():
        database.execute(statement)


def _find_version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _list_columns(schema: Schema) -> dict[str, list[str]]:
    """The tables that a schema makes, and their columns in order."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as pattern:
        _run(pattern, schema.script)
        return {name: _find_columns(pattern, name) for (name,) in pattern.execute(_TABLES).fetchall()}


def _find_columns(database: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _build_refusal(path: Path, fault: str, advice: str, schema: Schema) -> DatabaseError:
    words = f"{path} {fault}; {advice}, or delete it and its -wal and -shm while nothing runs: {schema.loss}"
    return DatabaseError(words, path=path)
