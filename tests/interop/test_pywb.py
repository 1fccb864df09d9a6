"""Tools that other people wrote open a real crawl as it is on disk: pywb shows it, warcio and FastWARC read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from warcio.archiveiterator import ArchiveIterator

from archives.captures.revisits import read_resolved
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.storage.collection import Collection
from archives.wacz.pack import unpack_wacz
from archives.wacz.validate import validate_wacz
from archives.warc.digests import build_digest
from archives.warc.reader import Record, iter_records, read_record
from crawler.demo_site import Newspaper
from tests.interop.pywb import PYWB, get, needs_pywb, serve
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.index.cdxj import IndexEntry


@dataclass(frozen=True, slots=True)
class Crawl:
    """A crawl of the newspaper's two editions."""

    data: Data
    base_url: str

    @property
    def collection(self) -> Collection:
        return Collection.open(self.data.path, "newspaper")

    def list_articles(self) -> list[IndexEntry]:
        """Captured article pages, by address: one coded in each way that the paper knows."""
        entries = CollectionIndex(self.collection).iter_entries()
        found = {entry.url: entry for entry in entries if "/2026/" in entry.url and entry.status == 200}
        return [found[url] for url in sorted(found)]

    def read_body(self, entry: IndexEntry) -> bytes:
        """The body as a reader would see it, both codings undone by our own reader."""
        return read_resolved(CollectionIndex(self.collection), entry).decode(max_bytes=1_000_000)


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    data = Data(tmp_path_factory.mktemp("pywb"))
    with Newspaper() as paper:
        source = data.path / "newspaper.toml"
        source.write_text(paper.source_toml(), "utf-8")
        for edition in (1, 2):
            paper.publish(edition=edition)
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
            assert done.returncode == 0, done.stderr
        return Crawl(data, paper.base_url)


@pytest.fixture(scope="module")
def pywb(crawl: Crawl) -> Iterator[str]:
    with serve(crawl.data.path) as address:
        yield address


@needs_pywb
def test_pywb_finds_captures_in_our_sidecars(crawl: Crawl, pywb: str) -> None:
    """The ledger, which lies among the sidecars, does not disturb it."""
    for entry in crawl.list_articles():
        status, body = get(f"{pywb}/newspaper/cdx?url={quote(entry.url, safe='')}&output=json")
        assert status == 200
        listed = [json.loads(line) for line in body.decode().splitlines()]
        places = {(line["filename"], int(line["offset"]), int(line["length"])) for line in listed}
        assert (entry.filename, entry.offset, entry.length) in places
        assert {line["digest"] for line in listed if int(line["offset"]) == entry.offset} >= {entry.digest}


@needs_pywb
def test_a_collection_is_filled_from_its_cdx_server_and_replay(crawl: Crawl, pywb: str, tmp_path: Path) -> None:
    """Each article once, as it was last, and as what it is: a memento of that server."""
    data = Data(tmp_path)
    source = crawl.data.path / "newspaper.toml"
    settings = {"BACKFILL_CDX": f"{pywb}/newspaper/cdx", "BACKFILL_DELAY": 0}
    done = run_scrapy("backfill", str(source), data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    filled = Crawl(data, crawl.base_url)
    assert [entry.url for entry in filled.list_articles()] == [entry.url for entry in crawl.list_articles()]
    for theirs, ours in zip(crawl.list_articles(), filled.list_articles(), strict=True):
        assert filled.read_body(ours) == crawl.read_body(theirs)
        record = read_record(filled.collection.archive_dir / ours.filename, ours.offset)
        assert (record.get("WARC-Source-URI") or "").startswith(f"{pywb}/newspaper/")


@needs_pywb
def test_pywb_gives_the_bytes_back(crawl: Crawl, pywb: str) -> None:
    """Chunked, gzip, deflate, HTTP/1.0, folded and misspelt heads: the body is what our reader makes of it."""
    articles = crawl.list_articles()
    assert len(articles) > 30
    for entry in articles:
        status, body = get(f"{pywb}/newspaper/{entry.timestamp}id_/{entry.url}")
        assert (entry.url, status) == (entry.url, 200)
        assert body == crawl.read_body(entry), entry.url


@needs_pywb
def test_pywb_replays_what_was_not_kept_twice(crawl: Crawl, pywb: str) -> None:
    entries = CollectionIndex(crawl.collection).iter_entries()
    revisits = [entry for entry in entries if entry.mime == REVISIT_MIME]
    assert {entry.status for entry in revisits} == {200, None}
    assert len(revisits) > 10
    for entry in revisits:
        assert get(f"{pywb}/newspaper/{entry.timestamp}id_/{entry.url}") == (200, crawl.read_body(entry))


@needs_pywb
def test_pywb_shows_a_page_with_its_links_inside_the_archive(crawl: Crawl, pywb: str) -> None:
    entry = crawl.list_articles()[0]
    status, body = get(f"{pywb}/newspaper/{entry.timestamp}mp_/{entry.url}")
    assert status == 200
    assert b"wombat" in body
    story = crawl.read_body(entry).partition(b"<h1")[2].partition(b"</h1>")[0]
    assert story
    assert story in body


@needs_pywb
def test_pywb_manages_the_collection_directory_as_it_is(crawl: Crawl, tmp_path: Path) -> None:
    """`wb-manager list` knows it, and an index that pywb builds itself finds the same captures."""
    data = tmp_path / "data"
    shutil.copytree(crawl.data.path, data, ignore=shutil.ignore_patterns("*.cdxj", "ledger*"))
    manager = str(Path(PYWB, "wb-manager"))
    listed = subprocess.run([manager, "list"], cwd=data, capture_output=True, text=True, check=True)
    assert "newspaper" in listed.stdout + listed.stderr
    subprocess.run([manager, "reindex", "newspaper"], cwd=data, capture_output=True, check=True)
    (index,) = (data / "collections/newspaper/indexes").glob("*.cdxj")
    theirs = {line.split(" ", 2)[0] for line in index.read_text("utf-8").splitlines()}
    ours = {entry.urlkey for entry in CollectionIndex(crawl.collection).iter_entries() if entry.url.startswith("http")}
    assert ours <= theirs


def test_a_packed_crawl_lists_its_posts_by_their_headlines(crawl: Crawl, tmp_path: Path) -> None:
    target = tmp_path / "newspaper.wacz"
    done = run_scrapy("pack", "newspaper", "-o", str(target), data=crawl.data)
    assert done.returncode == 0, done.stderr
    assert validate_wacz(target) == []
    with zipfile.ZipFile(target) as archive:
        _, *pages = map(json.loads, archive.read("pages/pages.jsonl").splitlines())
    posts = sorted(crawl.data.posts("newspaper").glob("*.md"))
    # A page that was captured in both editions is there twice.
    assert len({page["url"] for page in pages}) == len(posts) <= len(pages)
    titles = {json.loads(path.read_text("utf-8").splitlines()[2].removeprefix("title: ")) for path in posts}
    assert {page["title"] for page in pages} >= titles
    assert {entry.url for entry in crawl.list_articles()} <= {page["url"] for page in pages}


def test_a_packed_crawl_makes_the_same_posts_elsewhere(crawl: Crawl, tmp_path: Path) -> None:
    """With nothing but the WACZ file: the definition of the source is in it, too."""
    target, there = tmp_path / "newspaper.wacz", Data(tmp_path / "there")
    assert run_scrapy("pack", "newspaper", "-o", str(target), data=crawl.data).returncode == 0
    unpack_wacz(target, Collection(there.collection("newspaper")))
    done = run_scrapy("reparse", "newspaper", data=there)
    assert done.returncode == 0, done.stderr
    posts = hash_tree(there.posts("newspaper"))
    assert len(posts) > 30
    assert posts == hash_tree(crawl.data.posts("newspaper"))


def is_chunked(record: Record) -> bool:
    head = record.block.partition(b"\r\n\r\n")[0].lower()
    return record.type == "response" and b"transfer-encoding: chunked" in head


def test_warcio_reads_every_file(crawl: Crawl) -> None:
    for path in crawl.collection.iter_warcs():
        with path.open("rb") as stream:
            theirs = [
                (record.rec_headers.get_header("WARC-Record-ID"), record.raw_stream.read())
                for record in ArchiveIterator(stream, no_record_parse=True)
            ]
        assert theirs == [(record.record_id, record.block) for record in iter_records(path)]


def test_warcio_index_lists_every_record(crawl: Crawl) -> None:
    for path in crawl.collection.iter_warcs():
        done = run_warcio("index", "-f", "offset,warc-type", str(path))
        offsets = [int(json.loads(line)["offset"]) for line in done.stdout.splitlines()]
        assert offsets == [record.offset for record in iter_records(path)]


def test_warcio_check_objects_to_chunked_payload_digests_and_to_nothing_else(crawl: Crawl) -> None:
    """It digests the chunks with their framing, where the standard means what they carry; see verification.md."""
    for path in crawl.collection.iter_warcs():
        done = run_warcio("check", "-v", str(path), expect=1)
        verdicts: dict[str, list[str]] = {}
        record_id = ""
        for line in done.stdout.splitlines():
            if "WARC-Record-ID" in line:
                record_id = line.split("WARC-Record-ID ", 1)[1].split(" ")[0]
            elif line.startswith("    "):
                verdicts.setdefault(record_id, []).append(line.strip().rpartition(" sha1:")[0] or line.strip())
        passed = (["digest pass"], ["digest present but not checked (revisit)"])
        failed = {name: words for name, words in verdicts.items() if words not in passed}
        chunked = {record.record_id for record in iter_records(path) if is_chunked(record)}
        assert chunked
        assert failed == {record_id: ["payload digest failed"] for record_id in chunked}


def run_warcio(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", "warcio.cli", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stderr
    return done


def test_fastwarc_confirms_every_block_digest(crawl: Crawl) -> None:
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    for path in crawl.collection.iter_warcs():
        with path.open("rb") as stream:
            records = fastwarc.ArchiveIterator(stream, parse_http=False)
            theirs = [(record.record_id, record.verify_block_digest()) for record in records]
        assert theirs == [(record.record_id, True) for record in iter_records(path)]


def test_fastwarc_objects_to_chunked_payload_digests_and_to_revisits(crawl: Crawl) -> None:
    """It looks for a revisit's payload in the revisit. The definition that we archive is no HTTP and is passed over."""
    fastwarc = pytest.importorskip("fastwarc.warc", reason="fastwarc is not installed")
    for path in crawl.collection.iter_warcs():
        with path.open("rb") as stream:
            failed = {
                record.record_id
                for record in fastwarc.ArchiveIterator(stream, parse_http=True)
                if record.is_http and "WARC-Payload-Digest" in record.headers and not record.verify_payload_digest()
            }
        expected = (record for record in iter_records(path) if is_chunked(record) or record.type == "revisit")
        assert failed == {record.record_id for record in expected}


def test_stated_digests_are_those_of_the_bytes(crawl: Crawl) -> None:
    """What the other tools are measured against: our own digests, computed from blocks read by none of them."""
    for path in crawl.collection.iter_warcs():
        for record in iter_records(path):
            assert record.get("WARC-Block-Digest") == build_digest(record.block)
