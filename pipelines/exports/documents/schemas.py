"""JSON Schemas of documents of other standards: which of their members an export writes.

Each is narrower than its standard, so a document that keeps to it keeps to the standard as well.

Spec: IPTC ninjs 3.0; CSL-JSON 1.0 (csl-data.json); schema.org, NewsArticle.
"""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_ADDRESS: Final = {"type": "string", "format": "uri"}
_INSTANT: Final = {"type": "string", "format": "date-time"}
# An instant with its offset, or the day alone where the publisher states no more.
_DATE: Final = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2})?$",
}


def describe_ninjs() -> dict[str, Any]:
    """Return the schema of a line of `ninjs`."""
    part = {"role": _TEXT, "value": _TEXT}
    return _object(
        {
            "uri": _ADDRESS,
            "standard": _object({"name": {"const": "ninjs"}, "version": {"const": "3.0"}, "schema": _ADDRESS}),
            "type": {"const": "text"},
            "representationType": {"enum": ["full", "partial"]},
            "pubStatus": {"enum": ["usable", "canceled"]},
            "altIds": _list(_object(part)),
        },
        optional={
            "version": _TEXT,
            "firstCreated": _INSTANT,
            "versionCreated": _INSTANT,
            "contentCreated": _INSTANT,
            "language": _TEXT,
            "headlines": _list(_object(part)),
            "by": _TEXT,
            "bodies": _list(_object(part | {"contentType": _TEXT, "charCount": {"type": "integer", "minimum": 0}})),
            "subjects": _list(_object({"name": _TEXT, "rel": {"enum": ["section", "about"]}})),
            "organisations": _list(_object({"literal": _TEXT, "symbols": _list(_object({"symbol": _TEXT}))})),
            "infoSources": _list(_object({"name": _TEXT})),
            "renditions": _list(_object({"name": _TEXT, "href": _ADDRESS, "contentType": _TEXT})),
        },
    )


def describe_newsarticle() -> dict[str, Any]:
    """Return the schema of a line of `newsarticle`."""
    return _object(
        {
            "@context": {"const": "https://schema.org"},
            "@type": {"const": "NewsArticle"},
            "@id": _ADDRESS,
            "identifier": _TEXT,
        },
        optional={
            "url": _ADDRESS,
            "mainEntityOfPage": _ADDRESS,
            "headline": _TEXT,
            "datePublished": _DATE,
            "dateModified": _DATE,
            "articleSection": _list(_TEXT),
            "keywords": _list(_TEXT),
            "articleBody": _TEXT,
            "author": _list(_object({"@type": {"const": "Person"}, "name": _TEXT})),
            "publisher": _object({"@type": {"const": "NewsMediaOrganization"}, "name": _TEXT}),
            "inLanguage": _TEXT,
            "version": _TEXT,
            "creativeWorkStatus": {"enum": ["Obsolete", "Deleted"]},
        },
    )


def describe_references() -> dict[str, Any]:
    """Return the schema of a file of `csl`."""
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3}
    day = _object({"date-parts": {"type": "array", "items": numbers, "minItems": 1, "maxItems": 1}})
    texts = ("title", "container-title", "section", "URL", "language", "keyword", "abstract", "note")
    reference = _object(
        {"id": _TEXT, "type": {"const": "article-newspaper"}},
        optional={"author": _list(_object({"literal": _TEXT})), "issued": day, "accessed": day}
        | dict.fromkeys(texts, _TEXT),
    )
    return {"type": "array", "items": reference}


def _object(required: dict[str, Any], *, optional: dict[str, Any] | None = None) -> dict[str, Any]:
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}
