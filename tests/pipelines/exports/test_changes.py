"""The change log: a reader that continues from a cursor gets every change at least once, also when the log was lost."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.replay.server import ReplayServer
from archives.storage.collection import Collection
from crawler.changelog.cursors import (
    START,
    Cursor,
    CursorError,
    digest_owner,
    join_cursors,
    parse_cursor,
    split_cursor,
)
from crawler.changelog.log import ChangeLog
from crawler.changelog.tables import FILE_NAME
from crawler.publishing.changefeed import Answer, answer_changes
from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from crawler.sources import Source, load_source
from crawler.viewer.app import ViewerApp
from pipelines.exports.schemas import build_schema
from pipelines.exports.store import PostStore
from pipelines.posts.ledger import Ledger
from pipelines.posts.post_folder import PostFolder
from pipelines.posts.settle import settle
from tests.pipelines.exports.samples import NOON, OPTIONS, build_statement
from tests.project import Data, run_scrapy, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.exports.records import PostRecord
    from pipelines.posts.items import Statement

DEFINITION = """
name = "news"
language = "zh"
timezone = "Asia/Shanghai"
scope = ["//news.example/"]
seeds = ["http://news.example/"]
[links]
article = ['/(?P<id>\\w+)\\.html$']
"""


class Desk:
    """A collection whose ledger is written by hand, at instants that a test sets."""

    def __init__(self, data_dir: Path, name: str = "news") -> None:
        self.collection = Collection.open(data_dir, name, create=True)
        self.now = NOON
        self.definition = DEFINITION
        self._names = iter(f"{number:012x}" for number in range(1, 1000))
        self.store = PostStore(self._ledger_path, name, lambda _: OPTIONS)

    @property
    def _ledger_path(self) -> Path:
        return self.collection.indexes_dir / "ledger.sqlite"

    def find(self, name: str) -> Source:
        return load_source(self.definition, path="news.toml")

    def open(self) -> closing[ChangeLog]:
        return closing(ChangeLog(self.collection, self.find, clock=lambda: self.now, new_id=lambda: next(self._names)))

    def write(self, *statements: Statement) -> None:
        """What a run would do with what captures state."""
        ledger = Ledger(self._ledger_path)
        folder = PostFolder(self.collection.path / "_posts", ledger, lambda _: OPTIONS)
        for statement in statements:
            ledger.add(statement)
            folder.write([statement.key])
        ledger.close()

    def reparse(self) -> int:
        """Settle every post again, by the rules of now; return how many changes the log finds."""
        options = self.find("news.toml").post
        with closing(Ledger(self._ledger_path)) as ledger:
            for key in ledger.iter_keys():
                ledger.record_settled(settle(ledger.list_statements(key), options))
        return self.account(has_reparsed=True)

    def forget(self, source: str = "news") -> None:
        with closing(Ledger(self._ledger_path)) as ledger:
            ledger.forget(source)

    def account(self, **arguments: object) -> int:
        with self.open() as log:
            return log.account(**arguments)  # type: ignore[arg-type]

    def read(self, since: str = START, limit: int = -1) -> list[PostRecord]:
        with self.open() as log:
            return list(log.read(parse_cursor(since), self.store, limit=limit))

    def cursor(self) -> str:
        with self.open() as log:
            return str(log.cursor)

    def write_manifest(self, run: str, *, began_at: datetime, ended_at: datetime | None) -> None:
        manifest = {"run": run, "began_at": began_at.isoformat(), "ended_at": ended_at and ended_at.isoformat()}
        path = self.collection.runs_dir / f"{began_at:%Y%m%d%H%M%S}-{run}.json"
        manifest |= {"spider": "category", "source": "news", "exit_reason": "finished" if ended_at else None}
        manifest |= {"collection": "news", "counts": {}, "files": []}
        path.write_text(json.dumps(manifest))

    def lose_log(self) -> None:
        for path in self.collection.indexes_dir.glob(FILE_NAME + "*"):
            path.unlink()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def at(second: int, number: int = 1, **values: object) -> Statement:
    """What a capture at a second after noon states of a post."""
    statement = build_statement(number, **values)
    assert statement.capture is not None
    record_id = f"<urn:uuid:{second}-{number}>"
    capture = replace(statement.capture, captured_at=NOON + timedelta(seconds=second), record_id=record_id)
    return replace(statement, capture=capture)


def list_changes(records: list[PostRecord]) -> list[tuple[str, str, int]]:
    return [(r.identifier[-1], str(r.change.kind), r.change.version) for r in records if r.change]


def test_new_updated_and_withdrawn_are_reported_with_their_versions(desk: Desk) -> None:
    desk.write(at(1, 1), at(2, 2))
    assert desk.account() == 2
    assert list_changes(desk.read()) == [("1", "new", 1), ("2", "new", 1)]
    first = desk.cursor()
    desk.write(at(3, 1, headline="again"))
    assert desk.account() == 1
    assert list_changes(desk.read(first)) == [("1", "updated", 2)]
    assert desk.read(first)[0].headline == "again"
    second = desk.cursor()
    desk.forget()
    desk.write(at(1, 1, headline="again"))
    desk.now += timedelta(minutes=1)
    assert desk.account() == 1
    assert list_changes(desk.read(second)) == [("2", "withdrawn", 1)]
    third = desk.cursor()
    desk.write(at(9, 2))
    desk.account()
    assert list_changes(desk.read(third)) == [("2", "new", 2)]
    assert list_changes(desk.read(first)) == [("1", "updated", 2), ("2", "updated", 2)]


def test_a_post_that_is_captured_again_unchanged_is_no_change(desk: Desk) -> None:
    desk.write(at(1))
    desk.account()
    cursor = desk.cursor()
    desk.write(at(50))
    assert desk.account() == 0
    assert desk.read(cursor) == []


def test_each_post_is_reported_once_as_it_is_now(desk: Desk) -> None:
    for second in range(1, 6):
        desk.write(at(second, headline=f"version {second}"))
        desk.account()
    (record,) = desk.read()
    assert list_changes([record]) == [("1", "new", 5)]
    assert record.headline == "version 5"


def test_pages_join_without_a_gap(desk: Desk) -> None:
    desk.write(*(at(number, number) for number in range(1, 8)))
    desk.account()
    whole = desk.read()
    since, found = START, []
    while page := desk.read(since, limit=2):
        found += page
        assert page[-1].change is not None
        since = page[-1].change.cursor
    assert found == whole


def test_what_has_gone_meanwhile_is_reported_as_gone_and_no_position_is_passed_over(desk: Desk) -> None:
    desk.write(*(at(number, number) for number in range(1, 6)))
    desk.account()
    desk.forget()
    desk.write(at(5, 5))
    page = desk.read(limit=2)
    assert list_changes(page) == [("1", "withdrawn", 1), ("2", "withdrawn", 1)]
    assert page[-1].change is not None
    assert list_changes(desk.read(page[-1].change.cursor))[-1] == ("5", "new", 1)


def test_nothing_is_entered_before_a_cursor_although_its_capture_is_older(desk: Desk) -> None:
    """Two runs at once: what the slower one saw first is entered last."""
    desk.write(at(10, 1))
    desk.account()
    cursor = desk.cursor()
    desk.write(at(5, 2))
    desk.account()
    assert list_changes(desk.read(cursor)) == [("2", "new", 1)]


def test_posts_of_a_run_that_goes_on_are_left_to_its_end(desk: Desk) -> None:
    desk.write(at(1, 1), at(2, 2, source="other"))
    assert desk.account(source="news") == 1
    assert desk.account(source="other") == 1


def test_other_rules_are_a_change_only_where_they_make_another_post(desk: Desk) -> None:
    desk.write(at(1, 1))
    desk.account()
    desk.definition = DEFINITION + '[post]\ntag_suffix = "x"\n'
    assert desk.reparse() == 0
    desk.write(at(2, 2, keywords=[]))
    desk.reparse()
    desk.definition = DEFINITION + '[post]\ntag_suffix = "y"\n'
    assert desk.reparse() == 1


# A log that was lost


def test_a_cursor_survives_a_rebuild(desk: Desk) -> None:
    first = [at(1, 1), at(2, 2)]
    desk.write(*first)
    desk.now = NOON + timedelta(seconds=10)
    desk.account()
    cursor = desk.cursor()
    second = [at(20, 1, headline="again"), at(21, 3)]
    desk.write(*second)
    desk.now = NOON + timedelta(seconds=30)
    desk.account()
    before = [(r.identifier, r.change and r.change.version, r.contentHash) for r in desk.read(cursor)]
    rebuild(desk, [*first, *second])
    assert [(r.identifier, r.change and r.change.version, r.contentHash) for r in desk.read(cursor)] == before
    assert list_changes(desk.read()) == [("2", "new", 1), ("1", "new", 2), ("3", "new", 1)]


def rebuild(desk: Desk, statements: list[Statement]) -> None:
    """What a reparse does where it finds no log; statements belong to the run that wrote their file."""
    desk.lose_log()
    with closing(Ledger(desk.collection.path / "remade.sqlite")) as ledger:
        for statement in statements:
            assert statement.capture is not None
            run = "aaaaaa" if statement.at < NOON + timedelta(seconds=20) else "bbbbbb"
            ledger.add(replace(statement, capture=replace(statement.capture, file=f"news-1-00000-{run}.warc.gz")))
        with desk.open() as log:
            log.rebuild(ledger)


def test_a_run_that_goes_on_holds_the_horizon_back(desk: Desk) -> None:
    """What it may still add rests on captures that are older than the cursor, and is sent after a rebuild."""
    began = NOON + timedelta(seconds=3)
    desk.write_manifest("slow", began_at=began, ended_at=None)
    first, late = at(10, 1), at(5, 2)
    desk.write(first)
    desk.now = NOON + timedelta(seconds=12)
    desk.account()
    cursor = desk.cursor()
    assert parse_cursor(cursor).horizon == began.timestamp() * 1_000_000
    desk.write(late)
    rebuild(desk, [first, late])
    assert {record.identifier for record in desk.read(cursor)} >= {late.identifier}


def test_a_run_that_died_holds_it_back_until_a_reparse(desk: Desk) -> None:
    began = NOON + timedelta(seconds=3)
    desk.write_manifest("dead", began_at=began, ended_at=None)
    desk.write(at(10, 1))
    for minutes in (1, 2):
        desk.now = NOON + timedelta(minutes=minutes)
        desk.account()
        assert parse_cursor(desk.cursor()).horizon == began.timestamp() * 1_000_000
    desk.account(has_reparsed=True)
    assert parse_cursor(desk.cursor()).horizon == desk.now.timestamp() * 1_000_000


def test_with_other_rules_a_rebuilt_log_begins_from_the_beginning(desk: Desk) -> None:
    desk.write(at(1, 1))
    desk.now = NOON + timedelta(minutes=1)
    desk.account()
    cursor = desk.cursor()
    desk.definition += "\n# another\n"
    rebuild(desk, [at(1, 1)])
    assert desk.read(cursor) == [], "the reader has what there is, whatever rules made it"
    (desk.collection.path / "remade.sqlite").unlink()
    rebuild(desk, [at(1, 1, headline="as other rules make it")])
    assert list_changes(desk.read(cursor)) == [("1", "new", 2)]


# A log that has lost what a reader knows


def copy_log(desk: Desk, source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def test_a_log_put_back_from_an_older_copy_tells_everything_again(desk: Desk, tmp_path: Path) -> None:
    """Positions are given out a second time; what is there now the reader does not have."""
    log, copy = desk.collection.indexes_dir / FILE_NAME, tmp_path / "copy.sqlite"
    desk.write(at(1, 1), at(2, 2))
    desk.account()
    kept = desk.cursor()
    copy_log(desk, log, copy)
    desk.write(at(3, 1, headline="lost"))
    desk.now += timedelta(minutes=1)
    desk.account()
    beyond = desk.cursor()
    desk.lose_log()
    copy_log(desk, copy, log)
    with desk.open() as opened:
        assert opened.read(parse_cursor(beyond), desk.store)
        assert "restored from an older copy" in opened.find_loss(parse_cursor(beyond))
        assert opened.find_loss(parse_cursor(kept)) == ""
    desk.write(at(2, 3, headline="entered where the lost one stood"))
    desk.now += timedelta(minutes=1)
    desk.account()
    assert list_changes(desk.read(beyond)) == [("2", "new", 1), ("3", "new", 1), ("1", "new", 2)]
    assert list_changes(desk.read(kept)) == [("3", "new", 1), ("1", "updated", 2)]
    made_up = str(replace(parse_cursor(kept), position=888))
    assert list_changes(desk.read(made_up)) == list_changes(desk.read())
    with pytest.raises(CursorError, match="cursor of another collection; take one that an export of news gave"):
        desk.read(str(replace(parse_cursor(kept), owner="00000000")))


def test_a_log_whose_last_entries_are_made_again_as_they_were_goes_on(desk: Desk, tmp_path: Path) -> None:
    log, copy = desk.collection.indexes_dir / FILE_NAME, tmp_path / "copy.sqlite"
    desk.write(at(1, 1))
    desk.account()
    copy_log(desk, log, copy)
    desk.write(at(2, 2))
    desk.account()
    cursor = desk.cursor()
    desk.lose_log()
    copy_log(desk, copy, log)
    desk.account()
    assert desk.read(cursor) == []


def test_what_is_entered_is_synced_with_the_commit(desk: Desk) -> None:
    """Without it a power cut loses what readers were sent: SQLite in WAL mode syncs at checkpoints alone."""
    with desk.open() as log:
        assert log._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_log_of_an_earlier_version_gets_its_digests(desk: Desk) -> None:
    desk.write(at(1, 1), at(2, 2))
    desk.account()
    cursor = desk.cursor()
    plain = str(replace(parse_cursor(cursor), check="", owner=""))
    with closing(sqlite3.connect(desk.collection.indexes_dir / FILE_NAME)) as database:
        database.executescript(
            "DROP VIEW latest; ALTER TABLE change DROP COLUMN chain; PRAGMA user_version = 1; DROP TABLE departure;"
            "ALTER TABLE seen DROP COLUMN address; ALTER TABLE seen DROP COLUMN doubts;"
            "CREATE VIEW latest AS SELECT * FROM change AS this WHERE NOT EXISTS (SELECT 1 FROM change AS later WHERE"
            " later.source = this.source AND later.identifier = this.identifier AND later.position > this.position)"
        )
    assert desk.cursor() == cursor
    desk.write(at(3, 3))
    desk.account()
    assert list_changes(desk.read(cursor)) == list_changes(desk.read(plain)) == [("3", "new", 1)]


def test_one_cursor_holds_the_places_in_many_logs() -> None:
    ours = str(Cursor(position=7, log="0123456789ab", check="0" * 16, owner="00000000"))
    joined = join_cursors({"b": ours, "a.b": START})
    assert split_cursor(joined, ["a.b", "b", "new"]) == {"a.b": START, "b": ours, "new": START}
    assert split_cursor(START, ["a", "b"]) == {"a": START, "b": START}
    assert split_cursor(ours, ["b"]) == {"b": ours}
    with pytest.raises(CursorError, match="of one collection, and several are requested; name the one"):
        split_cursor(ours, ["a", "b"])
    owned = str(replace(parse_cursor(ours), owner=digest_owner("b")))
    assert split_cursor(owned, ["a", "b"]) == {"a": START, "b": owned}
    for text in ("all.", "all.%%%", "all.eyJhIjoxfQ", "all.W10", "x"):
        with pytest.raises(CursorError, match="is not a cursor"):
            split_cursor(text, ["a"])


def test_a_log_made_of_the_ledger_alone_tells_too_much_rather_than_too_little(desk: Desk) -> None:
    desk.write(at(1, 1), at(2, 2))
    desk.now = NOON + timedelta(seconds=10)
    desk.account()
    cursor = desk.cursor()
    desk.write(at(20, 3))
    desk.now = NOON + timedelta(seconds=30)
    desk.lose_log()
    desk.account()
    assert list_changes(desk.read(cursor)) == [("3", "new", 1)]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_reader_ends_with_what_there_is(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Runs, lost logs and interrupted readers in any order: a reader that keeps its cursor never misses a thing."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    held: dict[str, str] = {}
    cursor, pieces, second = START, [], 0
    steps = st.lists(st.sampled_from(["run", "read", "lose", "withdraw"]), min_size=3, max_size=12)
    for step in [*data.draw(steps), "read"]:
        if step == "run":
            for number in data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)):
                second += 1
                pieces.append(at(second, number, headline=f"headline {data.draw(st.integers(0, 2))}"))
                desk.write(pieces[-1])
        elif step == "withdraw" and pieces:
            gone = data.draw(st.sampled_from([piece.identifier for piece in pieces]))
            pieces = [piece for piece in pieces if piece.identifier != gone]
            desk.forget()
            desk.write(*pieces)
        elif step == "lose":
            # What was withdrawn is known to the log alone, so the reader must have been sent it.
            cursor = follow(desk, cursor, held, data.draw)
            desk.lose_log()
        second += 1
        desk.now = NOON + timedelta(seconds=second)
        desk.account()
        if step == "read":
            cursor = follow(desk, cursor, held, data.draw)
    cursor = follow(desk, cursor, held, lambda _: 1)
    assert held == {record.identifier: record.contentHash for record in desk.store.iter_records()}
    assert desk.read(cursor) == []


def follow(desk: Desk, cursor: str, held: dict[str, str], draw: Callable[[st.SearchStrategy[int]], int]) -> str:
    """Read on, page by page."""
    while page := desk.read(cursor, limit=draw(st.integers(1, 3))):
        for record in page:
            assert record.change is not None
            cursor = record.change.cursor
            if record.change.kind == "withdrawn":
                held.pop(record.identifier, None)
            else:
                held[record.identifier] = record.contentHash
    return cursor


# Cursors


@pytest.mark.parametrize("text", ["", "0", "1-2-3-4", "-1-0123456789ab-00000000000000000001-0123456789ab", "start "])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError, match="is not a cursor; take one that an earlier export gave"):
        parse_cursor(text)


@given(st.integers(0, 2**62), st.integers(0, 10**18))
def test_a_cursor_is_read_back(position: int, horizon: int) -> None:
    cursor = Cursor(position=position, log="0123456789ab", horizon=horizon, rules="ba9876543210")
    assert parse_cursor(str(cursor)) == cursor


def test_evidence_of_parts_counts_for_the_place(desk: Desk) -> None:
    desk.write(at(1), at(40, articleBody=""))
    desk.account()
    with closing(sqlite3.connect(desk.collection.indexes_dir / FILE_NAME)) as database:
        (row,) = database.execute("SELECT captured_at, record_id FROM change").fetchall()
    assert row == ("2026-03-04T12:00:40.000000+00:00", "<urn:uuid:40-1>")


# The whole way


def dump_log(data: Data) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(data.collection("newspaper") / "indexes" / FILE_NAME)) as database:
        return database.execute("SELECT * FROM change ORDER BY position").fetchall()


def test_a_reparse_makes_the_log_again_position_by_position(newspaper: Data) -> None:
    before = dump_log(newspaper)
    assert len(before) == 44, "43 posts, one of them in two versions"
    done = run_scrapy("export", "jsonl", "-o", str(newspaper.path / "a.jsonl"), "--json", data=newspaper)
    cursor = json.loads(done.stdout)["cursor"]
    middle = Library(newspaper.path)
    with closing(middle.open_log("newspaper")) as log:
        halfway = [r.change.cursor for r in log.read(Cursor(), middle.open_store("newspaper")) if r.change][20]
    for path in (newspaper.collection("newspaper") / "indexes").glob(FILE_NAME + "*"):
        path.unlink()
    assert run_scrapy("reparse", "newspaper", data=newspaper).returncode == 0
    assert dump_log(newspaper) == before
    with closing(middle.open_log("newspaper")) as log:
        assert list(log.read(parse_cursor(cursor), middle.open_store("newspaper"))) == []
        sent = {record.identifier for record in log.read(parse_cursor(halfway), middle.open_store("newspaper"))}
    assert {row[2] for row in before[21:]} <= sent


def body_of(answer: Answer) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body


def test_changes_over_http_are_a_function(newspaper: Data) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(build_schema("newsreel-changes-1"))
    library = Library(newspaper.path)
    since, found = "", []
    while True:
        answer = answer_changes(library, {"since": since, "limit": "10"})
        assert answer.status == 200
        page = json.loads(body_of(answer))
        check.validate(page)
        assert not check.is_valid(page | {"changes": [{}]})
        found += page["changes"]
        since = page["cursor"]
        if not page["more"]:
            break
    assert len({change["id"] for change in found}) == len(found) == 43
    headers = dict(answer.headers)
    for known in (headers["ETag"], 'W/"x", W/' + headers["ETag"]):
        assert answer_changes(library, {"since": since}, known=known).status == 304
    assert answer_changes(library, {"since": since}, known='"x"').status == 200
    assert headers["Newsreel-Cursor"] == since
    assert answer_changes(library, {"since": "x"}).status == 400
    assert answer_changes(library, {"format": "xml"}).status == 400
    foreign = str(replace(parse_cursor(since), owner="00000000"))
    assert answer_changes(library, {"since": foreign, "collection": "newspaper"}).status == 400
    beyond = answer_changes(library, {"since": str(replace(parse_cursor(since), position=888))})
    assert beyond.status == 410
    assert "read all changes from 'start' and drop posts that do not appear" in json.loads(body_of(beyond))["error"]
    lines = answer_changes(library, {"format": "jsonl", "limit": "1000"})
    assert [json.loads(line)["id"] for line in body_of(lines).splitlines()] == [change["id"] for change in found]
    events = json.loads(body_of(answer_changes(library, {"format": "cloudevents", "limit": "1000"})))
    assert [event["data"] for event in events] == json.loads(body_of(answer_changes(library, {"limit": "1000"})))[
        "changes"
    ]
    waited: list[float] = []
    answer = answer_changes(library, {"since": since, "wait": "3"}, sleep=waited.append)
    assert (answer.status, json.loads(body_of(answer))["changes"], sum(waited)) == (200, [], 3)
    assert answer_changes(library, {"limit": "0"}).status == 400
    unknown = answer_changes(library, {"collection": "nowhere"})
    assert unknown.status == 404
    assert json.loads(body_of(unknown)) == {"error": "there is no collection 'nowhere'; there are newspaper"}


def test_a_reader_of_all_hears_that_a_collection_is_not_there_any_more(tmp_path: Path) -> None:
    for number, name in enumerate(("news", "paper.two", "three")):
        desk = Desk(tmp_path, name)
        desk.write(at(number, number, source=f"s{number}"))
        desk.account()
    library = Library(tmp_path)
    stream = ChangeStream(library)
    since, only = stream.find_end(), ChangeStream(library, "news")
    shutil.rmtree(tmp_path / "collections/three")
    answer = answer_changes(library, {"since": since})
    assert answer.status == 410
    assert "collection three, which is not there any more; read all changes from 'start'" in body_of(answer).decode()
    assert [record.collection for record in stream.read(since)] == ["news", "paper.two"]
    again = stream.find_end()
    assert (stream.find_loss(again), list(stream.read(again))) == ("", [])
    assert (only.find_loss(since), list(only.read(since))) == ("", [])


def test_every_reader_hears_of_a_change_once_it_is_made(tmp_path: Path) -> None:
    """Two collections, followed by a command, by server-sent events over a socket, and by a long poll."""
    data_dir = tmp_path / "data"
    desks = [Desk(data_dir), Desk(data_dir, "paper.two")]
    for number, desk in enumerate(desks, start=1):
        desk.write(at(number, number, source=f"s{number}"))
        desk.account()
    library = Library(data_dir)
    stream = ChangeStream(library)
    since = stream.find_end()
    records = list(stream.read(START))
    assert [record.collection for record in records] == ["news", "paper.two"]
    assert records[-1].change is not None
    assert records[-1].change.cursor == since
    assert list(stream.read(since)) == []
    command = ("export", "--since", "start", "--follow", "--format", "cloudevents")
    follower = start_scrapy(*command, data=data_dir, stdout=subprocess.PIPE)
    app = ViewerApp(data_dir)
    with ReplayServer(app) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked = Request(f"{server.url}changes?since={since}", headers={"Accept": "text/event-stream"})
        with urlopen(asked, timeout=60) as pushed, urlopen(f"{server.url}schema/newsreel-post-2.json") as schema:
            assert follower.stdout is not None
            events = [json.loads(follower.stdout.readline()) for _ in range(2)]
            desks[1].write(at(9, 2, source="s2", headline="again"))
            desks[1].account()
            events.append(json.loads(follower.stdout.readline()))
            lines: list[str] = []
            while not (lines and lines[-1].startswith("data: ")):
                lines.append(pushed.readline().decode().rstrip("\n"))
            polled = answer_changes(library, {"since": since, "wait": "30"})
            checked = json.load(schema)
        server.shutdown()
    follower.send_signal(signal.SIGKILL)
    follower.communicate()
    app.close()
    assert [event["type"] for event in events] == ["newsreel.post.new", "newsreel.post.new", "newsreel.post.updated"]
    assert [event["source"] for event in events] == [
        f"urn:x-newsreel:collection:{n}" for n in ("news", *["paper.two"] * 2)
    ]
    assert len({(event["source"], event["id"]) for event in events}) == 3
    change = json.loads(lines[-1].removeprefix("data: "))
    assert change == events[-1]["data"] == json.loads(body_of(polled))["changes"][0]
    assert lines[-3:-1] == [f"id: {change['cursor']}", "event: post.updated"]
    assert list(stream.read(events[-1]["cursor"])) == [], "what is kept of the last event is enough to continue"
    assert checked["title"] == change["schema"]
