"""A part holds what is requested, to the byte; only revisits without their originals become whole."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archives.__main__ import main
from archives.captures.deduplication import Originals
from archives.captures.revisits import read_resolved
from archives.errors import CollectionError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection
from archives.wacz.pack import unpack_wacz
from archives.wacz.parts import pack_part
from archives.wacz.selection import Selection, parse_bound
from archives.wacz.validate import validate_wacz
from archives.warc.members import HELD_BYTES, iter_members
from archives.warc.messages import split_head
from archives.warc.reader import iter_records
from tests.archives.conftest import BEGAN_AT, build_exchange, build_writer, count_ids

if TYPE_CHECKING:
    from pathlib import Path

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nX-Served: %d\r\n\r\nhello"
CHUNKED = PAGE.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked").replace(b"hello", b"3\r\nabc\r\n0\r\n\r\n")
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'


def crawl(collection: Collection, day: int) -> None:
    """One file a day: a page that stays, one in chunks that stays, one that is only revalidated, and a new one."""
    originals = Originals(collection)
    with build_writer(collection, originals=originals, token=f"d{day}", new_id=count_ids(1000 * day + 1)) as writer:
        writer.write_resource("urn:x-newsreel:source:news", "application/toml", b"name = 'news'")
        tagged = PAGE.replace(b"hello", b"HELLO").replace(b"X-Served", b'ETag: "x"\r\nX-Served') % day
        new = PAGE.replace(b"hello", b"day-%d") % (day, day)
        answers = {"a": PAGE % day, "b": CHUNKED % day, "c": UNCHANGED if day else tagged, f"new-{day}": new}
        for number, (name, answer) in enumerate(answers.items()):
            writer.write(
                build_exchange(
                    url=f"http://news.example/{name}",
                    began_at=BEGAN_AT + timedelta(days=day, seconds=number),
                    raw_request=b'GET / HTTP/1.1\r\nIf-None-Match: "x"\r\n\r\n',
                    raw_response=answer,
                    deviations=("odd-version",) if name == f"new-{day}" else (),
                )
            )
    originals.close()


@pytest.fixture
def papers(tmp_path: Path) -> Collection:
    collection = Collection.open(tmp_path, "news", create=True)
    for day in range(3):
        crawl(collection, day)
    assert verify_collection(collection) == []
    return collection


def take_part(collection: Collection, tmp_path: Path, selection: Selection) -> Collection:
    packed, _ = pack_part(collection, tmp_path / "part.wacz", selection)
    assert validate_wacz(packed.path) == []
    part = Collection(tmp_path / "part")
    unpack_wacz(packed.path, part)
    assert verify_collection(part) == []
    return part


def count_members(collection: Collection) -> Counter[bytes]:
    members: Counter[bytes] = Counter()
    for warc in collection.iter_warcs():
        raw = warc.read_bytes()
        with warc.open("rb") as stream:
            members.update(raw[member.offset : member.offset + member.length] for member in iter_members(stream))
    return members


@pytest.mark.parametrize("held", [HELD_BYTES, 4])
def test_nothing_but_revisits_without_originals_is_changed(
    papers: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    with monkeypatch.context() as patch:
        for module in ("warc.members", "warc.parser", "wacz.parts"):
            patch.setattr(f"archives.{module}.HELD_BYTES", held)
        part = take_part(
            papers, tmp_path, Selection(since=parse_bound("2026-03-05"), until=parse_bound("20260305", is_end=True))
        )

    new = count_members(part) - count_members(papers)
    records = [record for warc in part.iter_warcs() for record in iter_records(warc)]
    told = [record for record in records if b"software: Newsreel\r\n" in record.start and record.type == "metadata"]
    whole = [record for record in told if b"made-whole" in record.start]
    assert len(whole) == 3, "the page, the chunks and the revalidated one"
    assert len(new) == len(told) + len(whole), "every other record is the original's, to the byte"

    with CollectionIndex(papers) as before, CollectionIndex(part) as after:
        meant = {entry.record_id: entry for entry in before.iter_entries() if entry.captured_at.day == 5}
        there = {entry.record_id: entry for entry in after.iter_entries() if entry.url.startswith("http")}
        assert there.keys() == meant.keys()
        for record_id, entry in meant.items():
            one, two = read_resolved(before, entry), read_resolved(after, there[record_id])
            assert (one.url, one.captured_at, one.payload, one.head) == (
                two.url,
                two.captured_at,
                two.payload,
                two.head,
            )
            assert split_head(two.block)[1] == split_head((one.original or one).block)[1]
            assert two.type == "response" and two.payload_digest == one.payload_digest
    requests = [record for record in records if record.type == "request"]
    assert {record.get("WARC-Concurrent-To") for record in requests} == set(meant)
    assert any(b"http-deviation: odd-version" in record.start for record in records), (
        "what is said of a capture goes along"
    )
    assert sum(b"304 Not Modified" in record.start for record in records) == 1


def test_a_revisit_stays_where_its_original_does(papers: Collection, tmp_path: Path) -> None:
    before = count_members(papers)
    part = take_part(papers, tmp_path, Selection(until=datetime(2026, 3, 5, 23, tzinfo=UTC)))
    new = count_members(part) - before
    assert len(new) == 3, "each file says of what it is a part; of the third only the definition is there"
    kinds = Counter(record.type for warc in part.iter_warcs() for record in iter_records(warc))
    assert kinds["revisit"] == 3


def test_addresses_are_chosen_by_a_pattern_and_mistakes_are_reported(
    papers: Collection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "new.wacz"
    assert main(["pack", str(papers.path), "-o", str(target), "--url", r"/new-\d$", "--since", "2026-03-05"]) == 0
    assert "3 WARC files, 5 captures" in capsys.readouterr().out, "two, and the definition in each file"
    for options, words in (
        (("--url", "("), "not a regular expression"),
        (("--since", "soon"), "not a date such as"),
        (("--until", "20260230"), "not an instant"),
        (("--since", "2031"), "no capture of news is selected"),
        (("--source", "nobody"), "no file of news says"),
    ):
        assert main(["pack", str(papers.path), "-o", str(tmp_path / "no.wacz"), *options]) == 2
        assert words in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collections", "new.wacz"]


def test_a_source_is_chosen_by_what_its_files_say(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    for number, source in enumerate(("paper", "paper-two", "paper")):
        info = {"software": "newsreel", "source": source}
        with build_writer(collection, info=info, token=f"t{number}", new_id=count_ids(100 * number + 1)) as writer:
            writer.write(build_exchange(url=f"http://{source}.example/{number}"))
    target = tmp_path / "paper.wacz"
    assert main(["pack", str(collection.path), "-o", str(target), "--source", "paper"]) == 0
    assert validate_wacz(target) == []
    part = Collection(tmp_path / "part")
    unpack_wacz(target, part)
    with CollectionIndex(part) as index:
        assert [entry.url for entry in index.iter_entries()] == ["http://paper.example/0", "http://paper.example/2"]


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2026", "2026-12-31T23:59:59.999999"),
        ("2026-12", "2026-12-31T23:59:59.999999"),
        ("2024-02-29", "2024-02-29T23:59:59.999999"),
        ("2026-03-04T05:06", "2026-03-04T05:06:59.999999"),
        ("20260304050607", "2026-03-04T05:06:07.999999"),
    ],
)
def test_a_bound_holds_the_whole_of_what_it_names(text: str, last: str) -> None:
    assert parse_bound(text, is_end=True).isoformat() == last + "+00:00"


def test_a_damaged_file_is_not_packed_in_part(papers: Collection, tmp_path: Path) -> None:
    warc = next(papers.iter_warcs())
    warc.write_bytes(warc.read_bytes()[:-20])
    with pytest.raises(Exception, match="mend") as caught:
        pack_part(papers, tmp_path / "part.wacz", Selection(since=parse_bound("2026-03-04")))
    assert not isinstance(caught.value, CollectionError) and not (tmp_path / "part.wacz").exists()
