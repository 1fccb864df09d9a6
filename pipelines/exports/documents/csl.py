"""CSL-JSON: posts as references for Zotero and other citation software.

Spec: CSL-JSON 1.0 (csl-data.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.exports.documents.lines import drop_empty, dump
from pipelines.exports.files import replace_file
from pipelines.exports.records import iter_sound
from pipelines.exports.sites.site import find_link

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from pipelines.exports.records import PostRecord


def export_csl(records: Iterable[PostRecord], target: Path) -> int:
    """Write the records as one array of references, one a line; return how many they are."""
    count = 0
    with replace_file(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for record in iter_sound(records):
            file.write(("[\n" if not count else ",\n") + dump(build_reference(record)))
            count += 1
        file.write("\n]\n" if count else "[]\n")
    return count


def build_reference(record: PostRecord) -> dict[str, Any]:
    """Return a post as a reference; it was accessed when the capture was made that its text was read from."""
    return drop_empty(
        {
            "id": record.unique_id,
            "type": "article-newspaper",
            "title": record.headline,
            "author": [{"literal": name} for name in record.author],
            "container-title": record.publisher or record.source,
            "section": ", ".join(record.articleSection),
            "issued": _build_date(record.datePublished),
            "accessed": _build_date(record.capture.captured_at if record.capture else None),
            "URL": find_link(record),
            "language": record.inLanguage,
            "keyword": ", ".join(record.keywords),
            "abstract": record.text.partition("\n")[0],
            "note": f"capture: {record.capture.record_id}" if record.capture else "",
        }
    )


def _build_date(instant: datetime | None) -> dict[str, Any]:
    return {"date-parts": [[instant.year, instant.month, instant.day]]} if instant else {}
