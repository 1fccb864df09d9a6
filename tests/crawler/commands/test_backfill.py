"""What others captured becomes captures and posts of ours, and says whose it is."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.warc.reader import iter_records
from archives.warc.records import Exchange, RecordType
from tests.project import ARTICLE_PARSER, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

    from archives.warc.parser import Record

SITE = "http://weir.example"
SOURCE = f"""
name = "weir"
timezone = "UTC"
scope = ["{SITE}/"]
seeds = ["{SITE}/"]
[links]
article = ['/a/(?P<id>\\d+)$']
{ARTICLE_PARSER}"""
FIELDS = ["urlkey", "timestamp", "original", "mimetype", "statuscode", "digest", "length"]
HTML = [("Content-Type", "text/html")]


def build_page(number: int, text: str = "The text") -> bytes:
    return f"<h1>Article {number}</h1><time>2019-03-04 10:00</time><div><p>{text} of {number}.</p></div>".encode()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weir.toml"
    path.write_text(SOURCE, "utf-8")
    return path


@pytest.fixture
def warc(tmp_path: Path) -> Path:
    """A file of another crawler: two articles of ours among pages of others."""
    collection = Collection.open(tmp_path / "others", "news", create=True)
    urls = [f"{SITE}/a/1", "http://other.example/a/1", f"{SITE}/about", f"{SITE}/a/2"]
    with closing(WarcWriter(collection, info={"software": "Somebody/1.0"}, prefix="CC-NEWS")) as writer:
        for number, url in enumerate(urls):
            writer.write(
                Exchange(
                    url=url,
                    began_at=datetime(2019, 3, 5, number, tzinfo=UTC),
                    raw_request=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                    raw_response=build_response(build_page(number), headers=HTML),
                )
            )
    return next(iter(collection.iter_warcs()))


def list_records(data: Data) -> list[Record]:
    return [record for path in data.warcs("weir") for record in iter_records(path)]


def count_posts(data: Data) -> int:
    return len(list(data.posts("weir").glob("*.md")))


@pytest.mark.parametrize("is_served", [False, True])
def test_captures_of_a_source_are_taken_out_of_a_file_as_they_are(
    data: Data, source: Path, warc: Path, is_served: bool
) -> None:
    theirs = {record.record_id: record.block for record in iter_records(warc)}
    with WireServer({f"/crawl/{warc.name}": build_response(warc.read_bytes())}) as server:
        given = f"{server.base_url}/crawl/{warc.name}" if is_served else str(warc)
        done = run_scrapy("backfill", str(source), given, data=data)
        assert done.returncode == 0, done.stderr
        assert "2 captures of weir" in done.stdout
        assert "0 captures of weir" in run_scrapy("backfill", str(source), given, data=data).stdout
    assert count_posts(data) == 2
    records = list_records(data)
    kept = [record for record in records if record.record_id in theirs]
    assert [record.type for record in kept].count(RecordType.RESPONSE) == 2
    assert [record.type for record in kept].count(RecordType.REQUEST) == 2
    assert all(record.block == theirs[record.record_id] for record in kept)
    notes = b"".join(record.block for record in records if record.type == RecordType.METADATA)
    assert f"part-of: {given if is_served else warc.name}\r\n".encode() in notes
    assert run_scrapy("verify", "weir", data=data).returncode == 0


def build_answers(style: str) -> dict[str, bytes]:
    """Answers to the pages of a query: three captures of an article, the last of them a 404, and one of another."""
    listed = [("2019", "1", "200"), ("2020", "1", "200"), ("2021", "1", "404"), ("2019", "2", "200")]
    rows = [["k", f"{year}0304100000", f"{SITE}/a/{n}", "text/html", status, "D", "9"] for year, n, status in listed]
    if style == "rows":
        first: list[list[str]] = [FIELDS, *rows[:3], [], ["next+page"]]
        return {"": json.dumps(first).encode(), "next+page": json.dumps([FIELDS, rows[3]]).encode()}
    names = ["urlkey", "timestamp", "url", "mime", "status", "digest", "length"]
    return {"": "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows).encode()}


class WebArchive(WireServer):
    """Lists captures and replays them, as the Wayback Machine does."""

    def __init__(self, style: str) -> None:
        super().__init__({})
        for key, body in build_answers(style).items():
            query = "url=http%3A%2F%2Fweir.example%2F&matchType=prefix&output=json&limit=5000&showResumeKey=true"
            query += "&resumeKey=next%2Bpage" if key else ""
            self.routes[f"/cdx/search/cdx?{query}"] = build_response(body)
        for year, n in (("2020", 1), ("2019", 2)):
            page = build_page(n, f"What stood there in {year}")
            headers = [*HTML, ("X-Archive-Orig-Server", "weir/1")]
            self.routes[f"/web/{year}0304100000id_/{SITE}/a/{n}"] = build_response(page, headers=headers)

    @property
    def settings(self) -> dict[str, object]:
        return {"BACKFILL_CDX": f"{self.base_url}/cdx/search/cdx", "BACKFILL_DELAY": 0}


@pytest.mark.parametrize("style", ["rows", "lines"])
def test_mementos_are_archived_as_what_they_are(data: Data, source: Path, style: str) -> None:
    with WebArchive(style) as archive:
        for options, taken in ((("--most", "1"), 1), ((), 1), ((), 0)):
            done = run_scrapy("backfill", str(source), *options, data=data, settings=archive.settings)
            assert done.returncode == 0, done.stderr
            assert f": {taken} capture" in done.stdout
        asked = [exchange.target for exchange in archive.exchanges if "id_/" in exchange.target]
    assert len(asked) == 2
    texts = "".join(path.read_text("utf-8") for path in data.posts("weir").glob("*.md"))
    assert (texts.count("there in 2020 of 1"), texts.count("there in 2019 of 2")) == (1, 1)
    records = sorted(list_records(data), key=lambda record: record.get("WARC-Source-URI") or "")
    responses = [record for record in records if record.type == RecordType.RESPONSE]
    assert [record.get("WARC-Date") for record in responses] == ["2019-03-04T10:00:00Z", "2020-03-04T10:00:00Z"]
    assert [record.get("WARC-Source-URI") for record in responses] == sorted(archive.base_url + path for path in asked)
    assert all(b"\r\nServer: weir/1\r\n" in record.block for record in responses)
    assert not any(record.type == RecordType.REQUEST for record in records)
    assert run_scrapy("verify", "weir", data=data).returncode == 0


def test_what_cannot_be_read_is_said_and_the_rest_is_taken(data: Data, source: Path, warc: Path) -> None:
    with WebArchive("lines") as archive:
        del archive.routes[f"/web/20200304100000id_/{SITE}/a/1"]
        done = run_scrapy("backfill", str(source), data=data, settings=archive.settings)
    assert (done.returncode, count_posts(data)) == (1, 1)
    assert "/web/20200304100000id_/" in done.stderr
    done = run_scrapy("backfill", str(source), str(warc), "absent.warc.gz", data=data)
    assert done.returncode == 1
    assert "absent.warc.gz" in done.stderr
    assert count_posts(data) == 2
    assert run_scrapy("backfill", str(source), data=data).returncode == 2


def test_a_record_is_read_in_its_file_where_the_server_names_it(data: Data, source: Path, warc: Path) -> None:
    with CollectionIndex(Collection.open(warc.parents[3], "news")) as index:
        index.refresh()
        (entry,) = index.iter_captures(f"{SITE}/a/2")
    member = warc.read_bytes()[entry.offset : entry.offset + entry.length]
    place = {"filename": f"crawl/{warc.name}", "offset": str(entry.offset), "length": str(entry.length)}
    line = {"url": entry.url, "timestamp": entry.timestamp, "status": "200", **place}
    with WireServer({}) as server:
        query = "url=http%3A%2F%2Fweir.example%2F&matchType=prefix&output=json&limit=5000&showResumeKey=true"
        server.routes[f"/index?{query}"] = build_response(json.dumps(line).encode())
        server.routes[f"/data/crawl/{warc.name}"] = build_response(member, status="206 Partial Content")
        settings = {"BACKFILL_CDX": f"{server.base_url}/index", "BACKFILL_WARCS": f"{server.base_url}/data"}
        done = run_scrapy("backfill", str(source), data=data, settings={**settings, "BACKFILL_DELAY": 0})
    assert done.returncode == 0, done.stderr
    assert entry.record_id in [record.record_id for record in list_records(data)]
    assert count_posts(data) == 1
