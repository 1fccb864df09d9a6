"""An article forgotten in a real collection: no byte of it is left, and nothing brings it back."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.erasure.register import load_register
from archives.index.catalogue import CollectionIndex
from archives.index.cold import write_cold_index
from archives.storage.collection import Collection
from archives.transfer.importing import add_stream
from archives.urls import VIEW_PREFIX, surt_key
from archives.warc.reader import iter_records
from crawler.demo_site import Newspaper
from tests.crawler.publishing.grep import find_words
from tests.project import LOOPBACK, Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WORDS = b"74 stars"
ARTICLE = "NW202602251315000305"
# Exports of every kind that is kept up to date, and a receiver that is away, so that its deliveries wait.
EXPORTS = (
    "".join(
        f'[[export]]\nformat = "{name}"\npath = "public/{path}"\n'
        for name, path in [
            ("jsonl", "posts.jsonl"),
            ("csv", "posts.csv"),
            ("sqlite", "posts.sqlite"),
            ("parquet", "posts.parquet"),
            ("feeds", "feeds"),
            ("jekyll", "site"),
        ]
    )
    + '[[webhook]]\nurl = "http://127.0.0.1:9/"\nsecret_env = "NEWSREEL_SECRET"\n'
)


def crawl(data: Data, paper: Newspaper, more: Mapping[str, object] = {}, *, resume: bool = True) -> str:
    data.path.mkdir(exist_ok=True)
    source = data.path / "newspaper.toml"
    source.write_text(paper.source_toml(), "utf-8")
    options = LOOPBACK | dict(more) | ({} if resume else {"FRONTIER_RESUME": False, "REVALIDATE_ENABLED": False})
    done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=options)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def paper():
    with Newspaper() as served:
        served.publish(edition=1)
        yield served


def test_no_byte_is_left_and_nothing_brings_it_back(
    tmp_path: Path, paper: Newspaper, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Data(tmp_path / "data")
    (tmp_path / "exports.toml").write_text(EXPORTS, "utf-8")
    monkeypatch.setenv("NEWSREEL_SECRET", "secret")
    exports = {"EXPORTS_FILE": tmp_path / "exports.toml"}
    crawl(data, paper, exports)
    posts = len(list(data.posts("newspaper").glob("*.md")))
    before = find_words(tmp_path, WORDS)
    assert {"all.atom", "ledger.sqlite", "part-00000.parquet", "posts.csv", "posts.jsonl", "posts.sqlite"} <= set(
        before
    )
    assert "webhooks.sqlite" in before
    assert {name.partition("-")[0] for name in before if name.endswith(".warc.gz")} == {"newspaper"}

    write_cold_index(Collection.open(data.path, "newspaper"))
    assert "cold.parquet" in find_words(tmp_path, ARTICLE.encode())

    shown = run_scrapy("forget", ARTICLE, "--dry-run", data=data)
    assert (shown.returncode, "Counting stars" in shown.stdout) == (0, True)
    asked = run_scrapy("forget", ARTICLE, data=data)
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert len(list(data.posts("newspaper").glob("*.md"))) == posts

    done = run_scrapy("forget", ARTICLE, "--yes", "--reason", "case 7", data=data, settings=exports)
    assert done.returncode == 0, done.stderr
    assert find_words(tmp_path, WORDS) == []
    assert "cold.parquet" not in find_words(tmp_path, ARTICLE.encode())
    packed = run_scrapy("pack", "newspaper", "-o", str(tmp_path / "later.wacz"), data=data)
    assert packed.returncode == 0, packed.stderr
    assert len(list(data.posts("newspaper").glob("*.md"))) == posts - 1
    verified = run_scrapy("verify", "newspaper", "--posts", data=data)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    changes = run_scrapy("export", "jsonl", "-o", "-", "--since", "start", data=data)
    assert [line for line in changes.stdout.splitlines() if '"erased"' in line and ARTICLE in line]

    assert "'erased/not_asked': 1" in crawl(data, paper, resume=False)
    assert find_words(tmp_path, WORDS) == []
    assert run_scrapy("reparse", "newspaper", data=data).returncode == 0
    assert len(list(data.posts("newspaper").glob("*.md"))) == posts - 1
    with CollectionIndex(Collection.open(data.path, "newspaper")) as index:
        assert not [entry.url for entry in index.iter_entries() if ARTICLE in surt_key(entry.url)]
    assert run_scrapy("verify", "newspaper", "--posts", data=data).returncode == 0


def test_the_picture_of_a_page_goes_with_it(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    with WarcWriter(collection, info={}, prefix="news") as writer:
        for page in ("http://a.example/1", "http://a.example/2"):
            writer.write_resource(f"{VIEW_PREFIX}{page}", "image/png", b"PNG of " + page.encode())
    done = run_scrapy("forget", "http://a.example/1", "--yes", data=Data(tmp_path))
    assert done.returncode == 0, done.stderr
    blocks = [record.block for warc in Data(tmp_path).warcs("news") for record in iter_records(warc)]
    assert [block for block in blocks if b"PNG of" in block] == [b"PNG of http://a.example/2"]


def test_a_refusal_changes_nothing_and_asks_for_no_other_try(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    with WarcWriter(Collection.open(tmp_path / "other", "news", create=True), info={}, prefix="news") as writer:
        for page in ("http://a.example/1", "http://a.example/2"):
            writer.write_resource(page, "text/plain", page.encode())
    (written,) = Data(tmp_path / "other").warcs("news")
    add_stream(collection, "whole.warc.gz", BytesIO(gzip.compress(gzip.decompress(written.read_bytes()))))
    done = run_scrapy("forget", "http://a.example/1", "--yes", data=Data(tmp_path))
    assert done.returncode == 1
    assert done.stderr.endswith('"python -m archives mend" writes a copy in which each record has its own\n')
    assert not load_register(collection)


def test_what_nobody_knows_is_no_erasure(tmp_path: Path, paper: Newspaper) -> None:
    data = Data(tmp_path)
    crawl(data, paper)
    before = {path: path.read_bytes() for path in data.warcs("newspaper")}
    done = run_scrapy("forget", f"{paper.base_url}/no/such", "--yes", data=data)
    assert (done.returncode, "/no/such" in done.stderr) == (1, True)
    assert run_scrapy("forget", data=data).returncode == 2
    assert run_scrapy("forget", "--pattern", "(", "--yes", data=data).returncode == 2
    assert {path: path.read_bytes() for path in data.warcs("newspaper")} == before


def test_a_pattern_forgets_many(tmp_path: Path, paper: Newspaper) -> None:
    data = Data(tmp_path)
    crawl(data, paper)
    posts = {path.name for path in data.posts("newspaper").glob("*.md")}
    meant = {name for name in posts if name.startswith("2026-02-12")}
    assert len(meant) > 1
    done = run_scrapy("forget", "--pattern", "NW20260212", "--yes", data=data)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in data.posts("newspaper").glob("*.md")} == posts - meant
    assert run_scrapy("verify", "newspaper", "--posts", data=data).returncode == 0
