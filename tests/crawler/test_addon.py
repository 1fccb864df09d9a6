"""The add-on in a Scrapy project of somebody else: one line is enough, and the process stays theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.settings import Settings

from crawler.addon import NewsreelAddon
from crawler.demo_site import Newspaper
from tests.project import LOOPBACK, ROOT, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
from tests.crawler.process_state import watch_audit_hooks

watch_audit_hooks()
SPIDER_MODULES = ["paper.spiders"]
EXTENSIONS = {"tests.crawler.process_state.ProcessState": 900}
TELNETCONSOLE_ENABLED = REMOTE_CONTROL_ENABLED = False
"""
ADDON = """
ADDONS = {"crawler.addon.NewsreelAddon": 100}
"""
SPIDER = """
from scrapy import Spider

class Paper(Spider):
    name = "paper"

    def parse(self, response):
        yield {"title": "Harbour", "date": "2026-03-04", "url": response.url, "body": "<p>The harbour froze.</p>"}
"""
PAGE = build_response(b"<html><body><h1>Harbour</h1></body></html>", headers=[("Content-Type", "text/html")])


def crawl_elsewhere(folder: Path, url: str, settings: str) -> dict[str, Any]:
    """Crawl one page in a project that is in its own folder; return what the crawl set process-wide."""
    (folder / "paper").mkdir(parents=True)
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = paper.settings\n", "utf-8")
    (folder / "paper" / "__init__.py").touch()
    (folder / "paper" / "settings.py").write_text(settings, "utf-8")
    (folder / "paper" / "spiders.py").write_text(f"{SPIDER}\n    start_urls = [{url!r}]\n", "utf-8")
    state = folder.with_suffix(".json")
    command = [sys.executable, "-m", "scrapy", "crawl", "paper", "-s", f"PROCESS_STATE_FILE={state}"]
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    clean.pop("SCRAPY_SETTINGS_MODULE", None)
    clean |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    return dict(json.loads(state.read_text("utf-8")))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Data, dict[str, Any], dict[str, Any]]:
    """The data that the add-on left in a project, and what two crawls set process-wide: with it and without."""
    folder = tmp_path_factory.mktemp("foreign")
    with WireServer({"/1": PAGE}) as server:
        plain = crawl_elsewhere(folder / "plain", server.url("/1"), SETTINGS)
        added = crawl_elsewhere(folder / "added", server.url("/1"), SETTINGS + ADDON)
    return Data(folder / "added" / "data"), plain, added


def test_one_line_is_enough(foreign: tuple[Data, dict[str, Any], dict[str, Any]]) -> None:
    data, _, _ = foreign
    assert len(data.warcs("default")) == 1
    assert [path.name for path in data.posts("default").glob("*.md")] == ["2026-03-04-Harbour.md"]


def test_the_add_on_sets_nothing_for_the_whole_process(foreign: tuple[Data, dict[str, Any], dict[str, Any]]) -> None:
    _, plain, added = foreign
    for state in (plain, added):
        assert state.pop("folder") in {"plain", "added"}
        for name in ("PWD", "OLDPWD"):
            state["environment"].pop(name, None)
    assert added == plain
    assert added["frozen"] == 0
    assert added["audit_hooks"] == []
    assert added["returns_large_blocks"] in (False, None)


def test_a_project_keeps_its_own_counters() -> None:
    settings = Settings({"STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector"})
    NewsreelAddon().update_settings(settings)
    assert settings["STATS_CLASS"] == "scrapy.statscollectors.DummyStatsCollector"


@pytest.mark.parametrize("is_wanted", [True, False])
def test_the_cookie_jar_is_there_only_where_it_is_wanted(is_wanted: bool) -> None:
    settings = Settings({"COOKIES_ENABLED": is_wanted})
    NewsreelAddon().update_settings(settings)
    names = settings.get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES").keys()
    assert any(name.endswith("CookiesMiddleware") for name in names) is is_wanted


def test_our_own_command_tunes_its_process(data: Data, tmp_path: Path) -> None:
    source, state = tmp_path / "newspaper.toml", tmp_path / "state.json"
    probe = {"EXTENSIONS": '{"tests.crawler.process_state.ProcessState": 900}', "PROCESS_STATE_FILE": state}
    with Newspaper() as paper:
        source.write_text(paper.source_toml(), "utf-8")
        arguments = ("-a", f"source={source}", "-s", "CLOSESPIDER_PAGECOUNT=2")
        run_scrapy("crawl", "category", *arguments, data=data, settings=LOOPBACK | probe)
    crawled = json.loads(state.read_text("utf-8"))
    assert crawled["frozen"] > 10_000
    assert crawled["returns_large_blocks"] in (True, None)
