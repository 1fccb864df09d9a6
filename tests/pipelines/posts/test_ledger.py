"""A ledger is a set of statements: the ledger of an archive is the ledgers of its parts, united in any order."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Statement, load_post
from pipelines.posts.ledger import VERSION, Ledger, LedgerOutdated
from pipelines.posts.options import PostOptions
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEXT = "<p>" + " ".join(f"The tide of day {number} came late." for number in range(40)) + "</p>"
KEY = ("news", "shared")


def build(identifier: str, minute: int, *, origin: Origin = Origin.ARTICLE, **values: object) -> Statement:
    capture = CaptureRef(
        record_id=f"<urn:uuid:{minute:04}>",
        captured_at=NOON + timedelta(minutes=minute),
        payload_digest="sha1:AAAA",
        file="news.warc.gz",
        offset=minute,
    )
    defaults: dict[str, object] = {
        "headline": f"Tide {minute}",
        "datePublished": NOON,
        "datePublished_precision": Precision.SECOND,
    }
    return Statement(
        source="news",
        identifier=identifier,
        origin=origin,
        capture=capture,
        is_normalised=True,
        **(defaults | values),  # type: ignore[arg-type]
    )


# What three parts of an archive state: one article in all of them, one that waits for its text, one that no other part
# knows in each, and one of which a capture said nothing.
PARTS = [
    [
        build("shared", 1, articleBody=TEXT),
        build("waits", 2, waits_for=Origin.TEXT),
        build("own-1", 3, articleBody=TEXT),
        build("silent", 9, is_silent=True),
    ],
    [build("shared", 4, articleBody=TEXT + "<p>More.</p>"), build("own-2", 5, articleBody=TEXT)],
    [
        build("shared", 6),
        build("waits", 7, articleBody=TEXT, origin=Origin.TEXT),
        build("own-3", 8),
        build("waits", 2, waits_for=Origin.TEXT),
        build("silent", 10, is_silent=True, origin=Origin.TEXT),
    ],
]


def settle_due(ledger: Ledger) -> None:
    """What a reparse does with its ledger."""
    for key in ledger.iter_due(also_waiting=True):
        with suppress(PostRefused):
            ledger.record_settled(settle(ledger.list_statements(key), PostOptions()))


def read_rows(path: Path, *queries: str) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return [sorted(database.execute(query).fetchall()) for query in queries]


def read_set(path: Path) -> list[list[tuple[object, ...]]]:
    """Everything that a ledger knows, but for the numbers that are of one file only."""
    return read_rows(
        path,
        "SELECT source, identifier, said, captured_at, record_id, file, offset FROM statements"
        " JOIN sightings ON statement = number",
        "SELECT source, identifier, answered, waits_for, due > 0 FROM posts",
    )


def test_parts_unite_to_what_one_ledger_would_say(tmp_path: Path) -> None:
    whole = Ledger(tmp_path / "whole")
    for number, part in enumerate(PARTS):
        ledger = Ledger(tmp_path / f"part{number}")
        for statement in part:
            ledger.add(statement)
            whole.add(statement)
        settle_due(ledger)
        ledger.close()
    settle_due(whole)
    duplicates = {identifier: whole.list_duplicates(("news", identifier)) for identifier in ("own-1", "own-3", "waits")}
    assert [duplicate.key[1] for duplicate in duplicates["own-1"]] == ["own-2", "shared", "waits"]
    assert duplicates["own-3"] == []
    posts = {key: whole.find_post(key) for key in whole.iter_keys()}
    assert [key[1] for key, post in posts.items() if post is None] == ["own-3", "silent"]
    whole.close()
    for order in permutations(range(3)):
        path = tmp_path / "-".join(map(str, order))
        united = Ledger(path)
        for number in order:
            united.unite(tmp_path / f"part{number}")
        settle_due(united)
        assert {key: united.find_post(key) for key in united.iter_keys()} == posts
        for identifier, expected in duplicates.items():
            assert united.list_duplicates(("news", identifier)) == expected
        united.close()
        assert read_set(path) == read_set(tmp_path / "whole")


def test_what_is_stated_after_a_part_was_settled_is_not_passed_over(tmp_path: Path) -> None:
    part, whole = Ledger(tmp_path / "part"), Ledger(tmp_path / "whole")
    part.add(build("shared", 1, articleBody=TEXT))
    settle_due(part)
    part.add(build("shared", 2, articleBody=TEXT))
    whole.unite(tmp_path / "part")
    filing = whole.find_filing(KEY)
    assert filing is not None
    assert not filing.is_settled
    settle_due(whole)
    filing = whole.find_filing(KEY)
    assert filing is not None
    assert filing.is_settled
    assert load_post(filing.state).headline == "Tide 2"
    part.close()
    whole.close()


def test_a_part_is_united_without_a_look_at_all_the_other_articles(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "part", is_scratch=True)) as part:
        part.add(build("small", 1))

    def count_steps(articles: int) -> int:
        with closing(Ledger(tmp_path / f"{articles}", is_scratch=True)) as whole:
            for number in range(articles):
                whole.add(build(f"{number:04}", number))
            steps: list[None] = []
            whole._database.set_progress_handler(lambda: steps.append(None), 10)
            whole.unite(tmp_path / "part")
            return len(steps)

    assert count_steps(400) < 1.5 * count_steps(40)


def test_an_unchanged_page_is_one_statement_with_every_capture_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    said = build("shared", 0, headline="Tide", articleBody=TEXT)
    seen = [replace(said, capture=build("shared", minute).capture) for minute in (3, 1, 2)]
    for statement in [*seen, seen[0]]:
        ledger.add(statement)
    (latest,) = ledger.list_statements(KEY)
    assert latest.earliest == (seen[1].at, seen[1].capture.record_id if seen[1].capture else "")
    assert replace(latest, earliest=None) == seen[0]
    assert ledger.list_sightings(KEY) == [seen[1], seen[2], seen[0]]
    ledger.close()
    assert read_rows(tmp_path / "ledger", "SELECT count(*) FROM statements", "SELECT count(*) FROM sightings") == [
        [(1,)],
        [(3,)],
    ]


def test_only_a_new_statement_or_sighting_makes_a_post_due(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    said = build("shared", 1, articleBody=TEXT)
    ledger.add(said)
    assert list(ledger.iter_due()) == [KEY]
    ledger.record_filed(settle([said], PostOptions()), "new")
    filing = ledger.find_filing(KEY)
    assert filing is not None
    assert filing.outcome == "new"
    ledger.add(said)
    ledger.add(build("shared", 5, is_silent=True))
    assert list(ledger.iter_due()) == []
    ledger.add(build("shared", 2, articleBody=TEXT))
    assert list(ledger.iter_due()) == [KEY]
    ledger.record_refusal(KEY)
    assert list(ledger.iter_due()) == []
    ledger.close()


def test_a_ledger_tells_what_was_stated_until_an_instant(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    for minute, headline in ((1, "One"), (2, "Two"), (3, "One")):
        ledger.add(build("shared", minute, headline=headline, articleBody=TEXT))

    def read(minutes: float) -> list[tuple[str, str]]:
        statements = ledger.list_statements(KEY, until=NOON + timedelta(minutes=minutes))
        return sorted((said.headline, said.capture.record_id) for said in statements if said.capture)

    assert read(0.5) == []
    assert read(1) == [("One", "<urn:uuid:0001>")]
    assert read(2.5) == [("One", "<urn:uuid:0001>"), ("Two", "<urn:uuid:0002>")]
    assert read(3) == [("One", "<urn:uuid:0003>"), ("Two", "<urn:uuid:0002>")]
    versions = [
        settle(ledger.list_statements(KEY, until=NOON + timedelta(minutes=minute)), PostOptions()).headline
        for minute in (1, 2, 3)
    ]
    assert versions == ["One", "Two", "One"]
    ledger.close()


def test_what_no_archive_holds_is_kept_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    foreign = replace(build("shared", 1, origin=Origin.FOREIGN), capture=None)
    ledger.add(foreign)
    ledger.add(build("shared", 1))
    assert list(ledger.iter_unarchived()) == [foreign]
    assert ledger.list_statements(KEY, until=NOON) == [foreign]
    ledger.forget("news")
    assert list(ledger.iter_keys()) == list(ledger.iter_unarchived()) == ledger.list_statements(KEY) == []
    ledger.close()


OLD_SCHEMA = """
CREATE TABLE posts (source TEXT NOT NULL, identifier TEXT NOT NULL, state TEXT NOT NULL, is_dirty INTEGER NOT NULL,
    PRIMARY KEY (source, identifier)) WITHOUT ROWID
"""


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (OLD_SCHEMA, "was written by an earlier version; reparse the collection"),
        (f"PRAGMA user_version = {VERSION + 1}", "was written by a later version; use the version that wrote it"),
    ],
)
def test_a_ledger_of_another_version_is_refused_with_its_remedy(tmp_path: Path, made: str, sentence: str) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(made)
    before = read_rows(path, "SELECT name FROM sqlite_master")
    with pytest.raises(LedgerOutdated) as outdated:
        Ledger(path)
    assert str(outdated.value).startswith(f"{path} {sentence}")
    assert (outdated.value.path, outdated.value.is_newer) == (path, "later" in sentence)
    assert read_rows(path, "SELECT name FROM sqlite_master") == before


def test_a_new_ledger_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def open_one(path: Path) -> None:
        try:
            Ledger(path).close()
        except Exception as error:  # noqa: BLE001 (shown by the test)
            failed.append(error)

    for number in range(10):
        threads = [threading.Thread(target=open_one, args=(tmp_path / str(number),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


def test_a_ledger_can_be_opened_while_another_process_writes(tmp_path: Path) -> None:
    writer = Ledger(tmp_path / "ledger")
    with writer.exclusive():
        began = datetime.now(UTC)
        Ledger(tmp_path / "ledger").close()
    assert datetime.now(UTC) - began < timedelta(seconds=20)
    writer.close()


def test_a_writer_is_waited_for_when_a_ledger_gets_its_log(tmp_path: Path) -> None:
    """SQLite itself does not wait there."""
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as writer:
        writer.executescript("CREATE TABLE other (a); BEGIN IMMEDIATE; INSERT INTO other VALUES (1)")
        timer = threading.Timer(0.3, writer.execute, ["COMMIT"])
        timer.start()
        with closing(Ledger(path)) as ledger:
            assert ledger._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        timer.join()
