"""The processes below a process, to be killed or to be missed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def list_descendants(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found + [pid for child in found for pid in list_descendants(child)]


def read_command(pid: int) -> bytes:
    """The command line; empty if the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def find_parent(pid: int) -> int:
    """The parent; 0 if the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
