"""Patterns of excluded addresses: how they are read, what they meet, and an index that passes such captures over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archives.erasure.exclusions import (
    Exclusion,
    Exclusions,
    PatternError,
    compile_pattern,
    load_exclusions,
)
from archives.errors import CollectionError
from archives.index.catalogue import CollectionIndex
from archives.storage.collection import Collection
from tests.archives.erasure.test_erasure import write_exchanges

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("pattern", "url", "is_met"),
    [
        ("https://paper.example/private/", "https://paper.example/private/a", True),
        ("https://paper.example/private/", "https://paper.example/public/private", False),
        (r"^https?://(www\.)?paper\.example/", "http://www.paper.example/x", True),
        (r"/\d{4}/amp/", "http://paper.example/2026/amp/1", True),
        ("paper.example/a?id=7", "http://paper.example/a?id=7", True),  # as it stands, though `?` means another thing
        ("/новости/", "http://paper.example/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8/1", True),
        ("//zürich.example/", "https://xn--zrich-kva.example/a", True),
        ("/財經/", "http://paper.example/sport/", False),
    ],
)
def test_a_pattern_is_searched_for_in_every_spelling(tmp_path: Path, pattern: str, url: str, is_met: bool) -> None:
    assert Exclusions(tmp_path, [Exclusion(pattern)]).excludes(url) is is_met


@pytest.mark.parametrize("pattern", ["(", "*.example", "", ".*", "a|"])
def test_what_is_no_pattern_or_meets_everything_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


def test_the_file_is_followed_and_a_damaged_one_refused(tmp_path: Path) -> None:
    mine, others = load_exclusions(tmp_path), load_exclusions(tmp_path)
    mine.add([Exclusion("/a/", "2026-11-30T08:00:00Z", "case 7"), Exclusion("/b/")])
    mine.add([Exclusion("/a/", reason="again")])
    assert not others.excludes("http://x.example/a/")
    others.refresh()
    assert [(entry.pattern, entry.reason) for entry in others.entries] == [("/a/", "case 7"), ("/b/", "")]
    others.remove(["/a/"])
    mine.refresh()
    assert [entry.pattern for entry in mine.entries] == ["/b/"]
    (tmp_path / "excluded.jsonl").write_text('{"pattern": "("}\n', "utf-8")
    with pytest.raises(CollectionError, match=r"excluded\.jsonl"):
        mine.refresh()


def test_an_index_for_readers_knows_nothing_of_excluded_captures(tmp_path: Path) -> None:
    write_exchanges(tmp_path, [b"one", b"two", b"three"])
    collection = Collection.open(tmp_path, "news")
    with CollectionIndex(collection, for_readers=True) as shown, CollectionIndex(collection) as whole:
        assert shown.count_entries() == 3
        load_exclusions(tmp_path).add([Exclusion("/1$")])
        shown.refresh()
        assert [entry.url[-1] for entry in shown.iter_entries()] == ["0", "2"]
        assert (shown.count_entries(), whole.count_entries()) == (2, 3)
        url = "http://paper.example/1"
        assert shown.find_nearest(url) is None
        assert shown.count_days(url) == list(shown.iter_captures(url)) == list(shown.iter_prefix(url)) == []
        assert whole.find_nearest(url) is not None
        load_exclusions(tmp_path).remove(["/1$"])
        shown.refresh()
        assert shown.find_nearest(url) == whole.find_nearest(url)
