"""Commands that a schedule runs once a day, as a schedule runs them."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from crawler.scheduling.upkeep import Upkeep

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_command_runs_once_a_day_and_again_only_where_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    failing = {"prune"}
    said: list[str] = []
    now = [NOW]
    upkeep = Upkeep(tmp_path, ["merge", "prune"], [], report=said.append, clock=lambda: now[0])

    def call(command: str) -> bool:
        ran.append(command)
        return command not in failing

    monkeypatch.setattr(upkeep, "_call", call)
    upkeep.run_due()
    now[0] += timedelta(hours=1)
    upkeep.run_due()
    assert ran == ["merge", "prune", "prune"]
    failing.clear()
    upkeep.run_due()
    now[0] += timedelta(hours=23)
    upkeep.run_due()
    assert ran == ["merge", "prune", "prune", "prune", "merge"]
    assert json.loads((tmp_path / "_upkeep.json").read_text()).keys() == {"merge", "prune"}


def test_a_command_that_fails_is_reported_with_its_log(tmp_path: Path) -> None:
    said: list[str] = []
    Upkeep(tmp_path, ["merge"], ["-s", f"DATA_DIR={tmp_path / 'none'}"], report=said.append).run_due()
    log = tmp_path / "_merge.log"
    assert said == [f"merge did not succeed and is tried again later; {log} says why"]
    assert "there is no data directory" in log.read_text()
    assert not (tmp_path / "_upkeep.json").exists()


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    """An exception would end the thread, and no command would run again until the schedule is restarted."""
    said: list[str] = []
    folder = tmp_path / "file"
    folder.touch()
    Upkeep(folder, ["merge"], ["-s", f"DATA_DIR={tmp_path / 'none'}"], report=said.append).run_due()
    assert len(said) == 1
    assert said[0].startswith("merge is tried again later: ")


def test_a_thread_runs_what_is_due_at_once_and_ends_with_the_block(tmp_path: Path) -> None:
    called = threading.Event()
    upkeep = Upkeep(tmp_path, ["merge"], ["-s", f"DATA_DIR={tmp_path / 'none'}"], report=lambda _: called.set())
    before = threading.active_count()
    with upkeep:
        assert called.wait(60)
    assert threading.active_count() == before
