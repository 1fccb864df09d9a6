"""The schedule: who may run a source, what a run teaches, and that neither crash nor kill makes a source run twice."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from crawler.demo_site import Newspaper
from crawler.monitoring.events import Event, EventKind, describe_event, dump_event
from crawler.monitoring.logbook import RunRecord, RunState
from crawler.scheduling.children import Child, Orphan, SourceLock
from crawler.scheduling.loop import Scheduler
from crawler.scheduling.run_outcome import Status, judge
from crawler.scheduling.schedule import ScheduleTable
from crawler.scheduling.scheduled_sources import Plan, ScheduledSources
from crawler.scheduling.units import Installation, build_crontab, build_systemd, build_workflow
from crawler.settings import NEWSREEL_VERSION
from crawler.sources.model import Schedule
from crawler.sources.timetable import Bounds, Timetable
from tests.crawler.scheduling.press import TIMEOUT_S, Press, wait_for
from tests.postgres_server import PostgresServer
from tests.project import ROOT, Data, run_module, run_scrapy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytestmark = pytest.mark.long

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Shows what it is set to."""

    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


def build_timetable(source: str = "paper", **values: object) -> Timetable:
    return Timetable(**{"source": source, "zone": ZoneInfo("UTC"), "every_s": 1800} | values)  # type: ignore[arg-type]


# The table


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["file", "database"])
def tables(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> Iterator[tuple[ScheduleTable, ScheduleTable]]:
    """Two schedulers on one state."""
    where: Path | str = tmp_path / "schedule.sqlite"
    if request.param == "database":
        where = request.getfixturevalue("database").make_database()
    with (
        ScheduleTable(where, "here/1/a", clock=clock) as first,
        ScheduleTable(where, "there/2/b", clock=clock) as second,
    ):
        yield first, second


def test_a_source_is_claimed_once(tables: tuple[ScheduleTable, ScheduleTable], clock: Clock) -> None:
    first, second = tables
    timetable = build_timetable()
    first.settle([timetable])
    seen_by_both = second.read()["paper"]
    assert first.claim(seen_by_both, timetable)
    assert not second.claim(seen_by_both, timetable)
    assert first.finish("paper", Status.OK, exit_code=0) == AT + timedelta(minutes=30)
    assert not second.claim(second.read()["paper"], timetable)
    clock.now += timedelta(minutes=30)
    assert second.claim(second.read()["paper"], timetable)


def test_a_day_of_silence_is_made_up_for_by_one_run(tables: tuple[ScheduleTable, ScheduleTable], clock: Clock) -> None:
    table, _ = tables
    timetable = build_timetable(every_s=0, cron="*/30 * * * *")
    table.settle([timetable])
    clock.now += timedelta(days=1, minutes=50)
    table.settle([timetable])
    runs = 0
    while table.claim(table.read()["paper"], timetable):
        table.finish("paper", Status.OK, exit_code=0)
        runs += 1
    assert runs == 1
    assert table.read()["paper"].due == AT + timedelta(days=1, hours=1)


def test_a_lease_is_taken_over_only_when_it_has_run_out(
    tables: tuple[ScheduleTable, ScheduleTable], clock: Clock
) -> None:
    first, second = tables
    first.settle([build_timetable()])
    first.claim(first.read()["paper"], build_timetable())
    clock.now += timedelta(seconds=50)
    assert first.renew("paper")
    clock.now += timedelta(seconds=50)
    assert not second.adopt(second.read()["paper"])
    clock.now += timedelta(seconds=20)
    assert second.adopt(second.read()["paper"])
    assert not first.renew("paper")
    assert first.finish("paper", Status.OK, exit_code=0) is None
    assert second.read()["paper"].status is Status.RUNNING
    assert second.finish("paper", Status.FAILED, exit_code=-9) is not None
    entry = second.read()["paper"]
    assert (entry.status, entry.exit_code, entry.owner, entry.finished) == (Status.FAILED, -9, "", clock.now)


def test_a_timetable_that_was_changed_holds_at_once(tables: tuple[ScheduleTable, ScheduleTable], clock: Clock) -> None:
    table, _ = tables
    table.settle([build_timetable(every_s=0, cron="0 8 * * *")])
    assert table.read()["paper"].due == datetime(2026, 6, 2, 8, tzinfo=UTC)
    table.settle([build_timetable(every_s=0, cron="0 14 * * *")])
    assert table.read()["paper"].due == datetime(2026, 6, 1, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "eve", "expected"),
    [
        ("Europe/Berlin", (2026, 3, 28), ["28 02:30", "29 03:00", "30 02:30"]),
        ("Europe/Berlin", (2026, 10, 24), ["24 02:30", "25 02:30", "26 02:30"]),
        ("America/New_York", (2026, 3, 7), ["07 02:30", "08 03:00", "09 02:30"]),
        ("America/New_York", (2026, 10, 31), ["31 02:30", "01 02:30", "02 02:30"]),
        ("Australia/Lord_Howe", (2026, 4, 4), ["04 02:30", "05 02:30", "06 02:30"]),
        ("Australia/Lord_Howe", (2026, 10, 3), ["03 02:30", "04 02:30", "05 02:30"]),
        ("Asia/Shanghai", (2026, 3, 28), ["28 02:30", "29 02:30", "30 02:30"]),
    ],
)
def test_a_scheduler_that_lives_through_a_clock_change_runs_each_day_once(
    tables: tuple[ScheduleTable, ScheduleTable], clock: Clock, zone: str, eve: tuple[int, int, int], expected: list[str]
) -> None:
    table, _ = tables
    timetable = build_timetable(every_s=0, cron="30 2 * * *", zone=ZoneInfo(zone))
    clock.now = datetime(*eve, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    table.settle([timetable])
    runs = []
    for _ in range(3 * 24 * 6):
        if table.claim(table.read()["paper"], timetable):
            runs.append(f"{clock.now.astimezone(ZoneInfo(zone)):%d %H:%M}")
            table.finish("paper", Status.OK, exit_code=0)
        clock.now += timedelta(minutes=10)
    assert runs == expected


# What a run was


def build_record(reason: str = "finished", *, new: int = 0) -> RunRecord:
    return RunRecord(
        run="r", collection="c", source="paper", spider="category", state=RunState.ENDED, began_at=AT,
        ended_at=AT if reason else None, exit_reason=reason, bytes_archived=0, counts={"posts/new": new},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "exit_code", "stopped_for", "status"),
    [
        (build_record(), 0, None, Status.OK),
        (None, 0, None, Status.OK),
        (build_record(), 1, None, Status.FAILED),
        (None, -11, None, Status.FAILED),
        (build_record("storage_failed"), None, None, Status.FAILED),
        (build_record("shutdown"), 11, None, Status.INTERRUPTED),
        (None, 11, None, Status.INTERRUPTED),
        (build_record("closespider_timeout"), 15, None, Status.TIME_LIMIT),
        (build_record("storage_failed"), 3, None, Status.FAILED),
        (build_record("shutdown"), 11, Status.TIME_LIMIT, Status.TIME_LIMIT),
        (build_record("shutdown"), 11, Status.INTERRUPTED, Status.INTERRUPTED),
        (build_record(), 0, Status.TIME_LIMIT, Status.OK),
        (build_record(), None, None, Status.OK),
        (build_record(""), None, None, Status.LOST),
        (None, None, None, Status.LOST),
    ],
)
def test_process_and_manifest_together_say_how_a_run_went(
    run: RunRecord | None, exit_code: int | None, stopped_for: Status | None, status: Status
) -> None:
    assert judge(run, exit_code=exit_code, stopped_for=stopped_for) is status


# The loop, with small children


class FixedSources(ScheduledSources):
    """Plans that come from nowhere and stay."""

    def __init__(self, *plans: Plan) -> None:
        super().__init__()
        self._plans = {plan.path: plan for plan in plans}

    def refresh(self) -> tuple[bool, list[Any]]:
        return False, []


def build_plan(source: str = "paper", *, time_limit_s: int = 60, **values: object) -> Plan:
    schedule = Schedule(timetable=build_timetable(source, **values), time_limit_s=time_limit_s)
    return Plan(source=source, path=Path(f"/nowhere/{source}.toml"), schedule=schedule)


@dataclass
class Bench:
    """A scheduler whose crawls are lines of Python."""

    folder: Path
    table: ScheduleTable
    code: dict[str, str]
    runs: dict[str, RunRecord] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    python: str = sys.executable

    def run(self, *plans: Plan, workers: int = 4, grace_s: float = 20.0) -> int:
        scheduler = Scheduler(
            self.table,
            FixedSources(*plans),
            folder=self.folder,
            build_command=self.build_command,
            find_run=lambda plan, _: self.runs.get(plan.source),
            report=self.events.append,
            workers=workers,
            grace_s=grace_s,
        )
        return scheduler.run(once=True)

    def build_command(self, plan: Plan) -> Sequence[str]:
        return [self.python, "-c", self.code[plan.source]]

    def find(self, kind: EventKind, source: str = "paper") -> dict[str, Any]:
        (event,) = [e for e in self.events if e.kind is kind and e.source == source]
        return dict(event.details)

    def count(self, kind: EventKind, source: str = "paper") -> int:
        return sum(e.kind is kind and e.source == source for e in self.events)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ScheduleTable(tmp_path / "schedule.sqlite", "here/1/a") as table:
        yield Bench(folder=tmp_path / "schedule", table=table, code={"paper": "pass", "other": "pass"})


def test_a_crash_is_written_down_and_harms_nobody_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    bench.code["paper"] = "import os; print('about to'); raise SystemError('it broke')"
    assert bench.run(build_plan(), build_plan("other")) == 1
    failed = bench.find(EventKind.FINISHED)
    assert (failed["status"], failed["exit_code"], failed["last_line"]) == ("failed", 1, "SystemError: it broke")
    assert bench.find(EventKind.FINISHED, "other")["status"] == "ok"
    assert {entry.status for entry in bench.table.read().values()} == {Status.FAILED, Status.OK}
    bench.code["paper"] = "import os; os.kill(os.getpid(), 11)"
    bench.events.clear()
    bench.table.settle([build_timetable(every_s=600)])
    assert bench.run(build_plan(every_s=600)) == 1
    assert bench.find(EventKind.FINISHED)["exit_code"] == -signal.SIGSEGV
    assert "about to" in (bench.folder / "paper.log.1").read_text("utf-8")


def test_a_crawl_that_cannot_be_started_is_a_failed_run(bench: Bench) -> None:
    bench.python = str(bench.folder / "no-such-interpreter")
    assert bench.run(build_plan()) == 1
    assert "could not be started" in bench.find(EventKind.FAULT)["message"]
    assert bench.table.read()["paper"].status is Status.FAILED
    lock = SourceLock.take(bench.folder / "paper.lock")
    assert lock
    lock.close()


def test_a_crawl_beyond_its_time_is_asked_to_stop_and_then_killed_with_all_it_started(bench: Bench) -> None:
    bench.code["paper"] = "import time; time.sleep(60)"
    bench.code["other"] = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)"
    )
    assert bench.run(build_plan(time_limit_s=1), build_plan("other", time_limit_s=1), grace_s=1) == 1
    polite, stubborn = bench.find(EventKind.FINISHED), bench.find(EventKind.FINISHED, "other")
    assert (polite["status"], polite["exit_code"]) == ("time-limit", -signal.SIGTERM)
    assert (stubborn["status"], stubborn["exit_code"]) == ("time-limit", -signal.SIGKILL)
    grandchild = int((bench.folder / "other.log").read_text("utf-8"))
    wait_until(lambda: not is_alive(grandchild))


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent to take note of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


def test_no_more_crawls_run_at_a_time_than_there_are_workers(bench: Bench, tmp_path: Path) -> None:
    code = "import time; p = open({!r}, 'a'); p.write('<'); p.flush(); time.sleep(.1); p.write('>'); p.close()"
    plans = [build_plan(f"s{n}") for n in range(4)]
    for plan in plans:
        bench.code[plan.source] = code.format(str(tmp_path / "tally"))
    assert bench.run(*plans, workers=1) == 0
    assert (tmp_path / "tally").read_text("utf-8") == "<>" * 4


@pytest.mark.parametrize(("new", "interval_s"), [(3, 1800), (0, 4680)])
def test_an_adaptive_interval_learns_from_the_manifest(bench: Bench, new: int, interval_s: int) -> None:
    bench.runs["paper"] = build_record(new=new)
    plan = build_plan(every_s=3600, bounds=Bounds(min_s=900, max_s=86_400))
    assert bench.run(plan) == 0
    entry = bench.table.read()["paper"]
    assert entry.interval_s == interval_s
    assert entry.started
    assert abs(entry.due - entry.started - timedelta(seconds=interval_s)) < timedelta(seconds=1)


def test_a_failed_run_teaches_an_adaptive_interval_nothing(bench: Bench) -> None:
    bench.code["paper"] = "raise SystemExit(1)"
    bench.runs["paper"] = build_record(new=3)
    assert bench.run(build_plan(every_s=3600, bounds=Bounds(min_s=900, max_s=86_400))) == 1
    assert bench.table.read()["paper"].interval_s == 3600


def leave_orphan(bench: Bench, code: str, *, started: datetime) -> subprocess.Popen[bytes]:
    """Start a crawl under a lease, then forget it, as a scheduler does that is killed."""
    plan = build_plan()
    with ScheduleTable(bench.folder.parent / "schedule.sqlite", "here/1/dead", clock=lambda: started) as table:
        table.settle([plan.schedule.timetable])
        assert table.claim(table.read()["paper"], plan.schedule.timetable)
    lock = SourceLock.take(bench.folder / "paper.lock")
    assert lock
    child = Child([sys.executable, "-c", code], lock=lock, log=bench.folder / "paper.log")
    lock.close()
    return child._process


def test_an_orphan_is_left_alone_while_its_lease_may_be_alive(bench: Bench) -> None:
    orphan = leave_orphan(bench, "import time; time.sleep(60)", started=datetime.now(UTC))
    assert bench.run(build_plan()) == 0
    assert bench.count(EventKind.BUSY) == 1
    assert bench.count(EventKind.STARTED) == 0
    orphan.kill()
    orphan.wait()
    assert bench.run(build_plan()) == 1
    lost = bench.find(EventKind.FINISHED)
    assert (lost["status"], bench.count(EventKind.STARTED)) == ("lost", 0)
    wait_s = (bench.table.read()["paper"].due - datetime.now(UTC)).total_seconds()
    assert 50 < wait_s <= 60


def test_an_orphan_that_ended_well_is_written_down_as_that(bench: Bench) -> None:
    orphan = leave_orphan(bench, "pass", started=datetime.now(UTC))
    orphan.wait()
    bench.runs["paper"] = build_record(new=2)
    assert bench.run(build_plan()) == 0
    assert (bench.find(EventKind.FINISHED)["status"], bench.count(EventKind.STARTED)) == ("ok", 0)


def test_an_orphan_beyond_its_time_is_stopped(bench: Bench) -> None:
    orphan = leave_orphan(bench, "import time; time.sleep(60)", started=datetime.now(UTC) - timedelta(minutes=5))
    assert bench.run(build_plan()) == 1
    assert orphan.wait(TIMEOUT_S) == -signal.SIGTERM
    assert bench.find(EventKind.ADOPTED)["pid"] == orphan.pid
    assert bench.find(EventKind.FINISHED)["status"] == "time-limit"


def test_no_signal_goes_to_a_process_that_does_not_hold_the_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (tmp_path / "paper.lock").write_text(f"{stranger.pid}\n", "ascii")
        Orphan(tmp_path / "paper.lock").send(signal.SIGKILL)
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.2)
        stranger.kill()


def test_an_event_is_one_line_for_people_and_one_for_programs() -> None:
    details = {"status": "failed", "last_line": "ValueError: é = 1\nno", "run": None}
    event = Event(kind=EventKind.FINISHED, at=AT, source="paper", details=details)
    line = describe_event(event)
    assert line == r'2026-06-01T12:00:00Z finished paper status=failed last_line="ValueError: é = 1\nno"'
    assert json.loads(dump_event(event)) == {
        "event": "finished", "at": "2026-06-01T12:00:00Z", "source": "paper", **details
    }  # fmt: skip


# The scheduled sources


DEFINITION = """
name = "{name}"
timezone = "UTC"
scope = ["//paper.example/"]
seeds = ["http://paper.example/"]
"""


def write_definition(folder: Path, name: str, schedule: str = '[schedule]\nevery = "30m"') -> Path:
    path = folder / f"{name}.toml"
    path.write_text(DEFINITION.format(name=name) + schedule, "utf-8")
    return path


def test_the_scheduled_sources_notice_what_happens_to_its_files(tmp_path: Path) -> None:
    write_definition(tmp_path, "one")
    write_definition(tmp_path, "off", '[schedule]\nevery = "30m"\nenabled = false')
    write_definition(tmp_path, "by_hand", "")
    scheduled = ScheduledSources([str(tmp_path)])
    assert scheduled.refresh() == (True, [])
    assert list(scheduled.plans) == ["one"]
    assert scheduled.refresh() == (False, [])
    two = write_definition(tmp_path, "two")
    assert scheduled.refresh() == (True, [])
    assert list(scheduled.plans) == ["one", "two"]
    two.write_text("name =", "utf-8")
    has_changed, (fault,) = scheduled.refresh()
    assert has_changed
    assert str(fault).startswith(f"{two}: is not TOML")
    assert list(scheduled.plans) == ["one", "two"]
    assert scheduled.refresh() == (False, [])
    two.unlink()
    assert scheduled.refresh() == (True, [])
    assert list(scheduled.plans) == ["one"]


def test_two_files_may_not_give_one_name(tmp_path: Path) -> None:
    write_definition(tmp_path, "one")
    (tmp_path / "two.toml").write_text((tmp_path / "one.toml").read_text("utf-8"), "utf-8")
    scheduled = ScheduledSources([str(tmp_path)])
    _, (fault,) = scheduled.refresh()
    assert "'one' is the name of" in str(fault)
    assert [plan.path.name for plan in scheduled.plans.values()] == ["one.toml"]


# Real crawls


@pytest.fixture
def press(tmp_path: Path) -> Iterator[Press]:
    (tmp_path / "sources").mkdir()
    with Newspaper() as paper:
        yield Press(tmp_path / "sources", paper, Data(tmp_path / "data"))


def build_line_for_half_an_hour_from_now() -> str:
    return f'cron = "{(datetime.now(UTC).minute + 30) % 60} * * * *"\ntimezone = "UTC"'


def test_two_schedulers_on_one_state_make_up_for_a_lost_day_once(press: Press) -> None:
    for name in ("one", "two"):
        press.add(name, schedule=build_line_for_half_an_hour_from_now())
    scheduled = ScheduledSources([str(press.folder)])
    scheduled.refresh()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with ScheduleTable(press.data.path / "schedule.sqlite", "here/1/a", clock=lambda: yesterday) as table:
        table.settle(plan.schedule.timetable for plan in scheduled.plans.values())
    with press.start("--once") as first, press.start("--once") as second:
        outs = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outs
    events = [json.loads(line) for out, _ in outs for line in out.splitlines()]
    assert sorted(e["source"] for e in events if e["event"] == "finished" and e["new"] == 41) == ["one", "two"]
    for name in ("one", "two"):
        assert [run["exit_reason"] for run in press.read_runs(name)] == ["finished"]
        assert timedelta() < press.read_entry(name).due - datetime.now(UTC) < timedelta(hours=1)
    assert press.run()[:2][0] == 0
    assert len(press.read_runs("one")) == 1


@contextmanager
def serve_silence() -> Iterator[str]:
    """A host that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_of_three_sources_one_is_well_one_refuses_and_one_hangs(press: Press) -> None:
    press.add("well", schedule='every = "1h"')
    with serve_silence() as silence, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        press.add("refusing", schedule='every = "1h"', base=f"http://127.0.0.1:{closed.getsockname()[1]}")
        press.add("hanging", schedule='every = "1h"\ntime_limit = "4s"', base=silence)
        press.grace_s = 1.5
        code, events, error = press.run()
    assert code == 1
    ends = {e["source"]: e for e in events if e["event"] == "finished"}
    assert {source: e["status"] for source, e in ends.items()} == {
        "well": "ok", "refusing": "failed", "hanging": "time-limit"
    }, error  # fmt: skip
    assert ends["refusing"]["exit_code"] == 1
    assert 4 <= ends["hanging"]["seconds"] < 60
    lines = error.splitlines()
    assert [line.split()[1] for line in lines] == [e["event"] for e in events]
    assert (press.data.path / "schedule" / "refusing.log").stat().st_size > 0


SLOW = "delay = 0.02\nconcurrency = 1"


def test_a_stop_is_passed_on_waited_for_and_made_good_by_the_next_start(press: Press) -> None:
    press.add("paper", schedule='every = "1d"', delay=SLOW)
    with press.start() as process:
        wait_for("started", process)
        wait_until(lambda: len(list(press.data.posts("paper").glob("*.md"))) > 2)
        process.send_signal(signal.SIGTERM)
        finished = wait_for("finished", process)
        assert process.wait(TIMEOUT_S) == 0
    assert finished["status"] == "interrupted"
    (run,) = press.read_runs("paper")
    assert run["exit_reason"] == "shutdown"
    assert list(press.data.collection("paper").glob("archive/*.open")) == []
    press.add("paper", schedule='every = "1d"')
    assert press.run()[0] == 0
    assert len(list(press.data.posts("paper").glob("*.md"))) == len(press.paper.expected.posts)


def test_a_killed_scheduler_leaves_a_crawl_that_nobody_doubles(press: Press) -> None:
    press.add("paper", schedule='every = "1d"', delay=SLOW)
    with press.start() as process:
        orphan = wait_for("started", process)["pid"]
        wait_until(lambda: bool(press.read_runs("paper")))
        process.kill()
    with press.start() as heir:
        assert wait_for("busy", heir)["source"] == "paper"
        assert Path(f"/proc/{orphan}").exists()
        finished = wait_for("finished", heir)
        assert (finished["status"], finished["new"]) == ("ok", len(press.paper.expected.posts))
        (run,) = press.read_runs("paper")
        assert run["exit_reason"] == "finished"
        heir.send_signal(signal.SIGINT)
        assert heir.wait(TIMEOUT_S) == 0
    assert press.read_entry("paper").due > datetime.now(UTC) + timedelta(hours=23)


# The command


def test_the_list_shows_the_coming_runs_and_changes_nothing(tmp_path: Path, data: Data) -> None:
    write_definition(tmp_path, "one", '[schedule]\ncron = "30 8 * * *"\ntimezone = "Asia/Shanghai"')
    done = run_scrapy("schedule", "--list", "3", "--json", "--sources", str(tmp_path), data=data)
    assert done.returncode == 0, done.stderr
    (row,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert [text[10:] for text in row["next"]] == ["T00:30:00Z"] * 3
    assert (row["source"], row["rule"], row["last_status"]) == ("one", "30 8 * * * Asia/Shanghai", None)
    assert not data.path.exists()
    shown = run_scrapy("schedule", "--list", "--sources", str(tmp_path), data=data).stdout
    assert shown.count("08:30 +0800") == 5


@pytest.mark.parametrize(
    ("schedule", "arguments", "words"),
    [
        ("", (), "no source has a [schedule]"),
        ('[schedule]\nevery = "5s"', (), "one.toml: schedule.every: must be at least 1m"),
        ('[schedule]\nevery = "1h"\nspider = "crab"', (), "schedule.spider: is none of"),
        ('[schedule]\nevery = "1h"', ("export",), "use 'export' together with"),
        ('[schedule]\nevery = "1h"', ("--cron",), "use 'export' together with"),
        ('[schedule]\nevery = "1h"', ("export", "--github-actions"), "choose one in this folder"),
    ],
)
def test_what_cannot_be_scheduled_is_said_in_a_sentence(
    tmp_path: Path, data: Data, schedule: str, arguments: tuple[str, ...], words: str
) -> None:
    write_definition(tmp_path, "one", schedule)
    done = run_scrapy("schedule", *arguments, "--once", "--sources", str(tmp_path), data=data)
    assert done.returncode == 2
    assert words in done.stderr + done.stdout


# Exports


def build_installation(folder: Path, **values: object) -> Installation:
    defaults: dict[str, object] = {
        "folder": ROOT,
        "python": sys.executable,
        "arguments": ["-s", "USER_AGENT=100% us $HOME", "--sources", str(folder)],
        "data_dir": str(folder / "data dir"),
        "grace_s": 75.0,
    }
    return Installation(**defaults | values)  # type: ignore[arg-type]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_the_units_are_valid(tmp_path: Path) -> None:
    units = build_systemd(build_installation(tmp_path))
    for name, text in units.items():
        (tmp_path / name).write_text(text, "utf-8")
    paths = [str(tmp_path / name) for name in units]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["systemd-analyze", "--user", "--man=no", "verify", *paths]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_units_say_what_systemd_must_know(tmp_path: Path) -> None:
    installation = build_installation(tmp_path)
    units = build_systemd(installation)
    timer = units[f"newsreel-once-{installation.name}.timer"]
    assert {"Persistent=true", "RandomizedDelaySec=20"} <= set(timer.splitlines())
    for name in (f"newsreel-schedule-{installation.name}.service", f"newsreel-once-{installation.name}.service"):
        assert {"TimeoutStopSec=90", "KillMode=mixed", f"WorkingDirectory={ROOT}"} <= set(units[name].splitlines())
        assert '"USER_AGENT=100%% us $$HOME"' in units[name]


def test_files_of_two_folders_with_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "News desk", tmp_path / "b" / "News desk"]
    installations = [replace(build_installation(tmp_path), folder=folder) for folder in folders]
    names = [installation.name for installation in installations]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"news-desk-[0-9a-f]{6}", name) for name in names)
    files = [name for installation in installations for name in build_systemd(installation)]
    assert len(set(files)) == 6


def test_the_crontab_line_runs(tmp_path: Path) -> None:
    write_definition(tmp_path, "one", '[schedule]\ncron = "0 0 1 1 *"')
    data_dir = tmp_path / "data dir"
    arguments = ["-s", f"DATA_DIR={data_dir}", "-s", "USER_AGENT=100% us", "--sources", str(tmp_path)]
    (text,) = build_crontab(build_installation(tmp_path, arguments=arguments)).values()
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    assert r"100\% us" in line
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    subprocess.run(["/bin/sh", "-c", command], check=True, env={"PATH": "/usr/bin:/bin"})
    assert "ready sources=1" in (data_dir / "schedule" / "cron.log").read_text("utf-8")
    assert (data_dir / "schedule.sqlite").exists()


def test_the_workflow_of_a_project_folder_installs_a_release_and_commits_its_data(tmp_path: Path) -> None:
    write_definition(tmp_path, "one", '[schedule]\nevery = "1h"')
    (tmp_path / "newsreel.toml").write_text('DATA_DIR = "archive"\n', "utf-8")
    export = ("schedule", "export", "--github-actions", "--sources", "one.toml")
    done = run_module("crawler", *export, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    steps = yaml.safe_load(done.stdout)["jobs"]["crawl"]["steps"]
    assert [step["run"] for step in steps if "pip install" in step.get("run", "")] == [
        f"python -m pip install newsreel=={NEWSREEL_VERSION}"
    ]
    assert "git add --force --all -- archive " in steps[-1]["run"]


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_the_workflow_crawls_and_commits_what_is_no_lock_and_no_log(tmp_path: Path) -> None:
    (text,) = build_workflow(build_installation(tmp_path, data_dir="data", arguments=["-L", "INFO"])).values()
    workflow = yaml.safe_load(text)
    steps = workflow["jobs"]["crawl"]["steps"]
    crawl, commit = (step["run"] for step in steps[-2:])
    assert shlex.split(crawl)[:4] == ["python", "-m", "scrapy", "schedule"]
    assert "ARCHIVE_FILE_BYTES=90000000" in crawl
    assert all("@" in step["uses"] and len(step["uses"].partition("@")[2]) == 40 for step in steps[:2])
    remote, clone = tmp_path / "remote", tmp_path / "clone"

    def run(*command: str | Path, folder: Path = tmp_path) -> str:
        environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(command, cwd=folder, check=True, env=environment, capture_output=True, text=True)
        return done.stdout

    run("git", "init", "--quiet", "--bare", remote)
    run("git", "clone", "--quiet", remote, clone)
    (clone / ".gitignore").write_text("/data/\n", "utf-8")
    for name in ("a/x.warc.gz", "a/y.warc.gz.open", "schedule.sqlite", "schedule/p.lock", "schedule/p.log"):
        (clone / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / "data" / name).write_text("x", "utf-8")
    first = "git -c user.name=x -c user.email=x commit --quiet --allow-empty -m x && git push --quiet"
    run("sh", "-ec", first, folder=clone)
    for _ in range(2):
        run("bash", "-e", "-c", commit, folder=clone)
    tree = run("git", "--git-dir", remote, "ls-tree", "-r", "--name-only", "HEAD")
    assert tree.split() == ["data/a/x.warc.gz", "data/a/y.warc.gz.open", "data/schedule.sqlite"]
    assert run("git", "--git-dir", remote, "rev-list", "--count", "HEAD") == "2\n"
