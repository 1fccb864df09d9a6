"""Feeds: read by a reader we did not write, held to their schemas, and safe with whatever a post holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from pipelines.exports.feeds.entries import Order, build_entry
from pipelines.exports.feeds.feeds import FeedOptions, export_feeds
from pipelines.exports.schemas import build_schema
from pipelines.names.slugs import fold_name
from tests.pipelines.exports.samples import NOON, build_hostile, build_sample

if TYPE_CHECKING:
    from pathlib import Path

feedparser = pytest.importorskip("feedparser", reason="feedparser is not installed")

OPTIONS = FeedOptions(title="信报 <News> & more", url="https://news.example/feeds", hub="https://hub.example/", limit=5)
ATOM = "{http://www.w3.org/2005/Atom}"
RECORDS = [*(build_sample(number) for number in range(8)), *build_hostile()]
CONTROLS = replace(build_sample(9), headline="a\x00b\x0bc", articleBody="<p>\x08x\ufffe</p>", keywords=("\x1b",))

# Spec: JSON Feed 1.1, what an item and a feed must and may hold.
SCHEMA = {
    "type": "object",
    "required": ["version", "title", "items"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string", "minLength": 1},
        "home_page_url": {"type": "string", "pattern": "^https?://"},
        "feed_url": {"type": "string", "pattern": "^https?://"},
        "next_url": {"type": "string", "pattern": "^https?://"},
        "hubs": {"type": "array", "items": {"type": "object", "required": ["type", "url"]}},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "pattern": "^urn:uuid:"},
                    "url": {"type": "string", "pattern": "^https?://"},
                    "title": {"type": "string"},
                    "content_html": {"type": "string"},
                    "summary": {"type": "string"},
                    "date_published": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*\+00:00$"},
                    "date_modified": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*\+00:00$"},
                    "authors": {"type": "array", "items": {"type": "object", "required": ["name"]}},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "language": {"type": "string"},
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "feeds"
    assert export_feeds([*RECORDS, CONTROLS], folder, OPTIONS) == len(RECORDS) + 1
    return folder


def parse(path: Path) -> Any:
    found = feedparser.parse(path.read_bytes())
    assert not found.bozo, (path.name, found.get("bozo_exception"))
    return found


def test_every_feed_is_read_without_complaint(folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.suffix in (".atom", ".rss")]
    assert len(paths) > 20
    for path in paths:
        found = parse(path)
        assert 1 <= len(found.entries) <= 5
        assert all(entry.id.startswith("urn:uuid:") and entry.title for entry in found.entries)


def test_every_json_feed_keeps_to_its_schema(folder: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    paths = [path for path in folder.rglob("*.json") if path.name != "_newsreel.json"]
    assert len(paths) > 10
    for path in paths:
        feed = json.loads(path.read_text("utf-8"))
        for schema in (SCHEMA, build_schema("newsreel-feed-1")):
            jsonschema.validate(feed, schema)


@pytest.mark.parametrize("suffix", ["atom", "rss", "json"])
def test_the_newest_come_first_and_no_more_than_wanted(folder: Path, suffix: str) -> None:
    wanted = sorted([*RECORDS, CONTROLS], key=lambda record: (record.published_at, record.id), reverse=True)[:5]
    ids = [build_entry(record).id for record in wanted]
    text = (folder / f"all.{suffix}").read_text("utf-8")
    assert sorted(ids, key=text.index) == ids
    assert text.count("urn:uuid:") == 5


@pytest.mark.parametrize("suffix", ["atom", "rss"])
def test_content_comes_whole_and_titles_are_text(folder: Path, suffix: str) -> None:
    found = parse(folder / f"all.{suffix}")
    by_id = {entry.id: entry for entry in found.entries}
    for record in RECORDS:
        entry = by_id.get(build_entry(record).id)
        if entry is not None:
            assert entry.content[0].value if entry.get("content") else entry.summary
            assert "<script" not in str(entry)
    raw = ET.parse(folder / "all.atom")
    contents = [element.text for element in raw.iter(ATOM + "content")]
    assert set(contents) <= {record.articleBody for record in RECORDS}


def test_an_entry_says_when_it_was_published_and_when_it_changed(tmp_path: Path) -> None:
    later = (NOON + timedelta(days=3)).astimezone(build_sample(1).datePublished.tzinfo)  # type: ignore[union-attr]
    export_feeds([build_sample(1, dateModified=later)], tmp_path / "feeds", OPTIONS)
    (entry,) = parse(tmp_path / "feeds" / "all.atom").entries
    assert entry.published == "2026-03-05T12:00:00+00:00"
    assert entry.updated == "2026-03-07T12:00:00+00:00"
    (item,) = parse(tmp_path / "feeds" / "all.rss").entries
    assert item.published == "Thu, 05 Mar 2026 12:00:00 +0000"


def test_ids_do_not_change_with_the_post() -> None:
    assert build_entry(build_sample(1)).id == build_entry(build_sample(1, headline="x", url="http://x.example/")).id
    assert build_entry(build_sample(1)).id != build_entry(build_sample(2)).id
    assert build_entry(build_sample(1)).id == "urn:uuid:93c5b5cc-d479-5dc3-ba02-342a48a08b8c"


def test_a_feed_names_itself_and_its_hub(folder: Path) -> None:
    for suffix in ("atom", "rss"):
        links = {link.rel: link.href for link in parse(folder / f"all.{suffix}").feed.links}
        assert links["self"] == f"https://news.example/feeds/all.{suffix}"
        assert links["hub"] == "https://hub.example/"
    assert json.loads((folder / "all.json").read_text())["hubs"][0]["url"] == "https://hub.example/"


def test_feeds_hold_what_their_names_say(folder: Path) -> None:
    for kind, name in (("tag", "灯塔"), ("category", "gangwanliaowang"), ("source", "news"), ("collection", "news")):
        assert len(parse(folder / kind / f"{name}.atom").entries) == 5
    assert (folder / "tag" / "sea.json").is_file()


def test_names_that_are_no_path_are_kept_apart(tmp_path: Path) -> None:
    records = [build_sample(n, keywords=[name]) for n, name in enumerate(["a/b", "a-b", "a:b", "..", "A-B"])]
    export_feeds(records, tmp_path / "feeds", OPTIONS)
    tags = sorted((tmp_path / "feeds" / "tag").glob("*.atom"))
    assert len(tags) == 5
    assert all(len(parse(path).entries) == 1 for path in tags)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feeds"]


NAMES = [
    "Jazz",
    "jazz",
    "JAZZ",
    "Con",
    "nul.x",
    "straße",
    "STRASSE",
    "e\u0301tude",
    "étude",
    "长" * 200,
    "x" * 400,
    "lpt1 ",
]


def test_names_have_a_file_each_on_every_file_system(tmp_path: Path) -> None:
    """Some ignore case or composition, some take a name for a device, all bound it in bytes."""
    export_feeds([build_sample(n, keywords=[name]) for n, name in enumerate(NAMES)], tmp_path / "feeds", OPTIONS)
    first = sorted(path.name for path in (tmp_path / "feeds" / "tag").iterdir())
    stems = {fold_name(name) for name in first}
    assert len(stems) == len(first) == 3 * len(NAMES)
    assert not [name for name in first if name.partition(".")[0].rstrip() in ("con", "Con", "nul", "lpt1")]
    assert max(len(name.encode()) for name in first) <= 200
    assert "Jazz.atom" in first, "who comes first keeps the name"
    later = [build_sample(60 + n, keywords=[name]) for n, name in enumerate(reversed(NAMES))]
    records = [*(build_sample(n, keywords=[name]) for n, name in enumerate(NAMES)), *later]
    export_feeds(records, tmp_path / "feeds", OPTIONS)
    assert sorted(path.name for path in (tmp_path / "feeds" / "tag").iterdir()) == first


def test_opml_lists_every_feed(folder: Path) -> None:
    body = ET.parse(folder / "opml.xml").getroot()[1]
    groups = [outline.get("text") for outline in body if outline.get("xmlUrl") is None]
    assert groups == ["Sections", "Collections", "Sources", "Tags"]
    outlines = [outline for outline in body.iter("outline") if outline.get("xmlUrl")]
    feeds = [path for path in folder.rglob("*.atom") if path.parent.name != "archive"]
    assert len(outlines) == len({outline.get("xmlUrl") for outline in outlines}) == len(feeds)
    assert all(outline.get("xmlUrl", "").startswith("https://news.example/feeds/") for outline in outlines)


LINKS = {
    "atom": lambda path: {
        link.get("rel"): link.get("href", "") for link in ET.parse(path).getroot().iter(ATOM + "link")
    },
    "rss": lambda path: {
        link.get("rel"): link.get("href", "") for link in ET.parse(path).getroot().iter(ATOM + "link")
    },
    "json": lambda path: {"prev-archive": json.loads(path.read_text("utf-8")).get("next_url")},
}


def read_ids(path: Path) -> list[str]:
    return re.findall("urn:uuid:[0-9a-f-]+", path.read_text("utf-8"))


@pytest.mark.parametrize("count", [0, 1, 5, 6, 10, 11, 23])
@pytest.mark.parametrize("suffix", ["atom", "rss", "json"])
@pytest.mark.parametrize("feed", ["all", "found"])
def test_one_comes_from_a_feed_to_every_post_and_full_pages_stay(
    feed: str, suffix: str, count: int, tmp_path: Path
) -> None:
    records = [build_sample(number) for number in range(count)]
    seen: list[str] = []
    for known in (count, count + 3):
        more = [*records, *(build_sample(number) for number in range(count, known))]
        export_feeds(more, tmp_path / f"feeds{known}", OPTIONS)
        found, address, hops = set(), f"https://news.example/feeds/{feed}.{suffix}", 0
        while address:
            path = tmp_path / f"feeds{known}" / address.removeprefix("https://news.example/feeds/")
            links = LINKS[suffix](path)
            found |= set(read_ids(path))
            assert len(read_ids(path)) <= 5
            assert (links.get("hub") is None) or hops == 0
            assert hops == 0 or len(read_ids(path)) == 5, "an archive document is full"
            address, hops = links.get("prev-archive") or "", hops + 1
        assert found == {build_entry(record).id for record in more}
        seen.append(f"feeds{known}")
    for path in (tmp_path / seen[0]).glob(f"archive/found-*.{suffix}"):
        later = tmp_path / seen[1] / path.relative_to(tmp_path / seen[0])
        assert read_ids(path) == read_ids(later), "what was found later changes no older document"


def test_what_was_found_or_changed_last_stands_in_feeds_of_its_own(tmp_path: Path) -> None:
    old = build_sample(900, datePublished=NOON - timedelta(days=4000))
    edited = replace(build_sample(2), capture=replace(build_sample(901).capture, captured_at=NOON + timedelta(days=9)))  # type: ignore[type-var]
    export_feeds([old, edited, *(build_sample(n) for n in range(20, 40))], tmp_path / "feeds", OPTIONS)
    ids = {name: read_ids(tmp_path / "feeds" / f"{name}.json") for name in ("all", "found", "changed")}
    assert build_entry(old).id not in ids["all"]
    assert ids["found"][0] == build_entry(old).id
    assert ids["changed"][0] == build_entry(edited).id
    by_change = replace(OPTIONS, order=Order.CHANGED, has_archive=False)
    export_feeds([old, edited, *(build_sample(n) for n in range(20, 40))], tmp_path / "feeds", by_change)
    assert read_ids(tmp_path / "feeds" / "tag" / "sea.json")[0] == build_entry(edited).id
    assert not (tmp_path / "feeds" / "archive").exists()


def test_an_empty_set_is_an_empty_feed(tmp_path: Path) -> None:
    export_feeds([], tmp_path / "feeds", OPTIONS)
    assert parse(tmp_path / "feeds" / "all.atom").entries == []


def test_no_more_is_kept_on_the_way_than_the_feeds_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.exports.feeds.entries._TRIM_EVERY", 3)
    export_feeds(RECORDS, tmp_path / "trimmed", OPTIONS)
    monkeypatch.undo()
    export_feeds(RECORDS, tmp_path / "whole", OPTIONS)
    for path in (tmp_path / "whole").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "trimmed" / path.relative_to(tmp_path / "whole")).read_bytes()
