"""The same capture gives the same post, whichever command reads it.

The pages are those that once came out differently: one in another language than its source, with a date that only the
source's language reads; one whose include ends the document in its midst; one behind a redirect; one sent compressed.
"""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from crawler.publishing.library import Library
from crawler.reparsing.documents import read_document
from crawler.reparsing.ledger import open_ledger
from crawler.reparsing.reparse import MAX_BYTES
from crawler.source_tools.preview import build_preview
from crawler.sources import find_source
from crawler.viewer.proof import check_file
from crawler.viewer.versions import list_editions
from pipelines.posts.items import dump_post, load_post
from pipelines.posts.post_files import build_file_name, render
from pipelines.posts.settle import settle
from pipelines.reading.read import read
from tests.project import LOOPBACK, Data, hash_tree, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crawler.sources import Source

PROSE = "Der Hafen von Nordhaven bleibt bis zum Ende des Winters offen, sagte die Verwaltung am Montag."


def build_article(headline: str, *, lang: str, date: str, before: str = "", after: str = "") -> bytes:
    return (
        f'<!doctype html><html lang="{lang}"><head><title>{headline} | Nordblatt</title></head><body>{before}'
        f'<h1>{headline}</h1><p class="when">{date}</p><div class="text"><p>{PROSE}</p><p>{PROSE}</p></div>'
        f'<ul class="tags"><li>Hafen</li></ul><a href="/2.html">weiter</a>{after}</body></html>'
    ).encode()


PAGES = {
    # The page says it is English, its date is German: 3 April, not 4 March.
    "/1.html": build_article("Hafen offen", lang="en", date="03.04.2026 10:21"),
    "/2.html": build_article("Werft baut", lang="de", date="5. April 2026, 10:21", before="<nav></nav></body></html>"),
    "/4.html": build_article("Markt voll", lang="de", date="7. April 2026, 9:05", after="</body></html><p>&copy;</p>"),
}
DEFINITION = """
name = "nordblatt"
language = "de"
timezone = "Europe/Berlin"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/(?P<id>\\d+)(?:\\.html)?$']
[[parser]]
of = "article"
[parser.fields]
headline = "h1"
datePublished = "p.when"
keywords = "ul.tags li"
articleBody = "html:div.text"
[politeness]
delay = 0
"""


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Data, Path]]:
    """A crawl of the pages, and the path of their source."""
    folder = tmp_path_factory.mktemp("doors")
    data, source = Data(folder / "data"), folder / "nordblatt.toml"
    packed = gzip.compress(build_article("Boot leck", lang="de", date="6. April 2026, 10:21"), mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    moved = b"HTTP/1.1 302 Found\r\nLocation: /4.html\r\nContent-Length: 0\r\n\r\n"
    links = (
        "".join(f'<a href="/{number}.html">Artikel Nummer {number}</a>' for number in (1, 2, 3)) + '<a href="/44">x</a>'
    )
    routes = {name: build_response(page) for name, page in PAGES.items()}
    routes |= {"/": build_response(links.encode()), "/3.html": head % len(packed) + packed, "/44": moved}
    with WireServer(routes) as server:
        source.write_text(DEFINITION.format(base=server.base_url), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=LOOPBACK)
        assert done.returncode == 0, done.stderr
    yield data, source


@pytest.fixture(scope="module")
def files(crawled: tuple[Data, Path]) -> dict[str, bytes]:
    """The post files of the crawl, which every other door must make again."""
    data, _ = crawled
    found = {path.name: path.read_bytes() for path in data.posts("nordblatt").glob("*.md")}
    assert sorted(found) == ["2026-04-03-1.md", "2026-04-05-2.md", "2026-04-06-3.md", "2026-04-07-4.md"]
    return found


def open_archive(data: Data) -> tuple[Collection, CollectionIndex]:
    collection = Collection.open(data.path, "nordblatt")
    return collection, CollectionIndex(collection)


def iter_pages(index: CollectionIndex) -> Iterator[Any]:
    return (entry for entry in index.iter_entries() if entry.url.endswith(".html") and entry.status == 200)


def list_made(posts: Any, source: Source) -> dict[str, bytes]:
    return {build_file_name(post, source.post): render(post, source.post) for post in posts}


def test_the_function_itself(crawled: tuple[Data, Path], files: dict[str, bytes]) -> None:
    """Read and settle, and nothing else, give the files of the crawl."""
    source = find_source(str(crawled[1]))
    _, index = open_archive(crawled[0])
    with index:
        documents = [read_document(index, entry, max_bytes=MAX_BYTES) for entry in iter_pages(index)]
    posts = [settle(read(document, source).statements, source.post) for document in documents]
    assert list_made(posts, source) == files


def test_links_make_no_difference_to_statements(crawled: tuple[Data, Path]) -> None:
    source = find_source(str(crawled[1]))
    _, index = open_archive(crawled[0])
    with index:
        for entry in iter_pages(index):
            document = read_document(index, entry, max_bytes=MAX_BYTES)
            with_links, without = read(document, source), read(document, source, with_links=False)
            assert with_links.statements == without.statements
            assert with_links.links
            assert not without.links


def test_reparse_in_one_process_and_in_two(crawled: tuple[Data, Path], files: dict[str, bytes], tmp_path: Path) -> None:
    data, source = crawled
    for name, options in (("one", []), ("two", ["--workers", "2"])):
        out = tmp_path / name
        command = ["reparse", "nordblatt", "--source", str(source), "--out", str(out), *options]
        done = run_scrapy(*command, data=data)
        assert done.returncode == 0, done.stderr
        assert {path.name: path.read_bytes() for path in out.glob("*.md")} == files


def test_verify_and_diff_see_nothing(crawled: tuple[Data, Path]) -> None:
    data, source = crawled
    done = run_scrapy("reparse", "nordblatt", "--source", str(source), "--diff", "--json", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["before"], report["after"], report["stay"], report["examples"]) == (4, 4, 4, [])
    before = hash_tree(data.path)
    assert run_scrapy("verify", "nordblatt", "--posts", data=data).returncode == 0
    assert hash_tree(data.path) == before


def test_preview(crawled: tuple[Data, Path], files: dict[str, bytes]) -> None:
    """`scrapy extract` shows the post of the crawl, from the archive and from a saved file alike."""
    source = find_source(str(crawled[1]))
    _, index = open_archive(crawled[0])
    with index:
        documents = [read_document(index, entry, max_bytes=MAX_BYTES) for entry in iter_pages(index)]
    posts = [build_preview(document, rules=source).post for document in documents]
    assert list_made(posts, source) == files


def test_extract_command(crawled: tuple[Data, Path]) -> None:
    data, source = crawled
    with closing(open_ledger(Collection.open(data.path, "nordblatt"))) as ledger:
        (post,) = [ledger.find_post(("nordblatt", "1"))]
    assert post is not None
    done = run_scrapy("extract", post.url, "--collection", "nordblatt", "--source", str(source), "--json", data=data)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["datePublished"] == "2026-04-03T10:21:00+02:00"
    assert (shown["headline"], shown["articleBody"], shown["keywords"]) == (
        post.headline,
        post.articleBody,
        post.keywords,
    )
    assert shown["refused"] == ""


def test_dry_run_and_cases(crawled: tuple[Data, Path], tmp_path: Path) -> None:
    data, source = crawled
    done = run_scrapy("sources", "check", str(source), "--collection", "nordblatt", "--json", data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["posts"], report["changes"]["stay"], report["changes"]["change"]) == (4, 4, 0)
    place = next(iter(Library(data.path).posts(collection="nordblatt")))
    assert place.capture is not None
    target = f"nordblatt/{place.capture.file}@{place.capture.offset}"
    case = tmp_path / "cases" / "one"
    done = run_scrapy("sources", "record", target, "--source", str(source), "-o", str(case), data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = json.loads((case / "expected.json").read_text("utf-8"))["fields"]
    assert (expected["headline"], expected["articleBody"]) == (place.headline, place.articleBody)
    done = run_scrapy("sources", "check", str(source), "--cases", str(case.parent), data=data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_history_library_and_viewer(crawled: tuple[Data, Path], files: dict[str, bytes]) -> None:
    data, path = crawled
    source = find_source(str(path))
    collection = Collection.open(data.path, "nordblatt")
    records = {record.key: record for record in Library(data.path).posts()}
    with closing(open_ledger(collection)) as ledger, CollectionIndex(collection) as index:
        for key, file, state in ledger.iter_filed():
            settled = settle(ledger.list_statements(key), source.post)
            assert dump_post(settled) == state
            assert render(load_post(state), source.post) == files[file]
            (edition,), sightings = list_editions(index, records[key], source.post)
            assert sightings
            assert edition.headline == settled.headline
    done = run_scrapy("history", "1", "--collection", "nordblatt", "--source", str(path), "--json", data=data)
    assert done.returncode == 0, done.stderr
    (version,) = [json.loads(line) for line in done.stdout.splitlines()]
    record = next(record for record in Library(data.path).posts() if record.identifier == "1")
    assert (version["headline"], version["articleBody"]) == (record.headline, record.articleBody)
    # The definition is outside the project, so what the viewer knows of it is what the crawl archived.
    assert check_file(collection, data.posts("nordblatt"), record).holds
