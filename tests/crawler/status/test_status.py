"""What is going on, as the viewer's page and its parts say it: crawls under way, what is due, what is owed."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest

from archives.storage.files import lock_file
from crawler.frontier.owed import FILE_NAME, Debt, OwedTable, list_reasons
from crawler.monitoring.logbook import list_runs
from crawler.scheduling.pauses import list_paused, pause, resume
from crawler.scheduling.schedule import ScheduleTable
from crawler.status.running import Crawls
from crawler.status.sources import read_schedule
from tests.crawler.monitoring.test_runs import write_run
from tests.crawler.scheduling.test_schedule import Bench, bench, build_plan, build_timetable
from tests.crawler.viewer.conftest import show
from tests.crawler.viewer.test_viewer import get, read
from tests.project import Data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["bench"]
COUNTS = {
    "pages/article": 50, "pages/failed/article": 5, "failures/timeout": 2, "failures/http_503": 3, "posts/new": 40,
    "posts/updated": 2, "posts/dropped/no_date": 1, "frontier/added": 90, "frontier/resumed": 10,
    "frontier/acknowledged": 56,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Data:
    return Data(tmp_path)


@contextmanager
def crawl(data: Data, began_at: datetime) -> Iterator[str]:
    """Have a crawl be under way, as its manifest and its lock say."""
    run = write_run(data, "paper", began_at, ended=False, counts=COUNTS)
    with (data.collection("paper") / f"frontier.sqlite.{run}.lock").open("w") as lock:
        assert lock_file(lock.fileno())
        yield run


def test_a_crawl_under_way_is_measured(data: Data) -> None:
    clock = [0.0]
    crawls = Crawls(data.path / "schedule", clock=lambda: clock[0])
    now = datetime.now(UTC)
    with crawl(data, now - timedelta(minutes=2)):
        (first,) = crawls.list_running(list_runs(data.path), now=now)
        assert (first.run.pages, round(first.per_minute), first.waiting) == (50, 25, 44)
        assert first.failures == (("http_503", 3), ("timeout", 2))
        assert first.log == ()
        clock[0] = 10
        write_run(data, "paper", now - timedelta(minutes=2), ended=False, counts=COUNTS | {"pages/article": 60})
        (second,) = crawls.list_running(list_runs(data.path), now=now)
        assert round(second.per_minute) == 60  # ten pages in ten seconds, whatever came before
    assert crawls.list_running(list_runs(data.path)) == []


def test_the_page_follows_a_crawl_without_a_script(data: Data) -> None:
    """Its numbers, the end of its log as text, and itself again after some seconds, unless the reader stops that."""
    (data.path / "schedule").mkdir()
    log = "x" * 20_000 + "\n".join(f"\x1b[31mline <b>{n}</b>\x1b[0m" for n in range(40)) + "\n\n"
    (data.path / "schedule" / "paper.log").write_text(log, "utf-8")
    with show(data) as viewer:
        with crawl(data, datetime.now(UTC) - timedelta(minutes=2)):
            answer = get(viewer, "/-/status")
            page = read(viewer, "/-/status")
            assert answer.get("Refresh") == "5"
            assert get(viewer, "/-/status?refresh=0").get("Refresh") == ""
            assert "3 http_503, 2 timeout" in page
            assert re.search(r"<dt>waiting</dt><dd>44</dd>", page)
            (shown,) = re.findall(r'<pre class="log"[^>]*>(.*?)</pre>', page, re.DOTALL)
            assert unescape(shown).splitlines() == [f"line <b>{n}</b>" for n in range(28, 40)]
            assert "<b>" not in shown
            assert "<script" not in page
        assert get(viewer, "/-/status").get("Refresh") == ""
        assert "No crawl is running" in read(viewer, "/-/status")


def test_the_page_says_what_is_owed_and_due(data: Data) -> None:
    write_run(data, "paper", datetime.now(UTC))
    with closing(OwedTable(data.collection("paper") / FILE_NAME, "paper")) as owed:
        owed.add(Debt(url=f"http://a.example/{n}", kind="article", reason="timeout") for n in range(3))
        owed.add([Debt(url="http://a.example/<b>", kind="next", reason="http_503")])
    assert [(r.reason, r.count, r.example) for r in list_reasons(data.collection("paper") / FILE_NAME, "paper")] == [
        ("timeout", 3, "http://a.example/0"),
        ("http_503", 1, "http://a.example/<b>"),
    ]
    assert read_schedule(data.path / "schedule.sqlite") == {}
    with ScheduleTable(data.path / "schedule.sqlite", "here/1/a") as table:
        table.settle([build_timetable("paper"), build_timetable("never-run")])
    with show(data) as viewer:
        page = read(viewer, "/-/status")
        assert "3 timeout, for example" in page
        assert "http://a.example/&lt;b&gt;" in page
        due = table_due(data)
        assert page.count(f'datetime="{due.isoformat()}"') == 2
        assert "It has not run yet." in page
        pause(data.path / "schedule", "paper")
        assert "paused" in read(viewer, "/-/status")


def test_the_page_shows_an_alert_with_its_advice(data: Data) -> None:
    write_run(data, "paper", datetime(2026, 5, 1, tzinfo=UTC), exit_reason="memusage_exceeded")
    with show(data) as viewer:
        assert "ended with memusage_exceeded, since 2026-05-01 00:00 UTC; read its log" in read(viewer, "/-/status")


def table_due(data: Data) -> datetime:
    return read_schedule(data.path / "schedule.sqlite")["paper"].due


def test_a_schedule_that_cannot_be_read_is_said(data: Data) -> None:
    (data.path / "schedule.sqlite").write_bytes(b"rubbish" * 500)
    with show(data) as viewer:
        assert "schedule.sqlite" in read(viewer, "/-/status")


def test_a_source_that_is_held_waits_until_it_is_resumed(bench: Bench) -> None:
    pause(bench.folder, "paper")
    pause(bench.folder, "paper")
    assert list_paused(bench.folder) == {"paper"}
    assert bench.run(build_plan(), build_plan("other")) == 0
    assert (bench.table.read()["paper"].started, bench.table.read()["other"].status) == (None, "ok")
    resume(bench.folder, "paper")
    resume(bench.folder, "paper")
    assert bench.run(build_plan()) == 0
    assert bench.table.read()["paper"].status == "ok"
