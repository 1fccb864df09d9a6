"""The shelf: two posts never share a file name, and the tree depends on the set of posts alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.posts.items import Origin, Post, Precision
from pipelines.posts.ledger import Ledger
from pipelines.posts.merge import attest
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import PostRefused
from pipelines.posts.post_folder import Outcome, Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build(identifier: str, headline: str = "Tide", source: str = "news", day: int = 0, body: str = "<p>x</p>") -> Post:
    return attest(
        Post(
            source=source,
            identifier=identifier,
            url="http://news.example/",
            origin=Origin.ARTICLE,
            headline=headline,
            datePublished=NOON + timedelta(days=day),
            datePublished_precision=Precision.SECOND,
            articleBody=body,
        ),
        captured_at=NOON + timedelta(days=day),
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield Shelf(tmp_path / "_posts", ledger, lambda _: PostOptions())
    ledger.close()


def put(shelf: Shelf, *posts: Post) -> dict[str, str]:
    for post in posts:
        shelf._ledger.absorb(post)
        state = shelf._ledger.find_post(post.key)
        assert state is not None
        shelf.shelve(state)
    return {path.name: path.read_text("utf-8") for path in sorted(shelf.folder.iterdir())}


RIVALS = [
    build("http://news.example/1", "Tide"),
    build("http://news.example/2", "tide"),
    build("http://news.example/3", "TIDE!"),
    build("TIDE", source="courier"),
    build("http://news.example/4", "Tide", day=1),
]


def test_any_order_of_writing_gives_the_same_tree(tmp_path: Path) -> None:
    """Names that differ only in case count as one, as they do on some file systems."""
    trees = set()
    for number, order in enumerate(permutations(RIVALS)):
        ledger = Ledger(tmp_path / str(number) / "ledger.sqlite")
        files = put(Shelf(tmp_path / str(number) / "_posts", ledger, lambda _: PostOptions()), *order)
        ledger.close()
        assert len(files) == len({name.casefold() for name in files}) == len(RIVALS)
        trees.add(tuple(files.items()))
        if number == 40:
            break
    assert len(trees) == 1


def test_posts_that_are_put_together_lie_where_they_would_lie_one_by_one(tmp_path: Path) -> None:
    """Also where one takes another's name before its file has been put in place."""
    trees = []
    moved = replace(RIVALS[0], datePublished=NOON + timedelta(days=3))
    for name, runs in {
        "one by one": [*([post] for post in RIVALS), [moved]],
        "together": [RIVALS, [moved]],
        "from the end": [RIVALS[::-1], [moved]],
        "also what moves": [[*RIVALS, moved]],
    }.items():
        ledger = Ledger(tmp_path / name / "ledger.sqlite")
        shelf = Shelf(tmp_path / name / "_posts", ledger, lambda _: PostOptions())
        for posts in runs:
            for post in posts:
                ledger.absorb(post)
            with shelf.together():
                for post in posts:
                    shelf.put(post)
        trees.append({path.name: path.read_text("utf-8") for path in sorted(shelf.folder.iterdir())})
        assert {path.stat().st_mode & 0o777 for path in shelf.folder.iterdir()} == {0o644}
        ledger.close()
    assert all(tree == trees[0] for tree in trees)
    assert len(trees[0]) == len(RIVALS)


def test_a_post_that_is_put_twice_together_has_one_file(shelf: Shelf) -> None:
    shelf._ledger.absorb(RIVALS[0])
    with shelf.together():
        shelf.put(RIVALS[0])
        shelf.put(replace(RIVALS[0], datePublished=NOON + timedelta(days=3)))
    assert [path.name for path in shelf.folder.iterdir()] == ["2026-03-07-Tide.md"]


def test_posts_that_are_put_together_are_not_there_when_one_fails(shelf: Shelf) -> None:
    put(shelf, RIVALS[0])
    before = {path.name: path.read_bytes() for path in shelf.folder.iterdir()}
    shelf._ledger.absorb(RIVALS[4])
    with pytest.raises(PostRefused), shelf.together():
        shelf.put(RIVALS[4])
        shelf.put(build("http://news.example/5", body=""))
    assert {path.name: path.read_bytes() for path in shelf.folder.iterdir()} == before


def test_a_post_that_moves_to_another_day_leaves_no_file_behind(shelf: Shelf) -> None:
    first, second = RIVALS[:2]
    assert len(put(shelf, first, second)) == 2
    moved = replace(first, datePublished=NOON + timedelta(days=3))
    moved = attest(moved, captured_at=NOON + timedelta(days=9))
    files = put(shelf, moved)
    assert sorted(files) == ["2026-03-04-tide.md", "2026-03-07-Tide.md"]


def test_unchanged_posts_are_not_written_again(shelf: Shelf) -> None:
    put(shelf, RIVALS[0])
    (path,) = shelf.folder.iterdir()
    written_at = path.stat().st_mtime_ns
    state = shelf._ledger.find_post(RIVALS[0].key)
    assert state is not None
    again = shelf.shelve(state)
    assert (again.before, again.outcome) == (Outcome.NEW, Outcome.NEW)
    ledger = Ledger(shelf.folder.parent / "ledger.sqlite")
    next_run = Shelf(shelf.folder, ledger, lambda _: PostOptions()).shelve(state)
    ledger.close()
    assert (next_run.before, next_run.outcome) == (None, Outcome.UNCHANGED)
    assert path.stat().st_mtime_ns == written_at


def test_a_failing_disk_leaves_the_old_file_whole(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    put(shelf, RIVALS[0])
    before = {path.name: path.read_bytes() for path in shelf.folder.iterdir()}

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    changed = build("http://news.example/1", "Tide", body="<p>changed</p>")
    with pytest.raises(OSError, match="No space left"):
        put(shelf, replace(changed, evidence=attest(changed, captured_at=NOON + timedelta(days=5)).evidence))
    assert {path.name: path.read_bytes() for path in shelf.folder.iterdir()} == before


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_title_and_no_id_writes_outside_the_folder(identifier: str, headline: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        ledger = Ledger(Path(scratch, "ledger.sqlite"))
        shelf = Shelf(Path(scratch, "a", "b", "_posts"), ledger, lambda _: PostOptions())
        post = build(identifier.encode("utf-8", "replace").decode(), headline.encode("utf-8", "replace").decode())
        try:
            put(shelf, post)
        except PostRefused as refusal:
            assert refusal.reason in ("no_identifier", "no_headline")
        ledger.close()
        made = [path for path in Path(scratch).rglob("*") if path.is_file() and not path.name.startswith("ledger")]
        assert all(path.parent == shelf.folder for path in made)
        assert all(path.name.startswith("2026-03-04-") and path.name.endswith(".md") for path in made)
        assert all(len(path.name) > len("2026-03-04-.md") for path in made)
