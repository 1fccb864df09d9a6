"""The runs of a day become one file, and posts, their versions and their proofs stay as they were."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.demo_site import Newspaper
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

# Edition 2 corrects it.
CORRECTED = "NW202603041930000402"


def test_posts_versions_and_proofs_are_as_before(tmp_path: Path) -> None:
    data = Data(tmp_path / "data")
    source = tmp_path / "newspaper.toml"
    key = {"ARCHIVE_LOG_KEY": tmp_path / "key.pem"}
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2, 2):  # two of these runs are on one day, even if midnight falls between them
            paper.publish(edition=edition)
            crawled = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK | key)
            assert crawled.returncode == 0, crawled.stderr
    history = ask(data, "history", CORRECTED, "--json")
    assert len(history) == 2
    posts = hash_tree(data.posts("newspaper"))
    assert run_scrapy("merge", "--keep-days", "-1", data=data).returncode == 2
    days = Counter(warc.name.split("-")[-3][:8] for warc in data.warcs("newspaper"))
    files = max(days.values())
    assert files >= 2

    shown = run_scrapy("merge", "--keep-days", "0", "--dry-run", data=data)
    assert (shown.returncode, shown.stdout) == (0, f"newspaper: {files} files would become 1\n")
    assert len(data.warcs("newspaper")) == 3
    done = run_scrapy("merge", "--keep-days", "0", data=data, settings=key)
    assert (done.returncode, done.stdout) == (0, f"newspaper: {files} files became 1\n"), done.stderr
    warcs = {warc.name for warc in data.warcs("newspaper")}
    assert len(warcs) == len(days)
    again = run_scrapy("merge", "--keep-days", "0", data=data, settings=key)
    assert (again.returncode, again.stdout) == (0, "newspaper: nothing to merge\n"), again.stderr

    assert run_scrapy("verify", "newspaper", "--posts", data=data).returncode == 0
    assert ask(data, "history", CORRECTED, "--json") == history
    exported = ask(data, "export", "jsonl", "-o", "-")
    with CollectionIndex(Collection.open(data.path, "newspaper")) as index:
        places = {(entry.filename, entry.offset) for entry in index.iter_entries()}
    assert {row["capture_file"] for row in exported} <= warcs
    assert {(row["capture_file"], row["capture_offset"]) for row in exported} <= places

    assert run_scrapy("reparse", "newspaper", data=data).returncode == 0
    assert ask(data, "history", CORRECTED, "--json") == history
    assert hash_tree(data.posts("newspaper")) == posts


def ask(data: Data, *words: str) -> list[dict[str, object]]:
    done = run_scrapy(*words, data=data)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
