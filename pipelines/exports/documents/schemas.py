"""JSON Schemas of documents of other standards: which of their members an export writes.

Each is narrower than its standard, so a document that keeps to it keeps to the standard as well.

Spec: IPTC ninjs 3.0; CSL-JSON 1.0 (csl-data.json); schema.org, NewsArticle; JSON Feed 1.1.
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
    return describe_object(
        {
            "uri": _ADDRESS,
            "standard": describe_object({"name": {"const": "ninjs"}, "version": {"const": "3.0"}, "schema": _ADDRESS}),
            "type": {"const": "text"},
            "representationType": {"enum": ["full", "partial"]},
            "pubStatus": {"enum": ["usable", "canceled"]},
            "altIds": describe_list(describe_object(part)),
        },
        optional={
            "version": _TEXT,
            "firstCreated": _INSTANT,
            "versionCreated": _INSTANT,
            "contentCreated": _INSTANT,
            "language": _TEXT,
            "headlines": describe_list(describe_object(part)),
            "by": _TEXT,
            "bodies": describe_list(
                describe_object(part | {"contentType": _TEXT, "charCount": {"type": "integer", "minimum": 0}})
            ),
            "subjects": describe_list(describe_object({"name": _TEXT, "rel": {"enum": ["section", "about"]}})),
            "organisations": describe_list(
                describe_object({"literal": _TEXT, "symbols": describe_list(describe_object({"symbol": _TEXT}))})
            ),
            "infoSources": describe_list(describe_object({"name": _TEXT})),
            "renditions": describe_list(describe_object({"name": _TEXT, "href": _ADDRESS, "contentType": _TEXT})),
        },
    )


def describe_newsarticle() -> dict[str, Any]:
    """Return the schema of a line of `newsarticle`."""
    return describe_object(
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
            "articleSection": describe_list(_TEXT),
            "keywords": describe_list(_TEXT),
            "articleBody": _TEXT,
            "author": describe_list(describe_object({"@type": {"const": "Person"}, "name": _TEXT})),
            "publisher": describe_object({"@type": {"const": "NewsMediaOrganization"}, "name": _TEXT}),
            "inLanguage": _TEXT,
            "version": _TEXT,
            "creativeWorkStatus": {"enum": ["Obsolete", "Deleted"]},
        },
    )


def describe_references() -> dict[str, Any]:
    """Return the schema of a file of `csl`."""
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3}
    day = describe_object({"date-parts": {"type": "array", "items": numbers, "minItems": 1, "maxItems": 1}})
    texts = ("title", "container-title", "section", "URL", "language", "keyword", "abstract", "note")
    reference = describe_object(
        {"id": _TEXT, "type": {"const": "article-newspaper"}},
        optional={"author": describe_list(describe_object({"literal": _TEXT})), "issued": day, "accessed": day}
        | dict.fromkeys(texts, _TEXT),
    )
    return {"type": "array", "items": reference}


def describe_json_feed() -> dict[str, Any]:
    """Return the schema of a feed's `.json`."""
    item = describe_object(
        dict.fromkeys(("id", "title", "content_html", "summary"), _TEXT)
        | dict.fromkeys(("date_published", "date_modified"), _INSTANT)
        | {
            "authors": {"type": "array", "items": describe_object({"name": _TEXT})},
            "tags": {"type": "array", "items": _TEXT},
        },
        optional={"url": _ADDRESS, "language": _TEXT},
    )
    return describe_object(
        {
            "version": {"const": "https://jsonfeed.org/version/1.1"},
            "title": _TEXT,
            "home_page_url": _ADDRESS,
            "feed_url": _ADDRESS,
            "items": {"type": "array", "items": item},
        },
        optional={
            "next_url": _ADDRESS,
            "hubs": describe_list(describe_object({"type": {"const": "WebSub"}, "url": _ADDRESS})),
        },
    )


def describe_object(required: dict[str, Any], *, optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of an object with these properties and no others."""
    properties = required | (optional or {})
    return {"type": "object", "properties": properties, "required": [*required], "additionalProperties": False}


def describe_list(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list that is left out where it would be empty."""
    return {"type": "array", "items": items, "minItems": 1}
