"""`scrapy reparse --diff`: what a change of rules would do, before anybody changes them."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from crawler.demo_site import Newspaper
from crawler.reparsing.comparison import compare_collection
from crawler.reparsing.comparison_page import split_sides
from crawler.reparsing.ledger import open_ledger
from pipelines.posts.ledger import Ledger
from pipelines.posts.post_folder import PostFolder
from tests.pipelines.exports.samples import OPTIONS, build_statement
from tests.project import Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8"}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, Path]:
    """The newspaper, crawled once, and its definition with other rules: no tags."""
    folder = tmp_path_factory.mktemp("compared")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW)
        assert done.returncode == 0, done.stderr
    text = source.read_text("utf-8").replace('keywords = "ul.tags li"', 'keywords = "ul.none li"')
    source.write_text(text, "utf-8")
    return data, source


def diff(crawled: tuple[Data, Path], *options: str) -> tuple[int, str]:
    data, source = crawled
    before = hash_tree(data.path, "*.md")
    done = run_scrapy("reparse", "newspaper", "--source", str(source), "--diff", *options, data=data)
    assert hash_tree(data.path, "*.md") == before
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_the_report_counts_by_field_with_examples(crawled: tuple[Data, Path]) -> None:
    code, out = diff(crawled, "--json", "--examples", "2")
    report = json.loads(out)
    assert code == 1
    assert (report["before"], report["after"], report["appear"], report["vanish"]) == (41, 41, 0, 0)
    assert report["change"] + report["stay"] == 41
    assert report["fields"]["keywords"] > 2
    changed = [entry for entry in report["examples"] if "keywords" in entry["fields"]]
    assert 2 <= len(changed) < report["fields"]["keywords"]
    assert all(entry["fields"]["keywords"]["before"] for entry in changed)


def test_all_examples_and_two_processes_say_the_same(crawled: tuple[Data, Path]) -> None:
    one, two = (json.loads(diff(crawled, "--json", "--examples", "0", *more)[1]) for more in ([], ["--workers", "2"]))
    assert one == two
    assert len(one["examples"]) == one["vanish"] + one["change"] + one["appear"]


def test_a_person_reads_it_and_a_page_shows_both_sides(crawled: tuple[Data, Path], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    code, out = diff(crawled, "--html", str(page))
    assert code == 1
    assert "posts before" in out
    assert "keywords changes in" in out
    html = page.read_text("utf-8")
    assert "<h1>newspaper: what would change</h1>" in html
    assert "<del>" in html
    assert 'class="kind changes"' in html
    assert "<script" not in html


def test_nothing_changes_by_the_rules_of_the_crawl(crawled: tuple[Data, Path]) -> None:
    data, _ = crawled
    done = run_scrapy("reparse", "newspaper", "--diff", "--json", data=data)
    report = json.loads(done.stdout)
    assert (done.returncode, report["stay"], report["examples"], report["fields"]) == (0, 41, [], {})


def test_a_definition_that_is_being_written_shows_the_same(crawled: tuple[Data, Path]) -> None:
    data, source = crawled
    done = run_scrapy("sources", "check", str(source), "--collection", "newspaper", "--json", data=data)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["changes"]
    wanted = json.loads(diff(crawled, "--json")[1])
    assert {name: report[name] for name in ("before", "after", "vanish", "fields")} == {
        name: wanted[name] for name in ("before", "after", "vanish", "fields")
    }


def test_posts_that_appear_and_vanish_are_counted(tmp_path: Path) -> None:
    collection = Collection.open(tmp_path / "data", "news", create=True)
    now, then = (tmp_path / name for name in ("now", "then"))
    with closing(open_ledger(collection)) as current, closing(Ledger(then / "ledger.sqlite")) as remade:
        for ledger, folder, numbers in ((current, now, (1, 2)), (remade, then, (2, 3, 4))):
            files = PostFolder(folder, ledger, lambda _: OPTIONS)
            for number in numbers:
                ledger.add(build_statement(number))
            assert len(list(files.write_due())) == len(numbers)
    shutil.copytree(now, tmp_path / "data" / "_posts" / "news")
    with closing(Ledger(then / "ledger.sqlite")) as remade:
        found = compare_collection(collection, remade, then, sources=["news"], examples=1)
        others = compare_collection(collection, remade, then, sources=["other"], examples=1)
    assert (found.before, found.after) == (2, 3)
    assert found.counts == {"appears": 2, "vanishes": 1, "changes": 0, "stays": 1}
    assert sorted(change.kind for change in found.changes) == ["appears", "vanishes"]
    assert others.is_same


@pytest.mark.parametrize("options", [["--json"], ["--html", "x.html"]])
def test_forms_of_a_report_need_one(crawled: tuple[Data, Path], options: list[str]) -> None:
    done = run_scrapy("reparse", "newspaper", *options, data=crawled[0])
    assert done.returncode == 2
    assert "--diff" in done.stderr


def test_words_are_marked_where_they_differ() -> None:
    left, right = split_sides("the night ferry 回来了", "the day ferry 回家了")
    assert [piece.text for piece in left if piece.is_changed] == ["night", "来"]
    assert [piece.text for piece in right if piece.is_changed] == ["day", "家"]
    assert "".join(piece.text for piece in left) == "the night ferry 回来了"
