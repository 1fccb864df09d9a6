"""`scrapy sources check --collection`: a source tried on what an archive holds, and what it says is to be mended."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from crawler.demo_site import Newspaper
from crawler.source_tools.dryrun import Tally
from crawler.sources import load_source
from pipelines.posts.items import Origin, Statement
from tests.project import Data, hash_tree, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALLOW: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "DOWNLOAD_DELAY": 0}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Data, Path]]:
    """The newspaper crawled once, and its definition."""
    folder = tmp_path_factory.mktemp("printed")
    data, source = Data(folder / "data"), folder / "newspaper.toml"
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=ALLOW)
        assert done.returncode == 0, done.stderr
    yield data, source


def check(source: Path, data: Data, *options: str, code: int = 0) -> dict[str, Any]:
    arguments = ("sources", "check", str(source), "--collection", "newspaper", "--json", *options)
    done = run_scrapy(*arguments, data=data)
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    return dict(json.loads(line))


def change(source: Path, folder: Path, *changes: tuple[str, str]) -> Path:
    text = source.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "changed.toml").write_text(text, "utf-8")
    return folder / "changed.toml"


def test_pages_fields_links_and_posts_are_counted(printed: tuple[Data, Path]) -> None:
    data, source = printed
    report = check(source, data)
    posts = list(data.posts("newspaper").glob("*.md"))
    assert report["posts"] == len(posts)
    assert report["refused"] == {"no_text": 1}
    assert report["pages"]["article"] == report["linked"]["article"] - 3  # the notice board's redirects and one twice
    fields = {(field["kind"], field["field"]): field for field in report["fields"]}
    headline = fields["article", "headline"]
    assert headline["found"] == headline["pages"] == report["pages"]["article"]
    assert headline["places"] == {"source: h1": headline["pages"]}
    assert headline["sample"]
    assert fields["article", "author"]["found"] == 0
    assert fields["text", "articleBody"]["found"] == fields["text", "articleBody"]["pages"] - 1 == 34
    assert {link["kind"] for link in report["links"]} == {"article", "category", "share", "text", "listing"}
    assert all(link["addresses"] for link in report["links"])


def test_what_is_to_be_mended_is_said(printed: tuple[Data, Path], tmp_path: Path) -> None:
    data, source = printed
    changed = change(
        source,
        tmp_path,
        ('headline = "h1"', 'headline = "h1"\nauthor = "span.nobody"'),
        ('datePublished = "article small"', 'datePublished = "h1"'),
        ("category = [", "feed = ['/nothing-of-it\\.xml$']\ncategory = ["),
        ("[politeness]", '[[parser]]\nof = "article"\nvalid_until = 2020-01-01\n[politeness]'),
        ('tag_suffix = ""', 'tag_suffix = ""\n[post.slugs]\n"天气手记" = "x"\n"文化角" = "x"'),
        ("day_from_id = '^[A-Z]*(\\d{8})'\n", ""),
    )
    report = check(changed, data, code=0)
    warnings = report["warnings"]

    def find(words: str) -> str:
        (found,) = [warning for warning in warnings if words in warning]
        return str(found)

    assert "mend it or leave it out" in find("parser[0].fields.author found nothing on 41 pages")
    assert "datePublished is found on 0 of 41 article pages" in find("give it a rule")
    find("links.feed: '/nothing-of-it\\\\.xml$' matches no address, neither captured nor linked")
    find("parser[3] of article (valid until 2020-01-01) read no page of this collection")
    assert "no_date" in find("articles without a post, no_date")


def test_sections_that_share_a_slug_are_reported(printed: tuple[Data, Path], tmp_path: Path) -> None:
    data, source = printed
    names = {field["sample"] for field in check(source, data)["fields"] if field["field"] == "articleSection"}
    post = next(
        path for path in sorted(data.posts("newspaper").glob("*.md")) if "tianqishouji" in path.read_text("utf-8")
    )
    assert post
    slugs = "[post.slugs]\n" + "".join(f'"{name}" = "tianqishouji"\n' for name in names)
    report = check(change(source, tmp_path, ("[politeness]", slugs + "[politeness]")), data)
    assert any("share the slug 'tianqishouji'; give one its own in [post.slugs]" in w for w in report["warnings"])


def test_a_source_that_finds_nothing_is_a_failure(printed: tuple[Data, Path], tmp_path: Path) -> None:
    data, source = printed
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text(source.read_text("utf-8").replace('name = "newspaper"', 'name = "elsewhere"'), "utf-8")
    report = check(elsewhere, data, code=1)
    assert report["posts"] == 0
    assert "no capture belongs to this source" in report["warnings"][0]


def test_people_get_an_aligned_table_and_warnings_beside_it(printed: tuple[Data, Path]) -> None:
    data, source = printed
    before = {name: digest for name, digest in hash_tree(data.path, "*").items() if "catalogue" not in name}
    done = run_scrapy(
        "sources", "check", str(source), "--collection", "newspaper", data=data, environment={"COLUMNS": "100"}
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("newspaper: well formed")
    assert re.fullmatch(r"pages: (\d+ \w+(, )?)+; posts: 41, 1 article without one", lines[1])
    (row,) = [line for line in lines if line.startswith("article headline")]
    assert row.index("41/41 100%") == next(line for line in lines if line.startswith("text articleBody")).index(
        "34/35  97%"
    )
    assert done.stderr == "warning: 1 article without a post, no_text: 202603052391921712\n"
    assert {name: digest for name, digest in hash_tree(data.path, "*").items() if "catalogue" not in name} == before


def test_a_definition_and_its_fault_are_written_as_json(tmp_path: Path) -> None:
    done = run_scrapy("sources", "check", "finews", "--json")
    assert json.loads(done.stdout) == {
        "source": "finews",
        "kinds": ["text", "share", "listing", "article", "category"],
    }
    (tmp_path / "bad.toml").write_text('name = "a b"', "utf-8")
    done = run_scrapy("sources", "check", str(tmp_path / "bad.toml"), "--json")
    fault = json.loads(done.stdout)
    assert (done.returncode, fault["key"]) == (1, "name")
    assert "must be up to 64 letters" in fault["fault"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check", "finews", "--collection", "nowhere"], 2, "no collection 'nowhere'"),
        (["check", "nobody", "--collection", "newspaper"], 1, "nobody"),
        (["check"], 2, ""),
    ],
)
def test_what_cannot_be_tried_is_said(printed: tuple[Data, Path], arguments: list[str], code: int, words: str) -> None:
    done = run_scrapy("sources", *arguments, data=printed[0])
    assert done.returncode == code
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_articles_that_an_id_merges_or_splits_are_named() -> None:
    """Two are named alike under different numbers; one is in two sections; a renamed one is the same."""
    text = """name = "paper"
timezone = "UTC"
scope = ["https://h/"]
seeds = ["https://h/"]
[links]
article = ['/(?P<id>[a-z0-9-]+)$']"""
    tally = Tally()
    ferry = "Die Fähre fährt seit gestern wieder, nach elf Wintern, in denen niemand übersetzte. " * 3
    bridge = "Neue Brücken braucht das Land, sagt der Rat und streitet bis spät über jeden Pfeiler. " * 3
    for identifier, url, headline, body in (
        ("brief", "https://h/n/1/brief", "Die Fähre", ferry),
        ("brief", "https://h/n/2/brief", "Die Brücke", bridge),
        ("7", "https://h/7/alter-name", "Alter Titel", ferry + "Erst."),
        ("7", "https://h/7/neuer-name", "Neuer Titel", ferry + "Dann."),
        ("sea/x", "https://h/sea/x", "Der Hafen", bridge + "x"),
        ("land/x", "https://h/land/x", "Der Hafen", bridge + "x"),
    ):
        statement = Statement(
            identifier=identifier, url=url, headline=headline, articleBody=body, origin=Origin.ARTICLE, source="paper"
        )
        tally.add_statement(load_source(text, path="paper.toml"), statement)
    assert tally.list_merged() == [("brief", ("https://h/n/1/brief", "https://h/n/2/brief"))]
    assert tally.list_split() == [("https://h/sea/x", "https://h/land/x")]
