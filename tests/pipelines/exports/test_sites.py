"""The static sites, built by the generators themselves and opened in a browser: every post once, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest

from crawler.publishing.library import Library
from pipelines.dates.model import Precision
from pipelines.exports.records import PostRecord
from pipelines.exports.sites.hugo import export_hugo
from pipelines.exports.sites.jekyll import export_jekyll
from pipelines.exports.sites.site import SiteOptions, build_name, build_page_path, find_link, show_date
from pipelines.names.slugs import fold_name
from tests.pipelines.exports.browser import needs_chromium, read_pages
from tests.pipelines.exports.samples import SHANGHAI, build_hostile, build_sample
from tests.project import Data, hash_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.long

SECRET = "leaked-7f3a91"
SITE = SiteOptions(title='The "Loopback" Courier {{ site.secret_value }}', url="https://courier.example/news")
needs_jekyll = pytest.mark.skipif(shutil.which("jekyll") is None, reason="no jekyll: apt-get install jekyll")
needs_hugo = pytest.mark.skipif(shutil.which("hugo") is None, reason="no hugo: apt-get install hugo")


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert not re.search(r"warn|error|conflict|deprecat", said, re.IGNORECASE), said


def build_jekyll(folder: Path) -> Path:
    (folder / "_secret.yml").write_text(f'secret_value: "{SECRET}"\n')
    run(["jekyll", "build", "--trace", "--config", "_config.yml,_secret.yml"], folder)
    return folder / "_site"


def build_hugo(folder: Path) -> Path:
    config = folder / "config.json"
    config.write_text(
        config.read_text("utf-8").replace("{", f'{{"params": {{"secret_value": "{SECRET}"}},', 1), "utf-8"
    )
    run(["hugo"], folder)
    return folder / "public"


GENERATORS = [
    pytest.param(export_jekyll, build_jekyll, marks=needs_jekyll, id="jekyll"),
    pytest.param(export_hugo, build_hugo, marks=needs_hugo, id="hugo"),
]


@pytest.fixture(scope="module")
def records(newspaper: Data) -> list[PostRecord]:
    twins = [replace(build_sample(200), file=f"2026-03-04-{name}.md", identifier=name) for name in ("Twin", "twin")]
    future = build_sample(300, datePublished=build_sample(1).datePublished.replace(year=2099))  # type: ignore[union-attr]
    day = build_sample(301, datePublished_precision=Precision.DAY)
    old = build_sample(302, datePublished=datetime(1880, 1, 1, tzinfo=SHANGHAI), headline="before time zones")
    names = ["Town", "town", "TOWN", "con", "区" * 200, "ſ", "s"]
    names += ["index.html", "Feed.xml", "sitemap.xml", "style.css"]
    sections = [build_sample(310 + n, articleSection=[name], headline=f"in {n}") for n, name in enumerate(names)]
    return [*Library(newspaper.path).posts(), *build_hostile(), *twins, future, day, old, *sections]


def list_pages(site: Path) -> list[str]:
    """The paths of the pages of posts."""
    pages = ["/" + str(path.relative_to(site)) for path in site.rglob("*.html")]
    return sorted(path for path in pages if not path.startswith(("/category/", "/index.html")))


@needs_chromium
@pytest.mark.parametrize(("export", "build"), GENERATORS)
def test_a_browser_finds_every_post_once_and_nothing_running(
    export: Callable[..., int], build: Callable[[Path], Path], records: list[PostRecord], tmp_path: Path
) -> None:
    site = replace_base(SITE)
    assert export(records, tmp_path / "site", site) == len(records)
    built = build(tmp_path / "site")
    assert [path for path in built.rglob("*") if path.is_file() and SECRET in path.read_text("utf-8")] == []
    paths = list_pages(built)
    assert len(paths) == len(records)
    pages = read_pages(built, paths)
    shown = sorted((p["title"], *p["h1"], *p["shown"], tuple(p["tags"]), tuple(p["sections"])) for p in pages)
    wanted = sorted((r.headline, r.headline, show_date(r), r.keywords, r.articleSection) for r in records)
    assert shown == [tuple(" ".join(x.split()) if isinstance(x, str) else x for x in row) for row in wanted]
    assert {page["scripts"] + page["handlers"] + page["danger"] for page in pages} == {0}
    bodies = {page["h1"][0]: page["text"] for page in pages}
    for record in records:
        assert first_words(record.text) in " ".join(bodies[" ".join(record.headline.split())].split())


def replace_base(site: SiteOptions) -> SiteOptions:
    """The same site at the root, where the test serves it."""
    return SiteOptions(title=site.title, url="https://courier.example")


def first_words(text: str) -> str:
    return " ".join(text.split("\n", maxsplit=1)[0].split())[:40]


@needs_chromium
@pytest.mark.parametrize(("export", "build"), GENERATORS)
def test_lists_lead_to_every_post(
    export: Callable[..., int], build: Callable[[Path], Path], records: list[PostRecord], tmp_path: Path
) -> None:
    export(records, tmp_path / "site", replace_base(SITE))
    built = build(tmp_path / "site")
    categories = ["/category/" + path.name for path in sorted((built / "category").iterdir())]
    home, *lists = read_pages(built, ["/index.html", *categories])
    filed = {link[0]: link[1] for page in lists for link in page["links"]}
    files = [fold_name(str(path.relative_to(built))) for path in built.rglob("*.html")]
    assert len(set(files)) == len(files)
    existing = {f"/{path.relative_to(built)}" for path in built.rglob("*.html")}
    assert {unquote(path) for path in filed} == set(list_pages(built))
    assert {unquote(link[0]) for link in home["links"]} <= existing
    assert sorted(filed.values()) == sorted(" ".join(r.headline.split()) for r in records)
    assert home["scripts"] + home["handlers"] == 0
    for section in {section for record in records for section in record.articleSection}:
        assert " ".join(section.split()) in [" ".join(page["h1"][0].split()) for page in lists]


@pytest.mark.parametrize(("export", "build"), GENERATORS)
def test_sitemap_and_feed_name_every_page_at_its_address(
    export: Callable[..., int], build: Callable[[Path], Path], tmp_path: Path
) -> None:
    export([build_sample(number) for number in range(3)], tmp_path / "site", SITE)
    built = build(tmp_path / "site")
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    locations = [entry.text or "" for entry in ET.parse(built / "sitemap.xml").iter(space + "loc")]
    assert len(locations) == 3
    for location in locations:
        assert (built / location.removeprefix("https://courier.example/news/")).is_file()
    links = [e.get("href") for e in ET.parse(built / "feed.xml").iter("{http://www.w3.org/2005/Atom}link")]
    assert set(locations) <= set(links)
    assert 'href="/news/category/gangwanliaowang.html"' in next(built.glob("gang*/2026/*/*/*.html")).read_text("utf-8")


@needs_jekyll
@needs_hugo
def test_both_generators_make_the_same_pages(records: list[PostRecord], tmp_path: Path) -> None:
    export_jekyll(records, tmp_path / "jekyll", SITE)
    export_hugo(records, tmp_path / "hugo", SITE)
    jekyll, hugo = build_jekyll(tmp_path / "jekyll"), build_hugo(tmp_path / "hugo")
    for pattern in ("*.html", "*.xml", "*.css"):
        assert set(hash_tree(jekyll, pattern)) == set(hash_tree(hugo, pattern))


@needs_jekyll
def test_post_files_build_as_they_are_with_jekyll(newspaper: Data, tmp_path: Path) -> None:
    export_jekyll([], tmp_path / "site", SITE)
    shutil.copytree(newspaper.posts("newspaper"), tmp_path / "site" / "_posts", dirs_exist_ok=True)
    built = build_jekyll(tmp_path / "site")
    files = list(newspaper.posts("newspaper").glob("*.md"))
    assert len(list_pages(built)) == len(files) > 40
    assert SECRET not in "".join(path.read_text("utf-8") for path in built.rglob("*.html"))


@needs_hugo
def test_post_files_build_as_they_are_with_hugo(newspaper: Data, tmp_path: Path) -> None:
    export_hugo([], tmp_path / "site", SITE)
    config = tmp_path / "site" / "config.json"
    raw = '{"markup": {"goldmark": {"renderer": {"unsafe": true}}},'
    config.write_text(config.read_text("utf-8").replace("{", raw, 1), "utf-8")
    shutil.copytree(newspaper.posts("newspaper"), tmp_path / "site" / "content" / "posts", dirs_exist_ok=True)
    built = build_hugo(tmp_path / "site")
    files = list(newspaper.posts("newspaper").glob("*.md"))
    assert len(list_pages(built)) == len(files) > 40


@needs_jekyll
def test_broken_front_matter_stops_the_build(tmp_path: Path) -> None:
    export_jekyll([build_sample(1)], tmp_path / "site", SITE)
    (tmp_path / "site" / "_posts" / "2026-03-04-x.html").write_text('---\ntitle: "He said "hi""\n---\nx\n')
    done = subprocess.run(["jekyll", "build"], cwd=tmp_path / "site", capture_output=True, check=False)
    assert done.returncode != 0


PATHS = [
    ("gangwanliaowang", "gangwanliaowang"),
    ("anxin(xianggang) APP", "anxin(xianggang) APP"),
    ("../../etc/passwd", "etc-passwd"),
    (":year/{x}", "year-x"),
    ("...", "posts"),
    ("a%2fb?c#d", "a-2fb-c-d"),
    ("Con", "Con-3b6f52aa"),
    ("nul.tar.gz", "nul-tar-gz-58766678"),
    ("console", "console"),
]


@pytest.mark.parametrize(("slug", "name"), PATHS)
def test_a_slug_names_no_other_folder(slug: str, name: str) -> None:
    assert build_name(slug) == name


@pytest.mark.parametrize("name", ["index.html", "Feed.xml", "sitemap.xml", "style.css"])
def test_no_page_is_in_a_folder_that_the_site_has_a_file_for(name: str) -> None:
    assert build_page_path(build_sample(1, articleSection=[name])).startswith(f"/{name.replace('.', '-')}/2026/")


LINKS = {
    "http://news.example/100%/ä b?q=%E4|%": "http://news.example/100%25/%C3%A4%20b?q=%E4%7C%25",
    "http://[2001:db8::1]:8080/a[1]?b[]=[": "http://[2001:db8::1]:8080/a%5B1%5D?b%5B%5D=%5B",
    "http://news.example/a#b#c": "http://news.example/a#b%23c",
    "http://[news.example/a": "",
    "http:///a": "",
}


@pytest.mark.parametrize("url", LINKS)
def test_a_link_to_the_original_is_a_valid_address(url: str) -> None:
    assert find_link(build_sample(1, url=url)) == LINKS[url]


def test_a_page_lies_where_the_first_source_had_it() -> None:
    assert build_page_path(build_sample(1)) == "/gangwanliaowang/2026/03/05/NW2026030412000001.html"
