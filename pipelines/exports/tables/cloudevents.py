"""CloudEvents 1.0, one event per line.

Spec: CloudEvents 1.0.2, JSON event format.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipelines.exports.documents.lines import dump
from pipelines.exports.records import ChangeKind, build_object
from pipelines.exports.schemas import POST_SCHEMA_ID

if TYPE_CHECKING:
    from pipelines.exports.records import PostRecord

_CURRENT = "current"


def dump_event(record: PostRecord) -> str:
    """Return the event of a record as one line of JSON."""
    return dump(build_event(record))


def build_event(record: PostRecord) -> dict[str, Any]:
    """Return the event of a change; without a change, that a post is as it is.

    `source` and `id` together are the same whenever the same change is sent, so that a reader knows it again.
    """
    change = record.change
    kind = str(change.kind) if change else _CURRENT
    version = change.version if change else 0
    named: list[str | int] = [record.id, kind, version, record.contentHash]
    if change and change.kind is ChangeKind.DOUBTFUL:
        named += [doubt.record_id for doubt in record.doubts]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32],
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
