"""Files with one or more lines per post."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelines.exports.files import replace_file
from pipelines.exports.records import iter_sound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from pipelines.exports.records import PostRecord


def export_lines(records: Iterable[PostRecord], target: Path, build: Callable[[PostRecord], Iterable[Any]]) -> int:
    """Write what is built of each record to a file, a line of JSON each; return how many records there are."""
    count = 0
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for record in iter_sound(records):
            file.writelines(dump(value) + "\n" for value in build(record))
            count += 1
    return count


def dump(value: Any) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def drop_empty(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what says nothing: null, empty texts, lists and objects."""
    return {name: entry for name, entry in value.items() if entry not in (None, "", [], {})}
