"""The log of a source's latest crawl, and its end, where Python and Scrapy say why they gave up."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES: Final = 16_384
# Colours and other commands for a terminal.
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def build_log_path(folder: Path, source: str) -> Path:
    """Return where the log of a source is in the schedule's folder."""
    return folder / f"{source}.log"


def read_tail(path: Path, *, most: int) -> list[str]:
    """Return the last lines of a log that say something, the earliest first; none where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return []
    lines = [_ESCAPES.sub("", line).rstrip() for line in text.split("\n")]
    if size > _TAIL_BYTES:
        lines = lines[1:] or lines
    return [line for line in lines if line.strip()][-most:]
