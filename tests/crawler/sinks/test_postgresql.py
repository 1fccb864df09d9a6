"""Posts in a real PostgreSQL: inserted, updated and deleted once each, whichever side is killed in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from crawler.sinks.postgresql import PostgresSink
from crawler.sinks.pushing import SinkError, push_changes
from tests.documents.commands import find_command
from tests.pipelines.exports.hostile_texts import list_texts
from tests.pipelines.exports.test_changes import Desk, at
from tests.postgres_server import PostgresServer
from tests.project import ROOT, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as running:
        yield running


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    import psycopg  # noqa: PLC0415 (not everybody has it)

    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_rows_come_change_and_go(server: PostgresServer, tmp_path: Path) -> None:
    url, desk = server.make_database(), Desk(tmp_path)
    stream = ChangeStream(Library(tmp_path))
    hostile = [at(number, number, headline=text) for number, text in enumerate(list_texts(), 1)]
    desk.write(*hostile, at(900, 900, headline="nul \x00 here", keywords=["\x00"]))
    desk.account()
    with closing(PostgresSink(url, "")) as sink:
        assert sum(push_changes(stream, sink)) == len(hostile) + 1
        assert sum(push_changes(stream, sink)) == 0
        with pytest.raises(SinkError, match="another export writes to postgresql://127"):
            PostgresSink(url, "")
    rows = ask(url, 'SELECT headline, keywords, "publishedAt", evidence FROM newsreel_post ORDER BY identifier')
    assert [row[0] for row in rows] == [*list_texts(), "nul � here"]
    assert rows[-1][1] == ["�"]
    assert (rows[0][2].tzinfo is not None, isinstance(rows[0][3], dict)) == (True, True)
    desk.write(at(100, 1, headline="again"))
    desk.account()
    with closing(PostgresSink(url, "")) as sink:
        assert sum(push_changes(stream, sink)) == 1
    desk.forget()
    desk.write(at(100, 1, headline="again"))
    desk.account()
    command = find_command("exports.md", "newsreel export postgresql", url)
    command.remove("--follow")
    done = run_scrapy(*command, "--json", data=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["changes"]) == (0, len(hostile))
    assert ask(url, "SELECT headline, change, version FROM newsreel_post") == [("again", "updated", 2)]


def test_a_push_that_is_killed_goes_on_where_it_was(server: PostgresServer, tmp_path: Path) -> None:
    """A trigger lets it die in the middle of a page, with the lock held and the transaction open."""
    url, desk = server.make_database(), Desk(tmp_path)
    desk.write(*(at(number, number) for number in range(1, 31)))
    desk.account()
    stream = ChangeStream(Library(tmp_path))
    PostgresSink(url, "").close()
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE FUNCTION wait() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END' LANGUAGE plpgsql;"
            "CREATE TRIGGER wait BEFORE INSERT ON newsreel_post FOR EACH ROW WHEN (NEW.version = 1"
            " AND NEW.identifier LIKE '%020') EXECUTE FUNCTION wait()"
        )
    command = [sys.executable, "-m", "scrapy", "export", "postgresql", "-o", url, "-s", f"DATA_DIR={tmp_path}"]
    process = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + 60
    while not ask(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ask(url, "SELECT count(*) FROM newsreel_post") == [(0,)]
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
        connection.execute("DROP TRIGGER wait ON newsreel_post")
    with closing(PostgresSink(url, "")) as sink:
        assert sum(push_changes(stream, sink)) == 30
        assert stream.find_end() == sink.find_cursor()
    assert ask(url, "SELECT count(*) FROM newsreel_post") == [(30,)]


def test_a_database_that_cannot_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    Desk(tmp_path)
    pytest.importorskip("psycopg", reason="the package psycopg is not installed")
    done = run_scrapy("export", "postgresql", "-o", "postgresql://u:s3cret@127.0.0.1:9/d", data=tmp_path)
    assert done.returncode == 1
    assert "not pushed: postgresql://127.0.0.1:9/d" in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
