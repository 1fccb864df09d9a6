"""CSV: a header, and lists and objects as JSON in a cell."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.exports.files import replace_file
from pipelines.exports.records import NAMES, build_row, iter_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord


# https://owasp.org/www-community/attacks/CSV_Injection; spreadsheets in East Asia take the full-width forms, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export_csv(records: Iterable[PostRecord], target: Path, *, has_safe_cells: bool = False) -> int:
    """Write the records to a file; return how many they are.

    Args:
        has_safe_cells: put an apostrophe before a text that a spreadsheet would run as a formula.

    Spec: RFC 4180, in UTF-8 with line feeds inside quotes as they are.
    """
    count = 0
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        for record in iter_sound(records):
            cells = [_dump_cell(value) for value in build_row(record)]
            writer.writerow(map(_disarm, cells) if has_safe_cells else cells)
            count += 1
    return count


def join_csv(parts: Sequence[Path], target: Path) -> None:
    """Make one file of what was exported in parts, each with a header."""
    with replace_file(target) as temporary, temporary.open("wb") as file:
        for number, part in enumerate(parts):
            with part.open("rb") as lines:
                header = lines.readline()
                file.write(b"" if number else header)
                shutil.copyfileobj(lines, file)


def _disarm(cell: Any) -> Any:
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _dump_cell(value: Any) -> Any:
    if isinstance(value, tuple | dict):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, datetime) else value
