"""`scrapy cite` and `scrapy prove`, typed one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archives.index.catalogue import CollectionIndex
from archives.signed_log.signing import sign_collection
from archives.storage.collection import Collection
from tests.archives.conftest import build_exchange, build_writer
from tests.project import Data, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_cited_is_proved_and_what_is_changed_is_not(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path, "news", create=True)
    with build_writer(collection) as writer:
        writer.write(build_exchange(0, url="http://example.com/a"))
    (warc,) = collection.iter_warcs()
    sign_collection(collection, tmp_path / "key.pem")
    cited = run_scrapy("cite", "http://example.com/a", "00000", data=tmp_path)
    assert cited.returncode == 0, cited.stderr
    assert f"news: {warc.name} is in the signed log since 20" in cited.stderr
    citations = tmp_path / "citations.jsonl"
    citations.write_text(cited.stdout)
    proved = run_scrapy("prove", str(citations), str(warc), data=tmp_path / "none")
    assert (proved.returncode, "holds" in proved.stdout) == (0, True), proved.stderr
    citations.write_text(cited.stdout.replace('"00000"', '"goodbye"'))
    refuted = run_scrapy("prove", str(citations), str(warc), data=tmp_path / "none")
    assert (refuted.returncode, "does not hold: the sentence" in refuted.stdout) == (1, True)
    assert run_scrapy("cite", "http://example.com/a", "nobody said this", data=tmp_path).returncode == 1


def test_the_post_of_a_cited_capture_is_named(newspaper: Data) -> None:
    with CollectionIndex(Collection.open(newspaper.path, "newspaper")) as index:
        url = next(entry.url for entry in index.iter_entries() if "NW202603041930000402" in entry.url)
    cited = run_scrapy("cite", url, "24 minutes, not 22", data=newspaper)
    post = newspaper.posts("newspaper") / "2026-03-04-NW202603041930000402.md"
    assert f"newspaper: post {post} is made of this capture" in cited.stderr
