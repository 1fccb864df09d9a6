"""A ledger that an earlier version wrote is rebuilt from the archive, with a sentence, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from crawler.demo_site import Newspaper
from crawler.reparsing.ledger import find_ledger, open_ledger
from pipelines.posts.ledger import VERSION, Ledger, LedgerOutdated
from tests.project import Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8"}
OLD_SCHEMA = """
CREATE TABLE posts (
    source TEXT NOT NULL, identifier TEXT NOT NULL, state TEXT NOT NULL, run TEXT NOT NULL, answered TEXT NOT NULL,
    waits_for TEXT NOT NULL, is_dirty INTEGER NOT NULL, shelved TEXT NOT NULL DEFAULT '',
    claim TEXT NOT NULL DEFAULT '', file TEXT NOT NULL DEFAULT '', PRIMARY KEY (source, identifier)
) WITHOUT ROWID;
CREATE TABLE joined (file TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO joined VALUES ('elsewhere.warc.gz');
"""
# An article that a spider of another project yielded, without an archive.
UNARCHIVED = {
    "source": "mine",
    "identifier": "1",
    "headline": "By hand",
    "datePublished": "2026-03-04T00:00:00+00:00",
    "datePublished_precision": "day",
    "articleBody": "<p>Kept.</p>",
    "capture": None,
}


@pytest.fixture
def old(tmp_path: Path) -> Data:
    """A crawled collection whose ledger is of before."""
    data, source = Data(tmp_path / "data"), tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW)
        assert done.returncode == 0, done.stderr
    path = find_ledger(Collection.open(data.path, "newspaper"))
    for part in path.parent.glob("ledger.sqlite*"):
        part.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD_SCHEMA)
        row = ("mine", "1", json.dumps(UNARCHIVED), "", "", "", 0)
        database.execute(
            "INSERT INTO posts (source, identifier, state, run, answered, waits_for, is_dirty) VALUES (?,?,?,?,?,?,?)",
            row,
        )
        database.commit()
    return data


@pytest.mark.parametrize(
    "command", [["export", "jsonl", "-o", "-"], ["history", "NW202603041930000402"], ["verify", "newspaper"]]
)
def test_the_first_command_that_needs_it_makes_it_again(old: Data, command: list[str]) -> None:
    before = hash_tree(old.posts("newspaper"))
    done = run_scrapy(*command, data=old)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("was written by an earlier version; it is rebuilt from the archive") == 1
    after = hash_tree(old.posts("newspaper"))
    assert before.items() <= after.items()
    with closing(open_ledger(Collection.open(old.path, "newspaper"))) as ledger:
        assert len(ledger.list_files()) == 42
        assert ledger.list_joined() == {"elsewhere.warc.gz"}
        kept = ledger.find_post(("mine", "1"))
        assert kept is not None
        assert (kept.headline, kept.articleBody) == ("By hand", "<p>Kept.</p>")
    assert "rebuilt" not in run_scrapy(*command, data=old).stderr


def test_a_ledger_of_a_later_version_is_refused(old: Data) -> None:
    path = find_ledger(Collection.open(old.path, "newspaper"))
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(LedgerOutdated, match="a later version"):
        Ledger(path)
    done = run_scrapy("export", "jsonl", "-o", "-", data=old)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "a later version" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("is_there", [False, True], ids=["deleted", "empty"])
def test_no_reader_is_told_that_the_posts_of_a_lost_ledger_are_withdrawn(old: Data, is_there: bool) -> None:
    path = find_ledger(Collection.open(old.path, "newspaper"))
    for part in path.parent.glob("ledger.sqlite*"):
        part.unlink()
    if is_there:
        path.touch()
    for words in ("jsonl -o -", "jsonl -o - --since start", "--since start --follow", "--follow"):
        done = run_scrapy("export", *words.split(), data=old)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("run 'scrapy reparse newspaper', which makes it from the archive\n")
        assert "Traceback" not in done.stderr
    done = run_scrapy("reparse", "newspaper", "--diff", data=old)
    assert "0 posts before, 41 after" in done.stdout
    run_scrapy("reparse", "newspaper", data=old)
    done = run_scrapy("export", "jsonl", "-o", "-", "--since", "start", data=old)
    assert [json.loads(line)["change"] for line in done.stdout.splitlines()] == ["new"] * 41
