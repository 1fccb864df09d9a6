"""Pages whose commands can be typed in one folder: they are, on a small archive and beside the bundled newspaper."""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from crawler.demo_site import Newspaper
from crawler.projects.template import make_project
from tests.documents.commands import list_commands, run_page
from tests.project import ROOT, Data, unpack_data
from tests.wire import WireProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

SETTINGS = """
RESOLVER_ALLOW = "127.0.0.0/8"
AUTOTHROTTLE_ENABLED = false
DOWNLOAD_DELAY = 0
"""
ARTICLE = "NW202602251315000305"
PAGES = {path.name: path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}
# What is typed instead of the publishers and programs that are not here: {paper} is the newspaper's address,
# {archived} is that at which the archive has it, {proxy} leads to it. Of two texts that overlap, the first is replaced.
INSTEAD = {
    "discovery.md": {
        "url=https://paper.example/": "url={paper}/ -s CLOSESPIDER_PAGECOUNT=5",
        "CC-NEWS-20190305.warc.gz https://data.example/CC-NEWS-20190306.warc.gz": "archive/*",
        # A server that lists no captures is a problem found.
        "https://web.archive.example/cdx/search/cdx": "{paper}/cdx || [ $? = 1 ]",
        "backfill weir": "backfill courier",
    },
    "getting-started.md": {
        "http://finews.zning.xyz/html_News/NewsShare.html": "{paper}/s/share.html",
        "NW202202182281041355": ARTICLE,
        "source=finews -s CLOSESPIDER_PAGECOUNT=20": "source=courier",
        "crawl category -a source=finews": "crawl category -a source=courier -s CLOSESPIDER_PAGECOUNT=2",
        "source=intranet.toml": "source=courier -s CLOSESPIDER_PAGECOUNT=2",
        "finews": "courier",
        "generate-links": "cat links.txt",
        "RESOLVER_ALLOW=10.0.0.0/8": "RESOLVER_ALLOW=127.0.0.0/8",
        "http_proxy=http://127.0.0.1:3128": "http_proxy={proxy}",
        "https://… -o": "{paper}/ -o",
        "scrapy schedule  ": "scrapy schedule --once ",
    },
    "README.md": {"data/demo": "data"},
    "operations.md": {
        "cd /srv/news && /opt/newsreel/bin/newsreel doctor": "(cd new && newsreel doctor)",
        "/opt/newsreel/bin/newsreel init /srv/news": "newsreel init new",
        "~/.config": "config",
        "https://paper.example/2026/02/25/77.html": ARTICLE,
        # A collection that is there already is not restored.
        "import archive/ --collection newspaper": "import archive/ --collection restored",
    },
    "scale.md": {
        "finews": "newspaper",
        "duckdb -c": "python -c 'import duckdb, sys; print(duckdb.sql(sys.argv[1]))'",
    },
    "scheduling.md": {
        "schedule                             #": "schedule --once #",
        "schedule --sources my-sources/": "schedule --once --sources sources/",
        "~/.config": "config",
    },
    "sources.md": {
        "new https://courier.example/ -o courier.toml": "new {paper}/ -o draft.toml",
        "new https://courier.example/ --collection try --at 20260304080000": "new {archived}/ --collection newspaper",
        "--url https://courier.example/": "--url {paper}/",
        "source=zeit": "url={paper}/ -s CLOSESPIDER_PAGECOUNT=2",
        # No publisher is asked; that none could be reached is a problem found.
        "scrapy sources probe zeit": "https_proxy={paper} scrapy sources probe zeit || [ $? = 1 ]",
        "https://courier.example/2026/03/04/night-ferry-returns": "{paper}/SCIENCE/2026/02/25/" + ARTICLE + ".html",
        "https://courier.example/section/harbour": "{paper}/section/SCIENCE.html",
        "courier.toml --collection courier": "newspaper --collection newspaper",
    },
    "verification.md": {
        # tests/archives/signed_log has an authority for time-stamps.
        " --timestamp https://authority.example/tsr": "",
        " --timestamp-roots roots.pem": "",
        "finews": "newspaper",
    },
    "viewer.md": {
        "scrapy serve ": "begin scrapy serve ",
        "python -m archives": "begin python -m archives",
        "8080": "0",
        "8081": "0",
        "data/demo": "data",
    },
}


# Pages whose commands other tests take from them.
ELSEWHERE = {
    "exports.md": "tests/pipelines/exports/test_examples.py",
    "extending.md": "tests/test_extending.py",
}
# How commands begin that are not typed here, by the place that runs the same.
UNTYPED = {
    "README.md": {"python3 -m venv": ".ci/run"},
    "CONTRIBUTING.md": {"ruff": "tests/test_lint.py", "mypy": "tests/test_lint.py", "python -m pytest": ".ci/run"},
    "dependencies.md": {"pip install --no-deps boto3": ".ci/run"},
    "operations.md": {
        "python3 -m venv /opt/newsreel": "tests/crawler/projects/test_projects.py",
        "podman": "tests/deployment/test_container.py",
        "mkdir news && podman": "tests/deployment/test_container.py",
        "rsync": "tests/crawler/commands/test_restore_command.py",
    },
    "scale.md": {
        "pip install": ".ci/run",
        "export NEWSREEL_FRONTIER_URL": "tests/crawler/frontier/test_shared_crawls.py",
        "export NEWSREEL_CATALOGUE_URL": "tests/crawler/commands/test_sync_command.py",
        "scrapy crawl category": "tests/crawler/commands/test_sync_command.py",
        "scrapy reparse COLLECTION --engine": "tests/crawler/batch",
        "scrapy verify  COLLECTION": "tests/crawler/batch",
        "scrapy index   COLLECTION": "tests/crawler/batch",
        "scrapy export  parquet": "tests/crawler/batch",
        "export AWS_ENDPOINT_URL": "tests/crawler/commands/test_store_command.py",
        "scrapy store COLLECTION": "tests/crawler/commands/test_store_command.py",
    },
}


@pytest.fixture
def paper() -> Iterator[Newspaper]:
    with Newspaper() as paper:
        yield paper


@pytest.fixture
def folder(tmp_path: Path, paper: Newspaper) -> Path:
    """A project folder with an archive, and a source that is served, with a page of it and a list of links."""
    make_project(tmp_path)
    with (tmp_path / "newsreel.toml").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    data = Data(tmp_path / "data")
    data.path.mkdir()
    unpack_data(data.path)
    (data.collection("newspaper") / "signed-log.jsonl").unlink()
    shutil.copytree(data.collection("newspaper") / "archive", tmp_path / "archive")
    source = paper.source_toml().replace('"newspaper"', '"courier"') + '\n[schedule]\nevery = "30m"\n'
    for path in (tmp_path / "sources" / "courier.toml", tmp_path / "courier.toml"):
        path.write_text(source, "utf-8")
    with urlopen(paper.base_url) as answer:
        (tmp_path / "page.html").write_bytes(answer.read())
    (tmp_path / "links.txt").write_text(f"{paper.base_url}/s/share.html?infoCode={ARTICLE}\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_the_commands_of_a_page_work(name: str, folder: Path, paper: Newspaper) -> None:
    archived = tomllib.loads((folder / "data" / "newspaper.toml").read_text("utf-8"))["seeds"][0].rstrip("/")
    there = ("127.0.0.1", paper.port)
    with WireProxy(origins={there: there}) as proxy:
        places = {"paper": paper.base_url, "archived": archived, "proxy": proxy.base_url}
        instead = {old: new.format(**places) for old, new in INSTEAD[name].items()}
        run_page(PAGES[name], folder, instead=instead, untyped=UNTYPED.get(name, ()))


def test_the_commands_of_every_page_are_typed_here_or_run_elsewhere() -> None:
    pages = set()
    for name, page in PAGES.items():
        untyped = tuple(UNTYPED.get(name, ()))
        commands = list_commands(page)
        assert [words for words in untyped if not any(line.startswith(words) for line in commands)] == []
        if any(not line.startswith(untyped) for line in commands):
            pages.add(name)
    assert pages == INSTEAD.keys() | ELSEWHERE.keys()
    places = {*ELSEWHERE.values(), *(place for commands in UNTYPED.values() for place in commands.values())}
    assert [place for place in places if not (ROOT / place).exists()] == []
