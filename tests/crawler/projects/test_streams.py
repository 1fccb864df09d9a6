"""The standard streams of a command: closed, in other encodings, on a full disk."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_INHERITED = "import sys; sys.exit(None in (sys.stdin, sys.stdout, sys.stderr))"
_PREPARED = "from crawler.projects.streams import prepare_streams; prepare_streams(); import sys; "


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_nothing_is_printed_into_a_file_that_takes_the_place_of_a_closed_stream(tmp_path: Path, closed: str) -> None:
    program = (
        _PREPARED
        + "file = open('kept', 'w'); print('out'); print('err', file=sys.stderr); file.write(sys.stdin.read()); "
        + f"import subprocess; subprocess.run([sys.executable, '-c', {_INHERITED!r}], check=True)"
    )
    typed = f"{shlex.join([sys.executable, '-c', program])} {closed}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", typed], cwd=tmp_path, env=environment, input=b"in", check=False)
    assert done.returncode == 0
    assert (tmp_path / "kept").read_text("utf-8") == ("" if "<" in closed else "in")


def test_a_pipe_gets_utf8_and_a_terminal_escapes_for_what_it_lacks() -> None:
    command = [sys.executable, "-c", _PREPARED + "print('✓')"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stdout == b"\xe2\x9c\x93\n"
    ours, terminal = os.openpty()
    try:
        subprocess.run(command, env=environment, stdout=terminal, check=True)
        assert os.read(ours, 100) == b"\\u2713\r\n"
    finally:
        os.close(terminal)
        os.close(ours)


@pytest.mark.parametrize(
    "words",
    ["crawler sources check finews", "scrapy sources check finews", "crawler --help", "crawler export --help"],
)
def test_a_full_disk_is_one_sentence(words: str) -> None:
    module, *arguments = words.split()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:  # noqa: PTH123 (a device)
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    program = "newsreel" if module == "crawler" else module
    assert done.stderr.splitlines() == [f"{program}: standard output or a file: No space left on device"]
