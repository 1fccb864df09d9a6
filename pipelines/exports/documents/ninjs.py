"""IPTC ninjs 3. Articles that are gone or removed are `canceled`.

Spec: IPTC ninjs 3.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipelines.exports.documents.lines import drop_empty
from pipelines.exports.sites.site import find_link

if TYPE_CHECKING:
    from pipelines.exports.records import PostRecord

_STANDARD = {"name": "ninjs", "version": "3.0", "schema": "https://www.iptc.org/std/ninjs/ninjs-schema_3.0.json"}


def build_uri(record: PostRecord) -> str:
    """Return the URN of a post, which never changes."""
    return "urn:x-newsreel:post:" + quote(record.unique_id, safe="/:")


def build_ninjs(record: PostRecord) -> dict[str, Any]:
    """Return a post as a ninjs object."""
    instants = sorted(entry.captured_at for entry in record.evidence.values())
    made = instants or ([record.capture.captured_at] if record.capture else [])
    bodies = [("text/html", record.articleBody), ("text/plain", record.text)]
    return drop_empty(
        {
            "uri": build_uri(record),
            "standard": _STANDARD,
            "type": "text",
            "representationType": "partial" if record.is_removed else "full",
            "pubStatus": "canceled" if record.is_gone else "usable",
            "version": str(record.change.version) if record.change else "",
            "firstCreated": made[0].isoformat() if made else "",
            "versionCreated": made[-1].isoformat() if made else "",
            "contentCreated": record.datePublished.isoformat() if record.datePublished else "",
            "language": record.inLanguage,
            "headlines": [{"role": "main", "value": record.headline}] if record.headline else [],
            "by": ", ".join(record.author),
            "bodies": [
                {"role": "main", "contentType": kind, "charCount": len(record.text), "value": text}
                for kind, text in bodies
                if text
            ],
            "subjects": [{"name": name, "rel": "section"} for name in record.articleSection]
            + [{"name": name, "rel": "about"} for name in record.keywords],
            "organisations": [{"literal": name, "symbols": [{"symbol": name}]} for name in record.symbols],
            "infoSources": [{"name": record.publisher}] if record.publisher else [],
            "renditions": [{"name": "web", "href": link, "contentType": "text/html"}]
            if (link := find_link(record))
            else [],
            "altIds": [{"role": "identifier", "value": record.identifier}],
        }
    )
