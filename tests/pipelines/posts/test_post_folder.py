"""The folder of post files: two posts never share a file name, and the tree depends on the set of posts alone."""

from __future__ import annotations

import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.filing import Outcome
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import build_file_name, render
from pipelines.posts.post_folder import Filed, PostFolder
from pipelines.posts.settle import PostRefused, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def build(
    identifier: str,
    headline: str = "Tide",
    source: str = "news",
    *,
    day: int = 0,
    seen: int = 0,
    body: str = "<p>x</p>",
) -> Statement:
    """What a capture of a day states of an article that is dated a day."""
    return Statement(
        source=source,
        identifier=identifier,
        url="http://news.example/",
        origin=Origin.ARTICLE,
        headline=headline,
        datePublished=NOON + timedelta(days=day),
        datePublished_precision=Precision.SECOND,
        articleBody=body,
        capture=CaptureRef(
            record_id=f"<{seen}>", captured_at=NOON + timedelta(days=seen), payload_digest="", file="", offset=seen
        ),
        is_normalised=True,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[PostFolder]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield PostFolder(tmp_path / "_posts", ledger, lambda _: PostOptions())
    ledger.close()


def read(folder: PostFolder) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted(folder.folder.iterdir())}


def write(folder: PostFolder, *statements: Statement) -> dict[str, str]:
    for statement in statements:
        folder._ledger.add(statement)
        folder.write([statement.key])
    return read(folder)


def write_together(folder: PostFolder, *statements: Statement) -> list[Filed | PostRefused]:
    for statement in statements:
        folder._ledger.add(statement)
    return list(folder.write_due())


RIVALS = [
    build("http://news.example/1", "Tide"),
    build("http://news.example/2", "tide"),
    build("http://news.example/3", "TIDE!"),
    build("TIDE", source="courier"),
    build("http://news.example/4", "Tide", day=1),
]
MOVED = build("http://news.example/1", "Tide", day=3, seen=9)


def test_any_order_of_writing_gives_the_same_tree(tmp_path: Path) -> None:
    """Names that differ only in case count as one, as they do on some file systems."""
    trees = set()
    for number, order in enumerate(permutations(RIVALS)):
        ledger = Ledger(tmp_path / str(number) / "ledger.sqlite")
        files = write(PostFolder(tmp_path / str(number) / "_posts", ledger, lambda _: PostOptions()), *order)
        ledger.close()
        assert len(files) == len({name.casefold() for name in files}) == len(RIVALS)
        trees.add(tuple(files.items()))
        if number == 40:
            break
    assert len(trees) == 1


def test_posts_that_are_written_together_lie_where_they_would_lie_one_by_one(tmp_path: Path) -> None:
    """Also where one takes another's name before its file has been put in place."""
    trees = []
    for name, runs in {
        "one by one": [*([statement] for statement in RIVALS), [MOVED]],
        "together": [RIVALS, [MOVED]],
        "from the end": [*([statement] for statement in RIVALS[::-1]), [MOVED]],
        "also what moves": [[*RIVALS, MOVED]],
    }.items():
        ledger = Ledger(tmp_path / name / "ledger.sqlite")
        folder = PostFolder(tmp_path / name / "_posts", ledger, lambda _: PostOptions())
        for statements in runs:
            done = write_together(folder, *statements)
            assert [filed.post.key for filed in done if isinstance(filed, Filed)] == sorted(
                {statement.key for statement in statements}
            )
        trees.append(read(folder))
        assert {path.stat().st_mode & 0o777 for path in folder.folder.iterdir()} == {0o644}
        ledger.close()
    assert all(tree == trees[0] for tree in trees)
    assert len(trees[0]) == len(RIVALS)


def test_posts_that_are_written_together_are_not_there_when_the_disk_fails(
    folder: PostFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write(folder, RIVALS[0])
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("os.fsync", fail)
        write_together(folder, RIVALS[1], RIVALS[4])
    assert read(folder) == before
    assert len(list(folder._ledger.iter_due())) == 2
    assert len(write_together(folder)) == 2
    assert len(read(folder)) == 3


def test_a_disk_that_fails_while_a_name_changes_hands_loses_nothing(
    folder: PostFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = write(folder, RIVALS[0]).values()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("os.fsync", fail)
        write_together(folder, RIVALS[3])
    assert list(read(folder).values()) == [text]
    write_together(folder)
    files = read(folder)
    assert len(files) == 2
    assert 'title: "Tide"' in files.pop("2026-03-04-TIDE.md")
    assert list(files.values()) == [text]


def test_a_post_that_is_refused_is_reported_once_and_holds_up_no_other(folder: PostFolder) -> None:
    refused, filed = write_together(folder, build("http://news.example/5", body=""), RIVALS[3])[::-1]
    assert isinstance(refused, PostRefused)
    assert isinstance(filed, Filed)
    folder._ledger.add(build("http://news.example/6", body=""))
    (alone,) = folder.write([("news", "http://news.example/6")])
    assert isinstance(alone, PostRefused)
    assert (refused.reason, alone.reason) == ("no_text", "no_text")
    assert write_together(folder) == []
    assert list(read(folder)) == ["2026-03-04-TIDE.md"]


def test_a_post_that_moves_to_another_day_leaves_no_file_behind(folder: PostFolder) -> None:
    assert len(write(folder, *RIVALS[:2])) == 2
    files = write(folder, MOVED)
    assert sorted(files) == ["2026-03-04-tide.md", "2026-03-07-Tide.md"]


def test_a_name_is_given_back_to_what_its_next_holder_was_not_to_what_it_will_be(folder: PostFolder) -> None:
    """The next holder moves as well, to a name that a third post has, whose file must not be lost."""
    zero, one, two = (f"http://news.example/{number}" for number in range(3))
    write(folder, build(zero, day=1, body="<p>0</p>"), build(one, body="<p>1</p>"), build(two, body="<p>2</p>"))
    write_together(folder, build(one, day=5, seen=1, body="<p>1</p>"), build(two, day=1, seen=1, body="<p>2</p>"))
    files = read(folder)
    assert [name[:15] for name in files] == ["2026-03-05-Tide", "2026-03-05-Tide", "2026-03-09-Tide"]
    assert "<p>0</p>" in files["2026-03-05-Tide.md"]
    assert "<p>1</p>" in files["2026-03-09-Tide.md"]
    assert sum("<p>2</p>" in text for text in files.values()) == 1


def test_a_rival_that_makes_no_post_any_more_stands_in_nobodys_way(folder: PostFolder) -> None:
    two = build("http://news.example/2", headline="", body="<p>Tide</p>")
    write(folder, two)
    folder._ledger.add(replace(build(two.identifier, headline="", body="<p>…</p>", seen=1)))
    files = write(folder, build("http://news.example/1"))
    assert len(files) == 2
    (refused,) = write_together(folder)
    assert isinstance(refused, PostRefused)
    assert refused.reason == "no_headline"


def test_unchanged_posts_are_not_written_again(folder: PostFolder) -> None:
    write(folder, RIVALS[0])
    (path,) = folder.folder.iterdir()
    written_at = path.stat().st_mtime_ns
    (again,) = folder.write([RIVALS[0].key])
    assert isinstance(again, Filed)
    assert (again.before, again.outcome) == (Outcome.NEW, Outcome.NEW)
    ledger = Ledger(folder.folder.parent / "ledger.sqlite")
    (next_run,) = PostFolder(folder.folder, ledger, lambda _: PostOptions()).write([RIVALS[0].key])
    ledger.close()
    assert isinstance(next_run, Filed)
    assert (next_run.before, next_run.outcome) == (None, Outcome.UNCHANGED)
    assert path.stat().st_mtime_ns == written_at


def test_what_is_settled_already_is_only_written(folder: PostFolder) -> None:
    """As a reparse leaves it that settles in many processes."""
    folder._ledger.add(RIVALS[0])
    (first,) = folder.write([RIVALS[0].key])
    assert isinstance(first, Filed)
    folder._ledger.record_settled(replace(first.post, headline="Settled"))
    assert list(folder._ledger.iter_due()) == [RIVALS[0].key]
    (filed,) = write_together(folder)
    assert isinstance(filed, Filed)
    assert filed.post.headline == "Settled"
    (again,) = write_together(folder, replace(RIVALS[0], headline="Tide", keywords=["sea"]))
    assert isinstance(again, Filed)
    assert again.post.headline == "Tide"


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations([*RIVALS, MOVED, build("5", day=2), build("6", day=2, headline=""), build("7", body="")]),
    cuts=st.lists(st.integers(0, 9), max_size=3),
)
def test_posts_that_many_processes_write_lie_where_one_would_put_them(order: list[Statement], cuts: list[int]) -> None:
    """The files are the same however statements are split into parts, if posts without rivals are written apart."""
    with tempfile.TemporaryDirectory() as scratch:
        one = PostFolder(Path(scratch, "one"), Ledger(Path(scratch, "one.sqlite")), lambda _: PostOptions())
        write_together(one, *order)
        ledger = Ledger(Path(scratch, "united.sqlite"))
        many = PostFolder(Path(scratch, "many"), ledger, lambda _: PostOptions())
        for first, beyond in pairwise([0, *sorted(cuts), len(order)]):
            ledger.unite(settle_part(Path(scratch, f"part-{first}-{beyond}.sqlite"), order[first:beyond]))
        written = []
        for key in list(ledger.iter_unrivalled()):
            post = ledger.find_post(key)
            assert post is not None
            name = build_file_name(post, PostOptions())
            many.folder.mkdir(exist_ok=True)
            (many.folder / name).write_bytes(render(post, PostOptions()))
            written.append((key, name, "new"))
        assert len({name.casefold() for _, name, _ in written}) == len(written)
        ledger.record_written(written)
        done = list(many.write_due())
        assert read(many) == read(one)
        assert {key: file for source in ("news", "courier") for key, file in ledger.iter_files(source=source)} == {
            key: file for source in ("news", "courier") for key, file in one._ledger.iter_files(source=source)
        }
        filed = [one.post.key for one in done if isinstance(one, Filed)]
        assert sorted(filed + [key for key, *_ in written]) == sorted(
            key for key in ledger.iter_keys() if key[1] != "7"
        )
        assert list(ledger.iter_due(also_waiting=True)) == []
        for each in (ledger, one._ledger):
            each.close()


def settle_part(path: Path, stated: list[Statement]) -> Path:
    """Do what a process does with its part of an archive."""
    with closing(Ledger(path)) as part:
        for statement in stated:
            part.add(statement)
        for key in list(part.iter_due(also_waiting=True)):
            with suppress(PostRefused):
                post = settle(part.list_statements(key), PostOptions())
                part.record_settled(post, claim=build_file_name(post, PostOptions()).casefold())
    return path


def fail(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_failing_disk_leaves_the_old_file_whole(folder: PostFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(folder, RIVALS[0])
    changed = build("http://news.example/1", "Tide", body="<p>changed</p>", seen=5)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("os.fsync", fail)
        write(folder, changed)
    assert read(folder) == before
    assert list(folder._ledger.iter_due()) == [changed.key]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_title_and_no_id_writes_outside_the_folder(identifier: str, headline: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        ledger = Ledger(Path(scratch, "ledger.sqlite"))
        folder = PostFolder(Path(scratch, "a", "b", "_posts"), ledger, lambda _: PostOptions())
        statement = build(identifier.encode("utf-8", "replace").decode(), headline.encode("utf-8", "replace").decode())
        (filed,) = write_together(folder, statement)
        ledger.close()
        assert isinstance(filed, Filed) or filed.reason in ("no_identifier", "no_headline")
        made = [path for path in Path(scratch).rglob("*") if path.is_file() and not path.name.startswith("ledger")]
        assert all(path.parent == folder.folder for path in made)
        assert all(path.name.startswith("2026-03-04-") and path.name.endswith(".md") for path in made)
        assert all(len(path.name) > len("2026-03-04-.md") for path in made)
