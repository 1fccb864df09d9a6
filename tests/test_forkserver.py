"""Forked commands: as processes of their own, they leave as others do."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.forkserver import can_fork
from tests.project import run_module

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import atexit, os, signal, sys, threading
atexit.register(print, "left")
threading.Timer(0.1, print, ["waited for"]).start()
descriptors = sorted(map(int, os.listdir("/proc/self/fd")))
print(os.getcwd(), os.environ["GREETING"], sys.argv[1:], sys.stdin.read(), descriptors)
print("é", file=sys.stderr)
code = sys.argv[1]
if code == "crash":
    raise ValueError(code)
if code == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
if code == "stay":
    print(os.getpid(), file=open("pid", "w"), flush=True)
    signal.pause()
sys.exit(int(code) if code.isdigit() else code)
"""


def run(folder: Path, code: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    (folder / "small.py").write_text(SCRIPT, "utf-8")
    environment = {"GREETING": "good day"}
    return run_module("small", code, "b c", cwd=folder, environment=environment, stdin="typed", timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("code", "returned", "error"),
    [("0", 0, ""), ("7", 7, ""), ("why", 1, "why\n"), ("crash", 1, "ValueError: crash\n")],
)
def test_streams_exit_code_and_handlers_are_those_of_an_interpreter(
    tmp_path: Path, code: str, returned: int, error: str
) -> None:
    done = run(tmp_path, code)
    assert done.returncode == returned
    # The last of the descriptors reads the folder.
    head = f"{tmp_path} good day {[code, 'b c']} typed [0, 1, 2, 3]"
    assert done.stdout.splitlines() == [head, "waited for", "left"]
    assert done.stderr.startswith("é\n")
    assert done.stderr.endswith(error or "é\n")


def test_a_signal_that_kills_it_is_its_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "kill").returncode == -signal.SIGKILL


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    for timeout_s in (0.2, 2, 20, 60):
        if not pid.exists() or not pid.read_text():
            with pytest.raises(subprocess.TimeoutExpired):
                run(tmp_path, "stay", timeout_s=timeout_s)
    number = int(pid.read_text())
    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(number, 0)


def test_what_an_interpreter_reads_at_its_start_needs_a_new_one() -> None:
    assert can_fork(dict(os.environ) | {"GREETING": "good day"})
    assert not can_fork(dict(os.environ) | {"PYTHONHASHSEED": "1"})
    assert not can_fork(dict(os.environ) | {"TZ": "Asia/Tokyo"})


def test_modules_are_found_in_the_folders_of_the_path(tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text("import smaller", "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "smaller.py").write_text("print('found')", "utf-8")
    path = {"PYTHONPATH": str(tmp_path / "folder")}
    assert can_fork(dict(os.environ) | path)
    assert run_module("small", cwd=tmp_path, environment=path).stdout == "found\n"
    (tmp_path / "folder" / "sitecustomize.py").touch()
    assert not can_fork(dict(os.environ) | path)


@pytest.mark.parametrize("name", ["herald", "gazette"])
def test_settings_are_read_from_the_environment_of_the_command(name: str) -> None:
    done = run_module("scrapy", "settings", "--get", "BOT_NAME", environment={"NEWSREEL_BOT_NAME": name})
    assert (done.stdout, done.stderr) == (f"{name}\n", "")
