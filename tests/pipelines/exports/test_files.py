"""A folder that is replaced is the old one or the new one, at whatever step its writer is killed or fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipelines.exports import files
from pipelines.exports.files import ExportError, replace_file, replace_folder
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Each child is killed one step later than the one before; the first that is not ends the loop.
KILLED = """
import ctypes, json, os, signal, sys
from pathlib import Path
from pipelines.exports import files
from pipelines.whole_files import sweep

folder, is_one_step, has_mark = Path(sys.argv[1]), sys.argv[2] == "True", sys.argv[3] == "True"
target = folder / "posts"
STEPS = {"open", "os.chmod", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "ctypes.dlsym"}

def write(text):
    with files.replace_folder(target, "parquet", is_own_file=None if has_mark else lambda path: True) as new:
        (new / "a").write_text(text)
        (new / "b").write_text(text)

def read():
    return {path.name: path.read_text() for path in target.iterdir()}

os.sync = lambda: None
if not is_one_step:
    files.ctypes = type("Without", (), {"CDLL": lambda *_, **__: object()})
write("old")
mark = {"_newsreel.json": read()["_newsreel.json"]} if has_mark else {}
old, new = [{"a": text, "b": text} | mark for text in ("old", "new")]
step, code = 0, -signal.SIGKILL
while code == -signal.SIGKILL:
    child = os.fork()
    if child == 0:
        left = [step]
        def count(event, _):
            if event in STEPS:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        write("new")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = read() if target.exists() else None
    sweep(folder)
    left = sorted(path.name for path in folder.iterdir())
    print(json.dumps([found == old, found == new, found is None, left, read() in (old, new)]), flush=True)
    write("old")
    step += 1
"""


@pytest.mark.parametrize(("is_one_step", "has_mark"), [(True, False), (False, True)])
def test_a_folder_is_whole_at_whatever_step_its_writer_is_killed(
    is_one_step: bool, has_mark: bool, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(is_one_step), str(has_mark)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(seen) > 15
    assert seen[0][0] and seen[-1][1], "it is the old one first and the new one in the end"
    for is_old, is_new, is_absent, left, is_whole in seen:
        assert is_old or is_new or (is_absent and not is_one_step)
        assert left == ["posts"], "the next writer in the folder removes what was left"
        assert is_whole, "and puts back what had no name for a moment"


def test_the_old_folder_stays_where_the_new_one_cannot_have_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: object())
    with replace_folder(tmp_path / "posts", "parquet", is_own_file=lambda _: True) as folder:
        (folder / "a").write_text("old")
    with (
        pytest.raises(FileNotFoundError),
        replace_folder(tmp_path / "posts", "parquet", is_own_file=lambda _: True) as new,
    ):
        new.rmdir()
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["old"]


def test_no_file_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is a folder; name a file"), replace_file(tmp_path):
        pytest.fail("everything would be written before")


def test_no_file_takes_the_place_of_a_pipe_or_of_standard_output(tmp_path: Path) -> None:
    pipe, descriptor = tmp_path / "pipe", tmp_path / "descriptor"
    os.mkfifo(pipe)
    with (tmp_path / "file").open("wb") as file:
        descriptor.symlink_to(f"/proc/self/fd/{file.fileno()}")
        for target in (pipe, descriptor):
            with pytest.raises(ExportError, match="is a device or a pipe; name a file"), replace_file(target):
                pass
    assert pipe.is_fifo()
    assert descriptor.is_symlink()
