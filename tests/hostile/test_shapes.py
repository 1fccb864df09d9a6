"""Markup that runs scripts, through the whole pipeline and into a browser: nothing of it runs wherever a post is shown.

What stands before a browser without the pipeline in between does run: that is the control, and it is asserted too.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from urllib.request import urlopen
from xml.etree import ElementTree as ET

import pytest

from crawler.publishing.library import Library
from pipelines.exports.feeds.feeds import FeedOptions, export_feeds
from pipelines.exports.sites.hugo import export_hugo
from pipelines.exports.sites.jekyll import export_jekyll
from pipelines.posts.front_matter import load_front_matter
from tests.crawler.viewer.browser import CHROMIUM, Browser
from tests.crawler.viewer.conftest import Viewer, show
from tests.hostile.shapes import Shape, ShapeOrigin, load_shapes
from tests.hostile.stage import Live, Seen, Stage
from tests.pipelines.exports.test_sites import (
    SITE,
    build_hugo,
    build_jekyll,
    list_pages,
    needs_hugo,
    needs_jekyll,
    replace_base,
)
from tests.project import LOOPBACK, Data, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (Debian's package chromium)"),
]

# So many of the shapes run or ask as they are in Chromium; the others did in browsers of another day.
CONTROL_FLOOR = 180
GENERATOR_FLOOR = 8
READER_FLOOR = 80
# What the viewer itself puts on a post's page: the field for a sentence to cite.
CITE_FORM = ["form", "input", "input", "input", "input", "button"]


@dataclass
class Site:
    """The crawl of every shape, its posts, and the browser that shows them."""

    data: Data
    origin_url: str
    shapes: list[Shape]
    stage: Stage

    @property
    def numbers(self) -> set[int]:
        return {shape.number for shape in self.shapes}

    @functools.cached_property
    def posted(self) -> set[int]:
        return {int(record.identifier) for record in Library(self.data.path).posts()}

    def name(self, numbers: set[int]) -> list[str]:
        return [shape.raw for shape in self.shapes if shape.number in numbers]

    def assert_harmless(self, seen: Seen) -> None:
        assert self.name(seen.fired) == []
        assert self.name(seen.asked) == []
        assert seen.acting == {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = Data(tmp_path_factory.mktemp("shapes") / "data")
    with Live().open() as live:
        shapes = load_shapes(live.url)
        with ShapeOrigin(shapes, live.url) as origin:
            source = data.path.parent / "shapes.toml"
            source.write_text(origin.source_toml(), "utf-8")
            settings = LOOPBACK | {"CONCURRENT_REQUESTS": 16}
            done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
            assert done.returncode == 0, done.stderr[-3000:]
            assert "Traceback" not in done.stderr
            origin_url = origin.base_url
        assert live.asked == set()
        with Browser(tmp_path_factory.mktemp("browser")) as browser:
            yield Site(data, origin_url, shapes, Stage.build(browser, live))


@pytest.fixture(scope="module")
def viewer(site: Site) -> Iterator[Viewer]:
    with show(site.data) as shown:
        yield shown


def test_as_they_stand_most_shapes_run(site: Site, tmp_path: Path) -> None:
    """The control: a browser in which nothing ran would prove nothing."""
    frames = {str(shape.number): {"srcdoc": shape.raw} for shape in site.shapes if shape.is_markup}
    seen = site.stage.show_in_frames(tmp_path, frames)
    assert len(seen.fired | seen.asked) >= CONTROL_FLOOR
    assert len(seen.acting) >= CONTROL_FLOOR
    assert len(frames) >= 300


def test_every_page_is_posted(site: Site) -> None:
    posts = {int(record.identifier): record for record in Library(site.data.path).posts()}
    # A page that says it has moved is followed, as a browser would.
    assert [raw for raw in site.name(site.numbers - set(posts)) if "refresh" not in raw.lower()] == []
    for number, record in posts.items():
        assert record.headline.strip()
        # It is the whole text, and not a part that some shape has left over.
        assert record.text.startswith(f"Number {number}:"), record.text
    files = list(site.data.posts("shapes").glob("*.md"))
    assert len(files) == len(posts)
    for path in files:
        fields, body = load_front_matter(path.read_text("utf-8"))
        assert set(fields) == {"layout", "title", "date", "categories", "tags"}
        assert "{" not in body


def _list_posts(site: Site) -> list[str]:
    keys = ({"collection": "shapes", "source": "shapes", "id": number} for number in sorted(site.posted))
    return [f"/-/post?{urlencode(key)}" for key in keys]


def _list_captures(site: Site) -> list[str]:
    return [f"/shapes/2026mp_/{site.origin_url}/a/{shape.number}.html" for shape in site.shapes]


@pytest.mark.parametrize("list_targets", [_list_posts, _list_captures])
def test_the_viewer_shows_nothing_that_runs(
    site: Site, viewer: Viewer, tmp_path: Path, list_targets: Callable[[Site], list[str]]
) -> None:
    """Its pages without the policy that they come with: nothing is left for it to hold back."""
    frames = {target: {"srcdoc": _fetch(viewer.url + target)} for target in list_targets(site)}
    assert len(frames) >= len(site.posted)
    seen = site.stage.show_in_frames(tmp_path, frames)
    own = CITE_FORM if list_targets is _list_posts else []
    assert {target: found for target, found in seen.acting.items() if found != own} == {}
    site.assert_harmless(replace(seen, acting={}))
    assert site.stage.live.asked == set()


@pytest.mark.parametrize("list_targets", [_list_posts, _list_captures])
def test_the_viewer_asks_nobody(site: Site, viewer: Viewer, list_targets: Callable[[Site], list[str]]) -> None:
    """Its pages as they are served, opened one after the other: not even a picture is asked of the web."""
    site.assert_harmless(site.stage.show_each(viewer.url + target for target in list_targets(site)[::16]))
    assert site.stage.live.asked == set()


def _fetch(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        return str(answer.read().decode("utf-8"))


def test_nothing_runs_in_a_list_of_posts(site: Site, viewer: Viewer) -> None:
    names = ["/", "/-/runs", "/shapes/", *(f"/-/posts?collection=shapes&page={number}" for number in range(1, 8))]
    site.assert_harmless(site.stage.show_each(viewer.url + name for name in names))


@needs_jekyll
def test_nothing_runs_in_a_site_that_jekyll_builds(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    done = run_scrapy("export", "jekyll", "-o", str(folder), "--url", "https://courier.example", data=site.data)
    assert done.returncode == 0, done.stderr
    _show_built(site, build_jekyll(folder), first=0)


@needs_hugo
def test_nothing_runs_in_a_site_that_hugo_builds(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    done = run_scrapy("export", "hugo", "-o", str(folder), "--url", "https://courier.example", data=site.data)
    assert done.returncode == 0, done.stderr
    _show_built(site, build_hugo(folder), first=1)


@needs_jekyll
def test_nothing_runs_in_post_files_that_kramdown_reads(site: Site, tmp_path: Path) -> None:
    export_jekyll([], tmp_path / "site", replace_base(SITE))
    shutil.copytree(site.data.posts("shapes"), tmp_path / "site" / "_posts", dirs_exist_ok=True)
    _show_built(site, build_jekyll(tmp_path / "site"), first=1)


@needs_hugo
def test_nothing_runs_in_post_files_that_goldmark_reads(site: Site, tmp_path: Path) -> None:
    export_hugo([], tmp_path / "site", replace_base(SITE))
    _allow_markup(tmp_path / "site" / "config.json")
    shutil.copytree(site.data.posts("shapes"), tmp_path / "site" / "content" / "posts", dirs_exist_ok=True)
    _show_built(site, build_hugo(tmp_path / "site"), first=2)


def _allow_markup(config: Path) -> None:
    told = {"markup": {"goldmark": {"renderer": {"unsafe": True}}}}
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")) | told), "utf-8")


def _show_built(site: Site, built: Path, *, first: int) -> None:
    """Show a third of the pages, another one for each of three generators: the viewer and the feeds show every post."""
    paths = list_pages(built)
    assert len(paths) == len(site.posted)
    frames = {path: {"src": quote(path)} for path in paths[first::3]}
    site.assert_harmless(site.stage.show_in_frames(built, frames))


@needs_jekyll
def test_what_is_meant_for_a_generator_runs_where_nobody_took_care(site: Site, tmp_path: Path) -> None:
    """The control of the generators: the same shapes in post files that hold them as they were found."""
    export_jekyll([], tmp_path / "site", replace_base(SITE))
    for shape in site.shapes:
        if not shape.is_markup:
            path = tmp_path / "site" / "_posts" / f"2026-01-02-{shape.number}.md"
            path.write_text(f"---\nlayout: post\ntitle: x\n---\n{shape.raw}\n", "utf-8")
    config = tmp_path / "site" / "_config.yml"
    config.write_text(config.read_text("utf-8").replace("strict", "lax"), "utf-8")
    subprocess.run(["jekyll", "build"], cwd=tmp_path / "site", capture_output=True, check=True, timeout=120)
    built = tmp_path / "site" / "_site"
    seen = site.stage.show_in_frames(built, {path: {"src": quote(path)} for path in list_pages(built)})
    assert len(seen.fired) >= GENERATOR_FLOOR


SPACES = {"atom": "http://www.w3.org/2005/Atom", "content": "http://purl.org/rss/1.0/modules/content/"}


def _read_feeds(folder: Path) -> dict[str, list[str]]:
    """What a careless reader takes for markup, by feed: the content of each entry, and what RSS calls a description."""
    atom = ET.parse(folder / "all.atom").iterfind("atom:entry/atom:content", SPACES)
    rss = ET.parse(folder / "all.rss").findall("channel/item")
    items = json.loads((folder / "all.json").read_text("utf-8"))["items"]
    return {
        "atom": [content.text or "" for content in atom],
        "rss": [item.findtext("content:encoded", "", SPACES) for item in rss],
        "rss description": [item.findtext("description", "") for item in rss],
        "json": [item["content_html"] for item in items],
    }


def test_nothing_runs_in_a_feed_reader(site: Site, tmp_path: Path) -> None:
    """One that puts what it reads into its page as it is, and one that gives each entry a frame."""
    count = export_feeds(Library(site.data.path).posts(), tmp_path / "feeds", FeedOptions(limit=1_000))
    assert count == len(site.posted)
    found = _read_feeds(tmp_path / "feeds")
    assert {len(contents) for contents in found.values()} == {count}
    different = sorted({content for contents in found.values() for content in contents if "<" in content})
    assert len(different) >= count
    frames = {content: {"srcdoc": content} for content in different}
    (tmp_path / "inner.json").write_text(json.dumps(different), "utf-8")
    (tmp_path / "inner.html").write_text(READER, "utf-8")
    site.assert_harmless(site.stage.show_in_frames(tmp_path, frames | {"reader": {"src": "/inner.html"}}))


READER = """<!doctype html><meta charset="utf-8"><body><main></main><script>
const asked = new XMLHttpRequest();
asked.open('GET', '/inner.json', false);
asked.send();
for (const content of JSON.parse(asked.responseText)) {
  const entry = document.createElement('article');
  document.querySelector('main').append(entry);
  entry.innerHTML = content;
}
</script>"""


def test_a_feed_as_the_page_had_it_does_run(site: Site, tmp_path: Path) -> None:
    """The control of the reader."""
    (tmp_path / "inner.json").write_text(json.dumps([shape.raw for shape in site.shapes]), "utf-8")
    (tmp_path / "inner.html").write_text(READER, "utf-8")
    seen = site.stage.show_in_frames(tmp_path, {"inner": {"src": "/inner.html"}})
    assert len(seen.fired) >= READER_FLOOR
