"""Seeing a crawl: a bar that the log does not tear, plain lines in a pipe, events for a program."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from crawler.demo_site import Newspaper
from crawler.monitoring.crawl_counts import CrawlCounts
from crawler.monitoring.progress import _Bar
from tests.project import ROOT, Data, run_scrapy
from tests.wire import WireServer, build_response

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS: dict[str, object] = {"RESOLVER_ALLOW": "127.0.0.0/8", "AUTOTHROTTLE_ENABLED": False}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Path]:
    """A paper that takes its time, so that there is something to see."""
    path = tmp_path / "newspaper.toml"
    with Newspaper() as paper:
        path.write_text(paper.source_toml().replace("delay = 0", "delay = 0.01\nconcurrency = 2"), "utf-8")
        yield path


def test_a_pipe_gets_a_plain_line_now_and_then(source: Path, data: Data) -> None:
    settings = SETTINGS | {"PROGRESS_INTERVAL": 0.3, "LOG_LEVEL": "ERROR"}
    done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    *lines, last = done.stderr.splitlines()
    shape = re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ progress newspaper pages=(\d+) new=(\d+) updated=0 unchanged=0 failed=\d+"
        r" dropped=\d+ bytes=(\d+) done=(\d+) waiting=\d+ per_s=[\d.]+( eta_s=\d+)?"
    )
    matches = [shape.fullmatch(line) for line in lines]
    assert len(lines) >= 2
    assert all(matches), lines
    numbers = [tuple(map(int, match.groups()[:4])) for match in matches if match]
    assert numbers == sorted(numbers)
    assert numbers[-1] > numbers[0]
    assert "41 new" in last
    assert "\x1b" not in done.stderr


def test_json_tells_of_everything_once(source: Path, data: Data) -> None:
    settings = SETTINGS | {"PROGRESS_INTERVAL": 0.3, "LOG_LEVEL": "ERROR"}
    done = run_scrapy("crawl", "category", "-a", f"source={source}", "--json", data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    (manifest_path,) = (data.collection("newspaper") / "runs").glob("*.json")
    manifest = json.loads(manifest_path.read_text("utf-8"))
    assert {event["source"] for event in events} == {"newspaper"}
    assert kinds[0] == "started"
    assert (events[0]["run"], events[0]["seeds"]) == (manifest["run"], manifest["seeds"])
    posts = [event for event in events if event["event"] == "post"]
    assert {post["file"] for post in posts} == {path.name for path in data.posts("newspaper").glob("*.md")}
    assert len(posts) == manifest["counts"]["posts/new"]
    failures = [event for event in events if event["event"] == "failure"]
    assert sorted(event["reason"] for event in failures) == ["http_404", "http_410", "refused_by_us"]
    assert kinds.count("progress") >= 2
    assert kinds[-1] == "finished"
    assert (events[-1]["exit_code"], events[-1]["exit_reason"]) == (0, "finished")
    assert manifest["counts"].items() <= events[-1]["counts"].items()


def test_the_log_does_not_tear_the_bar(source: Path, data: Data) -> None:
    """Every line of the log starts where a line starts, the bar is redrawn below it, and nothing of it remains."""
    shown = run_on_terminal(source, data)
    assert re.search(r"newspaper .* pages · \d+ new · .* waiting · \d+s left", shown)
    stamps = list(re.finditer(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[", shown))
    assert len(stamps) > 5
    torn = [
        shown[max(0, s.start() - 40) : s.end()]
        for s in stamps
        if not re.search(r"(?:\n|\x1b\[2K|^)$", shown[: s.start()])
    ]
    assert not torn
    assert "41 new, 0 updated" in shown.rpartition("newspaper: ")[2]


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("name", ["courier", "a-paper-whose-name-is-longer-than-its-headlines"])
def test_a_narrow_bar_keeps_failures_and_time_left(columns: int, name: str) -> None:
    screen = io.StringIO()
    bar = _Bar(name, Console(file=screen, force_terminal=True, width=columns, color_system=None))
    posts = {"new": 30_123, "updated": 12, "unchanged": 90_456}
    numbers = {"pages": 120_345, "failed": 1_234, "done": 45_678, "waiting": 45_678, "bytes_archived": 10**10}
    bar.show(CrawlCounts(**numbers, posts=posts, per_s=35.2))
    bar.close()
    line, *_ = re.findall(r"[^\r\n]* left", re.sub(r"\x1b\[[\d?]*[A-Za-z]", "", screen.getvalue()))
    assert line.count("━") >= 5, "half of the bar"
    assert "1234 failed" in line
    assert line.endswith(" 21m38s left")
    assert "…" not in line
    assert len(line) <= columns


def run_on_terminal(source: Path, data: Data) -> str:
    """What a person would be sent who runs a crawl on a terminal."""
    ours, theirs = pty.openpty()
    settings = SETTINGS | {"DATA_DIR": data.path, "LOG_LEVEL": "INFO"}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options]
    environment = os.environ | {"COLUMNS": "150", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = bytearray()
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # the way in which a terminal says that nobody writes any more
            pass
        assert process.wait(30) == 0, shown.decode()
    os.close(ours)
    return shown.decode()


def test_what_is_shown_can_be_switched_off(source: Path, data: Data) -> None:
    settings = SETTINGS | {"PROGRESS_INTERVAL": 0.2, "LOG_LEVEL": "ERROR", "PROGRESS_FORMAT": "off"}
    done = run_scrapy("crawl", "category", "-a", f"source={source}", data=data, settings=settings)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1


BROKEN = """
name = "s"
timezone = "UTC"
scope = ["{base}/"]
seeds = ["{base}/"]
[links]
article = ['/$']
"""


@pytest.mark.parametrize(
    ("settings", "status", "exit_code"),
    [
        ({}, "200 OK", 0),
        ({}, "500 Oops", 1),
        ({"ARCHIVE_MIN_FREE_BYTES": 1 << 60}, "200 OK", 3),
        ({"ITEM_PIPELINES": '{"nowhere.Pipeline": 1}'}, "200 OK", 1),
    ],
    ids=["ok", "nothing fetched", "out of space", "problems"],
)
def test_a_crawl_says_how_it_ended(
    data: Data, tmp_path: Path, settings: dict[str, object], status: str, exit_code: int
) -> None:
    source = tmp_path / "s.toml"
    with WireServer({"/": build_response(b"<p>Hello</p>", status=status)}) as server:
        source.write_text(BROKEN.format(base=server.base_url), "utf-8")
        quick: dict[str, object] = {"RETRY_ENABLED": False, "ROBOTSTXT_OBEY": False}
        done = run_scrapy(
            "crawl", "category", "-a", f"source={source}", data=data, settings=SETTINGS | quick | settings
        )
    assert done.returncode == exit_code, done.stderr
