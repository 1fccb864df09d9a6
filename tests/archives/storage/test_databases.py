"""A database says which version it is of; one of another is rebuilt, upgraded, or refused."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archives.errors import DatabaseError
from archives.storage.databases import Schema, open_database, open_scratch, transaction

if TYPE_CHECKING:
    from pathlib import Path

FIRST = Schema(
    version=1,
    script="CREATE TABLE IF NOT EXISTS a (x TEXT); -- one; two\nCREATE INDEX IF NOT EXISTS a_x ON a (x);\n",
    loss="counting starts from zero",
)
THIRD = replace(
    FIRST,
    version=3,
    script="CREATE TABLE IF NOT EXISTS a (x TEXT, y TEXT);\nCREATE TABLE IF NOT EXISTS b (z TEXT)",
    upgrades={1: "ALTER TABLE a ADD COLUMN y TEXT;\nUPDATE a SET y = x || '!';\n", 2: "CREATE TABLE b (z TEXT)"},
)
DERIVED = Schema(
    version=2,
    script="CREATE TABLE a (x TEXT, y TEXT);\nCREATE VIRTUAL TABLE s USING fts5(t);\n",
    is_derived=True,
    synchronous="OFF",
)


def write_database(path: Path, schema: Schema = FIRST, *, version: int | None = None) -> None:
    with closing(open_database(path, schema)) as database:
        database.execute("INSERT INTO a (x) VALUES ('kept')")
        if version is not None:
            database.execute(f"PRAGMA user_version = {version}")


def read_all(path: Path) -> tuple[int, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        return version, database.execute("SELECT * FROM a").fetchall()


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL", "FULL"])
def test_it_is_opened_as_its_schema_says(synchronous: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "d"
    schema = replace(FIRST, synchronous=synchronous, is_private=True)  # type: ignore[arg-type]
    with closing(open_database(path, schema)) as database:
        asked = ("journal_mode", "synchronous", "busy_timeout", "user_version")
        found = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
        assert found == ["wal", ["OFF", "NORMAL", "FULL"].index(synchronous), 60_000, 1]
        assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_what_it_holds_is_there_the_next_time(tmp_path: Path) -> None:
    for _ in range(2):
        write_database(tmp_path / "d")
    assert read_all(tmp_path / "d") == (1, [("kept",), ("kept",)])


# Versions of what cannot be rebuilt


@pytest.mark.parametrize("version", [0, 1])
def test_an_earlier_version_is_brought_up_to_date_step_by_step(version: int, tmp_path: Path) -> None:
    """A file that says no version is of the first."""
    write_database(tmp_path / "d", version=version)
    with closing(open_database(tmp_path / "d", THIRD)) as database:
        assert database.execute("SELECT * FROM b").fetchall() == []
    assert read_all(tmp_path / "d") == (3, [("kept", "kept!")])


def test_a_file_that_says_no_version_gets_what_it_lacks(tmp_path: Path) -> None:
    write_database(tmp_path / "d", version=0)
    with closing(sqlite3.connect(tmp_path / "d")) as database:
        database.execute("DROP INDEX a_x")
    with closing(open_database(tmp_path / "d", FIRST)) as database:
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'a_x'").fetchone()
    assert read_all(tmp_path / "d") == (1, [("kept",)])


REFUSED = {
    "a later version": (99, THIRD, "is of version 99, and this program knows none above 3; use the program that made"),
    "a step that is not listed": (
        1,
        replace(THIRD, upgrades={2: THIRD.upgrades[2]}),
        "is of version 1, which this program can no longer upgrade; open it with a program that knows version 2",
    ),
    "other columns": (
        0,
        replace(FIRST, script="CREATE TABLE IF NOT EXISTS a (w TEXT)"),
        "says that it is of version 0, but its table a has other columns; restore it from a copy",
    ),
    "a step that does not arrive": (
        1,
        replace(THIRD, upgrades={1: "CREATE TABLE c (z)", 2: "CREATE TABLE b (z TEXT)"}),
        "its table a has other columns",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_one_sentence_and_left_as_it_is(name: str, tmp_path: Path) -> None:
    version, schema, words = REFUSED[name]
    path = tmp_path / "d"
    write_database(path, version=version)
    before = path.read_bytes()
    with pytest.raises(DatabaseError) as caught:
        open_database(path, schema)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path} ")
    assert str(caught.value).endswith(
        "or delete it and its -wal and -shm while nothing runs: counting starts from zero"
    )
    assert caught.value.path == path
    assert path.read_bytes() == before
    assert read_all(path) == (version, [("kept",)])


def test_damage_is_refused_where_it_cannot_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "d").write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseError, match=r"d is damaged \(file is not a database\); restore it from a copy, or"):
        open_database(tmp_path / "d", FIRST)
    assert (tmp_path / "d").read_bytes() == b"no database" * 1000


# Versions of what is derived


@pytest.mark.parametrize("version", [0, 1, 99])
def test_what_is_derived_is_made_again(version: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "d"
    write_database(path, replace(DERIVED, script=DERIVED.script + "CREATE TABLE sqlish (w);"), version=version)
    caplog.set_level(logging.INFO)
    with closing(open_database(path, DERIVED)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE name IN ('s', 'sqlish')")}
        assert names == {"s"}
    assert read_all(path) == (2, [])
    assert caplog.messages == [
        f"{path} is of version {version} and this program's is 2; it is rebuilt from the archive"
    ]


def test_what_is_derived_and_damaged_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "d"
    for name in ("d", "d-wal", "d-shm"):
        (tmp_path / name).write_bytes(b"no database" * 1000)
    write_database(path, DERIVED)
    assert read_all(path) == (2, [("kept", None)])
    assert caplog.messages == [f"{path} is damaged (file is not a database); it is rebuilt from the archive"]


def test_what_is_new_or_as_it_should_be_is_not_worth_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(2):
        write_database(tmp_path / "d", DERIVED)
    assert caplog.messages == []
    assert len(read_all(tmp_path / "d")[1]) == 2


def test_what_is_derived_is_in_memory_where_there_is_no_folder(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "missing" / "d", DERIVED)) as database:
        assert database.execute("SELECT * FROM a").fetchall() == []
    assert not (tmp_path / "missing").exists()


# Several processes


def open_and_add(path: Path, schema: Schema) -> None:
    for _ in range(3):
        with closing(open_database(path, schema)) as database, transaction(database):
            database.execute("INSERT INTO a (x) VALUES ('one')")


@pytest.mark.parametrize("schema", [FIRST, THIRD, DERIVED], ids=["new", "upgraded", "derived"])
def test_many_processes_open_it_at_once(schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "d"
    if schema is THIRD:
        open_database(path, FIRST).close()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=open_and_add, args=(path, schema)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 6
    assert len(read_all(path)[1]) == 18


def test_a_writer_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself does not wait where a file gets its log."""
    with closing(sqlite3.connect(tmp_path / "d", isolation_level=None, check_same_thread=False)) as writer:
        writer.executescript(f"{FIRST.script} PRAGMA user_version = 1; BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, writer.execute, ["COMMIT"])
        timer.start()
        with closing(open_database(tmp_path / "d", FIRST)) as database:
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        timer.join()


# Databases of one process


def test_a_scratch_database_says_its_version(tmp_path: Path) -> None:
    with closing(open_scratch(str(tmp_path / "d"), DERIVED)) as database:
        database.execute("INSERT INTO a (x) VALUES ('kept')")
    assert read_all(tmp_path / "d") == (2, [("kept", None)])
    with closing(open_scratch("", DERIVED)) as database:
        assert database.execute("SELECT * FROM a").fetchall() == []


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with closing(open_database(tmp_path / "d", FIRST)) as database:
        with pytest.raises(RuntimeError), transaction(database):
            database.execute("INSERT INTO a (x) VALUES ('lost')")
            raise RuntimeError
        assert not database.in_transaction
    assert read_all(tmp_path / "d") == (1, [])
