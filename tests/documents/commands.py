"""Runs a document as a reader would: its files are written, its commands typed in one shell, its output compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.forked import provide_programs
from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.\w+)\n")
_MARK = "-- block {} --"
_TIMEOUT_S = 300
# `begin COMMAND…` runs one that goes on until it is stopped: until it has printed something.
_PRELUDE = """
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
begin() {
  "$@" > begun 2>&1 &
  until [ -s begun ]; do kill -0 $!; sleep 0.05; done
  kill $!
  wait || true
  cat begun
  rm begun
}
"""


def list_blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page, each with its language; `output` for a text directly below commands."""
    text = page.read_text("utf-8")
    blocks: list[tuple[str, str]] = []
    end = 0
    for found in _FENCE.finditer(text):
        is_below = bool(blocks) and blocks[-1][0] == "sh" and not text[end : found.start()].strip()
        blocks.append(("output" if found[1] == "text" and is_below else found[1], found[2]))
        end = found.end()
    return blocks


def find_command(page: str, beginning: str, address: str) -> list[str]:
    """The arguments of the first command of a page that begins so, with another address in the place of its own."""
    commands = list_commands(ROOT / "docs" / page)
    _, *words = shlex.split(next(line for line in commands if line.startswith(beginning)), comments=True)
    return [address if "://" in word else word for word in words]


def list_commands(page: Path) -> list[str]:
    """The lines that a page has its reader type."""
    return [line for language, text in list_blocks(page) if language == "sh" for line in text.splitlines()]


def run_page(page: Path, folder: Path, *, instead: Mapping[str, str], untyped: Collection[str] = ()) -> None:
    """Type all commands of a page, in order, in one shell that stops at the first that fails.

    Args:
        folder: to begin in; blocks that begin with a file's name are written below it.
        instead: what is typed in the place of a text.
        untyped: how lines begin that are left out.
    """
    script: list[str] = []
    expected: dict[int, str] = {}
    blocks = list_blocks(page)
    for number, (language, text) in enumerate(blocks):
        named = _FILE.match(text)
        if language == "sh":
            lines = [line for line in text.splitlines() if not line.startswith(tuple(untyped))]
            script += [f"echo '{_MARK.format(number)}'", *lines]
        elif language == "output":
            expected[number - 1] = text
        elif named:
            (folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / named[1]).write_text(text, "utf-8")
    typed = "\n".join(script)
    for old, new in instead.items():
        typed = typed.replace(old, new)
    with provide_programs(folder / ".programs") as programs:
        (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', "utf-8")
        (programs / "python").chmod(0o755)
        done = _type(typed, folder, programs)
    assert done.returncode == 0, f"{page.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    outputs = re.split(r"-- block (\d+) --\n", done.stdout)[1:]
    shown = dict(zip(map(int, outputs[::2]), outputs[1::2], strict=True))
    for number, text in expected.items():
        for line in filter(None, text.splitlines()):
            assert " ".join(line.split()) in " ".join(shown[number].split()), (
                f"{page.name}: {line!r} in {shown[number]}"
            )


def _type(script: str, folder: Path, programs: Path) -> subprocess.CompletedProcess[str]:
    clean = {n: v for n, v in os.environ.items() if n != "SCRAPY_SETTINGS_MODULE" and not n.lower().endswith("_proxy")}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _PRELUDE + script],
        cwd=folder,
        env=clean | {"PATH": f"{programs}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
