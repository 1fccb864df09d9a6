"""Tables on terminals of 80 and of 50 columns: numbers and times are whole, and colours are left out where asked."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from tests.project import ROOT, run_scrapy, unpack_data

if TYPE_CHECKING:
    from pathlib import Path

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38)[;m]")
# A number or an instant that is cut has an ellipsis behind it, or less than it should have.
_CUT = re.compile(r"\d[.,:-]?…|\d{4}-\d\d-\d\d \d\d(?!:\d\d)")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    unpack_data(folder)
    return folder


def show(data: Path, columns: int, *words: str, **environment: str) -> str:
    """What a command shows on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    command = [sys.executable, "-m", "scrapy", *words, "-s", f"DATA_DIR={data}"]
    child = subprocess.Popen(
        command, cwd=ROOT, env=clean | {"TERM": "xterm-256color"} | environment, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end has closed
        pass
    os.close(ours)
    child.wait()
    return shown.decode()


@pytest.mark.parametrize("columns", [80, 50])
@pytest.mark.parametrize("command", ["runs", "health"])
def test_no_number_is_cut(data: Path, command: str, columns: int) -> None:
    lines = _STYLE.sub("", show(data, columns, command)).splitlines()
    rows = [line for line in lines if re.search(r"\d{4}-\d\d-\d\d", line)]
    assert rows
    assert all(len(line) <= columns for line in lines)
    assert [line for line in rows if _CUT.search(line)] == []
    if command == "runs":
        runs = [json.loads(line) for line in run_scrapy("runs", "--json", data=data).stdout.splitlines()]
        shown = [re.findall(r"(?<![\d:.-])\d+(?![\d:.-]|s)", row)[:2] for row in rows]
        assert shown == [[str(run["pages"]), str(run["posts"]["new"])] for run in runs]


def test_no_colour_where_none_is_wanted(data: Path) -> None:
    coloured, plain = show(data, 80, "doctor"), show(data, 80, "doctor", NO_COLOR="1")
    assert _COLOUR.search(coloured)
    assert not _COLOUR.search(plain)
