"""CloudEvents 1.0, one a line: changes for whatever routes events without knowing what is in them.

Spec: CloudEvents 1.0.2, JSON event format.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipelines.exports.files import replace_file
from pipelines.exports.records import build_object, iter_sound
from pipelines.exports.schemas import POST_SCHEMA_ID

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_CURRENT = "current"


def export_cloudevents(records: Iterable[PostRecord], target: Path) -> int:
    """Write an event for each record to a file; return how many they are."""
    count = 0
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for record in iter_sound(records):
            file.write(dump_event(record) + "\n")
            count += 1
    return count


def dump_event(record: PostRecord) -> str:
    """Return the event of a record as one line of JSON."""
    return json.dumps(build_event(record), ensure_ascii=False, separators=(",", ":"))


def build_event(record: PostRecord) -> dict[str, Any]:
    """Return the event of a change; without a change, that a post is as it is.

    `source` and `id` together are the same whenever the same change is told, so that a reader knows it again.
    """
    change = record.change
    kind = str(change.kind) if change else _CURRENT
    version = change.version if change else 0
    named = json.dumps([record.id, kind, version, record.contentHash])
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": hashlib.sha256(named.encode()).hexdigest()[:32],
        "source": f"urn:x-newsreel:collection:{quote(record.collection, safe='')}",
        "type": f"newsreel.post.{kind}",
        "subject": record.id,
        "datacontenttype": "application/json",
        "dataschema": POST_SCHEMA_ID,
    }
    if record.capture is not None:
        event["time"] = record.capture.captured_at.isoformat()
    if change is not None:
        event["cursor"] = change.cursor
    return event | {"data": build_object(record)}
