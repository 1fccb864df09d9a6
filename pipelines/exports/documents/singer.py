"""Singer messages of a tap, with the cursor as the state.

Spec: Singer specification 0.3.0; `_sdc_deleted_at` as targets take it for a row that has gone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.exports.documents.lines import dump
from pipelines.exports.files import replace_file
from pipelines.exports.records import build_object, iter_sound
from pipelines.exports.schemas import describe_post

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.exports.records import PostRecord

STREAM = "posts"
_DELETED = "_sdc_deleted_at"
_STATE_EVERY = 100


def export_singer(records: Iterable[PostRecord], target: Path) -> int:
    """Write the messages of the records to a file; return how many records they are.

    A state follows every hundredth change and the last one: a target prints it once it has stored all before it.
    """
    count, cursor = 0, ""
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(dump(build_catalogue_entry()) + "\n")
        for record in iter_sound(records):
            file.write(dump(build_message(record)) + "\n")
            count += 1
            cursor = record.change.cursor if record.change else ""
            if cursor and count % _STATE_EVERY == 0:
                file.write(dump(build_state(cursor)) + "\n")
        if cursor and count % _STATE_EVERY:
            file.write(dump(build_state(cursor)) + "\n")
    return count


def build_catalogue_entry() -> dict[str, Any]:
    """Return the SCHEMA message of the stream."""
    properties = describe_post()["properties"] | {_DELETED: {"type": ["string", "null"], "format": "date-time"}}
    kept = {"type": "object", "properties": properties, "additionalProperties": False}
    return {
        "type": "SCHEMA",
        "stream": STREAM,
        "schema": kept,
        "key_properties": ["collection", "id"],
        "bookmark_properties": [],
    }


def build_message(record: PostRecord) -> dict[str, Any]:
    """Return the RECORD message of a post; one that was removed says so, and is otherwise empty."""
    row = build_object(record)
    if record.is_removed:
        row[_DELETED] = datetime.now(UTC).isoformat()  # when that was seen, as taps have it
    return {"type": "RECORD", "stream": STREAM, "record": row}


def build_state(cursor: str) -> dict[str, Any]:
    """Return the STATE message that says where to continue."""
    return {"type": "STATE", "value": {"bookmarks": {STREAM: {"cursor": cursor}}}}
