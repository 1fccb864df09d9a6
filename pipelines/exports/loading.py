"""Records read back from what formats wrote of them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.dates.model import Precision
from pipelines.exports.records import LISTS, SCHEMA, TEXTS, Change, ChangeKind, PostRecord
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Doubt, Evidence, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping


def load_record(text: str) -> PostRecord:
    """Read what `dump_record` wrote."""
    row: dict[str, Any] = json.loads(text)
    row["capture_captured_at"] = _load_instant(row["capture_captured_at"])
    return load_row(row)


def load_row(row: Mapping[str, Any]) -> PostRecord:
    """Return the record of a row by column name: what `build_row` takes apart, put together.

    Raises:
        ValueError: the row is of another schema.
    """
    if row["schema"] != SCHEMA:
        raise ValueError(f"a row of schema {row['schema']!r}; this version reads {SCHEMA}")
    capture = change = None
    if row["capture_record_id"] is not None:
        names = ("record_id", "captured_at", "payload_digest", "file", "offset")
        capture = CaptureRef(**{name: row[f"capture_{name}"] for name in names})
    if row.get("change"):
        change = Change(kind=ChangeKind(row["change"]), version=row["version"], cursor=row["cursor"])
    lists = {name: tuple(row[name]) for name in LISTS}
    dates = {name: _load_instant(row[name]) for name in ("datePublished", "dateModified")}
    precisions = {name: _load_precision(row[name]) for name in ("datePublished_precision", "dateModified_precision")}
    texts = {name: row[name] for name in TEXTS}
    evidence = {name: _load_evidence(entry) for name, entry in row["evidence"].items()}
    doubts = tuple(
        Doubt(record_id=name, captured_at=datetime.fromisoformat(entry["captured_at"]), reason=entry["reason"])
        for name, entry in row["doubts"].items()
    )
    values: dict[str, Any] = texts | lists | dates | precisions
    return PostRecord(**values, capture=capture, evidence=evidence, doubts=doubts, change=change)


def _load_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _load_precision(text: str | None) -> Precision | None:
    return Precision(text) if text else None


def _load_evidence(entry: Mapping[str, Any]) -> Evidence:
    return Evidence(
        origin=Origin(entry["origin"]),
        captured_at=datetime.fromisoformat(entry["captured_at"]),
        record_id=entry["record_id"],
        place=entry["place"],
        agreeing=entry["agreeing"],
        disagreeing=tuple(entry["disagreeing"]),
    )
