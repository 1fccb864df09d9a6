"""The captures of a collection, each with the sources that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from archives.transfer.importing import add_file
from crawler.reparsing.contents import CollectionContents
from crawler.sources.undescribed import build_definition
from tests.crawler.commands.test_import_command import PAGE, build_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archives.index.cdxj import IndexEntry

HOSTS = ("a.example", "b.example", "deep.b.example", "c.example")


def test_captures_of_many_hosts_are_found_in_one_pass_over_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = Collection.open(tmp_path, "mixed", create=True)
    page = PAGE.format(language="en", title="A pier", date="2025-06-01T08:00:00Z", body="<p>text")
    urls = [f"https://{host}/news/2025/06/0{day}/a-pier" for host in HOSTS for day in (1, 2)]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(build_record(url, page) for url in (*urls, "https://nobody.example/news/2025/06/01/x")))
    add_file(collection, path)
    passes = []
    original = CollectionIndex.iter_files

    def iter_files(
        self: CollectionIndex, names: Iterable[str], *, span: tuple[int, int] | None
    ) -> Iterator[IndexEntry]:
        passes.append(1)
        return original(self, names, span=span)

    monkeypatch.setattr(CollectionIndex, "iter_files", iter_files)
    sources = [build_definition(f"https://{host}/") for host in ("a.example", "b.example", "c.example")]
    found = [(entry.url, source.name) for entry, source in CollectionContents(collection).iter_entries(sources)]
    assert len(passes) == 1
    assert sorted(found) == sorted((url, url.split("/")[2].removeprefix("deep.")) for url in urls)


@pytest.mark.parametrize(
    ("software", "owner"),
    [("har2warc 1.0.4", ""), ("Newsreel/1.0 Scrapy/2.19", "HAR Format 1.2"), ("", "HAR Format 1.2")],
)
def test_what_other_writers_call_a_source_is_none(tmp_path: Path, software: str, owner: str) -> None:
    collection = Collection.open(tmp_path, "mixed", create=True)
    info = {"source": "HAR Format 1.2"} | ({"software": software} if software else {})
    with WarcWriter(collection, info=info, prefix="har") as writer:
        writer.write_resource("urn:x-other:log", "text/plain", b"a log")
    (path,) = collection.iter_warcs()
    assert CollectionContents(collection).find_owner(path.name) == owner
