"""JSON Lines: one record per line."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pipelines.exports.files import replace_file
from pipelines.exports.loading import load_record
from pipelines.exports.records import dump_record, iter_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord


def export_jsonl(records: Iterable[PostRecord], target: Path) -> int:
    """Write the records to a file; return how many they are."""
    count = 0
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for record in iter_sound(records):
            file.write(dump_record(record) + "\n")
            count += 1
    return count


def join_jsonl(parts: Sequence[Path], target: Path) -> None:
    """Make one file of what was exported in parts."""
    with replace_file(target) as temporary, temporary.open("wb") as file:
        for part in parts:
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)


def read_jsonl(path: Path) -> Iterator[PostRecord]:
    """Yield the records of such a file."""
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from map(load_record, file)
