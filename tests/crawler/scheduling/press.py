"""A newspaper that several sources follow, and the schedulers that crawl them, as processes."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from crawler.scheduling.schedule import Entry, ScheduleTable
from tests.project import Data, Process, start_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crawler.demo_site import Newspaper

TIMEOUT_S = 240.0


@dataclass
class Press:
    """A newspaper on loopback, several sources that follow it, and a state that they share.

    Attributes:
        grace_s: how long a crawl that is asked to stop may take before it is killed.
    """

    folder: Path
    paper: Newspaper
    data: Data
    environment: dict[str, str] = field(default_factory=dict)
    grace_s: float = 60

    def add(self, name: str, *, schedule: str, base: str = "", delay: str = "delay = 0") -> None:
        text = self.paper.source_toml().replace('name = "newspaper"', f'name = "{name}"').replace("delay = 0", delay)
        text = text.replace(self.paper.base_url, base or self.paper.base_url)
        (self.folder / f"{name}.toml").write_text(f"{text}\n[schedule]\n{schedule}\n", "utf-8")

    @contextmanager
    def start(self, *arguments: str) -> Iterator[Process]:
        """A scheduler, which does not outlive the block even if the test fails."""
        with start_scrapy(
            *("schedule", "--json", *arguments, "--sources", str(self.folder)),
            data=self.data,
            settings={"RESOLVER_ALLOW": "127.0.0.0/8", "SCHEDULE_GRACE": self.grace_s},
            environment=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            watchdog = threading.Timer(TIMEOUT_S, process.kill)
            watchdog.start()
            try:
                yield process
            finally:
                watchdog.cancel()
                process.kill()

    def run(self, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
        with self.start("--once", *arguments) as process:
            out, error = process.communicate(timeout=60)
        return process.returncode, [json.loads(line) for line in out.splitlines()], error

    def read_runs(self, name: str) -> list[dict[str, Any]]:
        return self.data.read_manifests(name)

    def read_entry(self, name: str) -> Entry:
        with ScheduleTable(self.data.path / "schedule.sqlite", "here/1/a") as table:
            return table.read()[name]


def wait_for(event: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the scheduler's events up to one."""
    assert process.stdout
    for line in process.stdout:
        told: dict[str, Any] = json.loads(line)
        if told["event"] == event:
            return told
    pytest.fail(f"the scheduler ended without saying {event!r}: {process.stderr and process.stderr.read()}")
