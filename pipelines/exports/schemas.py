"""JSON Schemas of exports, generated from their types.

A reader that guesses the type of a column from its first hundred lines takes one that begins with nulls for a column of
nulls, and stops at the first text. With the schema nobody has to guess.

Spec: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pipelines.exports.documents.schemas import (
    describe_json_feed,
    describe_newsarticle,
    describe_ninjs,
    describe_object,
    describe_references,
)
from pipelines.exports.documents.search_engines import INDEX, LEFT_OUT
from pipelines.exports.records import COLUMNS, NAMES, OF_CHANGE, SCHEMA, THIN, Change, PostRecord
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Doubt, Evidence

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMESPACE = "urn:x-newsreel:schema:"
POST_SCHEMA_ID = _NAMESPACE + SCHEMA
_WITHOUT_EVIDENCE = frozenset(
    ("collection", "source", "identifier", "categories", "text", "file", "contentHash", "capture", "evidence", "doubts")
) | {"change", "datePublished_precision", "dateModified_precision"}
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_NAMES = {"Mapping": Mapping, "datetime": datetime}


def describe_post(*, leave_out: Collection[str] = (), is_change: bool = False) -> dict[str, Any]:
    """Return the schema of a post's object: a line of `jsonl`, and a part of much else.

    Args:
        leave_out: columns that are not written.
        is_change: it has the columns of a change in any case.
    """
    columns = {
        name: _describe_column(name) | {"description": meaning} for name, _, meaning in COLUMNS if name not in leave_out
    }
    optional = {} if is_change else {name: columns.pop(name) for name in OF_CHANGE}
    return describe_object(columns, optional=optional)


def describe_event() -> dict[str, Any]:
    """Return the schema of a line of `cloudevents`.

    Spec: CloudEvents 1.0.2, JSON event format.
    """
    texts = ("id", "source", "type", "subject", "datacontenttype", "dataschema")
    required = {"specversion": {"const": "1.0", "type": "string"}} | {name: _describe(str) for name in texts}
    optional = {"time": _describe(datetime), "cursor": _describe(str)}
    return describe_object(required | {"data": describe_post()}, optional=optional)


def describe_webhook() -> dict[str, Any]:
    """Return the schema of the body of a webhook, full or thin.

    Spec: Standard Webhooks 1.0, payload structure.
    """
    thin = describe_post(leave_out=frozenset(NAMES) - THIN, is_change=True)
    data = {"oneOf": [describe_post(is_change=True), thin]}
    return describe_object(
        {"type": _describe(str), "timestamp": _describe(datetime), "data": data},
        optional={"isThin": {"const": True, "type": "boolean"}},
    )


def describe_changes() -> dict[str, Any]:
    """Return the schema of an answer of `GET /changes`."""
    return describe_object(
        {
            "schema": _describe_column("schema"),
            "collection": _describe(str),
            "changes": {"type": "array", "items": describe_post(is_change=True)},
            "cursor": _describe(str),
            "more": _describe(bool),
        }
    )


def describe_manifest() -> dict[str, Any]:
    """Return the schema of the manifest of Parquet files in a storage."""
    file = describe_object(
        {"path": _describe(str), "rows": _describe(int), "bytes": _describe(int), "sha256": _describe(str)}
    )
    return describe_object(
        {
            "schema": _describe_column("schema"),
            "format": {"const": "parquet", "type": "string"},
            "posts": _describe(int),
            "files": {"type": "array", "items": file},
        }
    )


def describe_bulk() -> dict[str, Any]:
    """Return the schema of a line of `opensearch`: an action, or the document of the one before it."""
    where = describe_object({"_index": {"const": INDEX, "type": "string"}, "_id": _describe(str)})
    actions = [describe_object({name: where}) for name in ("index", "delete")]
    return {"type": "object", "oneOf": [*actions, describe_post(leave_out=LEFT_OUT)]}


def describe_meilisearch() -> dict[str, Any]:
    """Return the schema of a line of `meilisearch`: a post, or that it was removed."""
    key = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    post = describe_post(leave_out=LEFT_OUT)
    post["properties"] |= {"key": key, "isWithdrawn": {"const": False, "type": "boolean"}}
    post["required"] += ["key", "isWithdrawn"]
    removed = {"key": key, "id": _describe(str), "isWithdrawn": {"const": True, "type": "boolean"}}
    return {"type": "object", "oneOf": [post, describe_object(removed)]}


def _describe_column(name: str) -> dict[str, Any]:
    made = {"schema": {"const": SCHEMA, "type": "string"}, "id": _describe(str)}
    made["publishedAt"] = _describe(datetime | None)
    if name in made:
        return made[name]
    if name == "doubts":
        return {"type": "object", "additionalProperties": _describe_value(Doubt, leave_out=("record_id",))}
    if name == "evidence":
        names = [entry.name for entry in fields(PostRecord) if entry.name not in _WITHOUT_EVIDENCE]
        entry = _describe_value(Evidence, also=("confidence",))
        # Named, so that a table of fixed columns can be made of it; other fields may come to have evidence, too.
        return {"type": "object", "properties": dict.fromkeys(names, entry), "additionalProperties": entry}
    if name.startswith("capture_"):
        return _describe(_find_hints(CaptureRef)[name.removeprefix("capture_")] | None)
    if name in OF_CHANGE:
        return _describe(_find_hints(Change)["kind" if name == "change" else name])
    return _describe(_find_hints(PostRecord)[name])


def _find_hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, localns=_NAMES)


def _describe(hint: Any) -> dict[str, Any]:
    """Return the schema of a type as JSON writes its values."""
    if isinstance(hint, UnionType):
        (inner,) = (kind for kind in get_args(hint) if kind is not NoneType)
        found = _describe(inner)
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        return found
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _describe(get_args(hint)[0])}
    if hint is datetime:
        return {"type": "string", "format": "date-time"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"type": "string", "enum": [member.value for member in hint]}
    return {"type": _TYPES[hint]}


def _describe_value(kind: type, *, leave_out: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of a value as an object; `also` names properties that are written with it."""
    assert is_dataclass(kind)
    hints = {name: hint for name, hint in _find_hints(kind).items() if name not in leave_out}
    hints |= {name: get_type_hints(getattr(kind, name).fget)["return"] for name in also}
    properties = {name: _describe(hint) for name, hint in hints.items()}
    return describe_object(properties)


# By the names under which they are published.
SCHEMAS: Mapping[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "newsreel-post-2": ("One post, or in an export of changes what has happened to one.", describe_post),
    "newsreel-event-1": ("One CloudEvent.", describe_event),
    "newsreel-webhook-1": ("The body of a webhook.", describe_webhook),
    "newsreel-changes-1": ("An answer of GET /changes.", describe_changes),
    "newsreel-manifest-1": ("The manifest of Parquet files in a storage.", describe_manifest),
    "newsreel-bulk-1": ("A line of a bulk request to OpenSearch or Elasticsearch.", describe_bulk),
    "newsreel-meilisearch-1": ("One post as a document for Meilisearch.", describe_meilisearch),
    "newsreel-feed-1": ("Posts as a JSON Feed 1.1.", describe_json_feed),
    "newsreel-ninjs-1": ("One post as an IPTC ninjs 3.0 object.", describe_ninjs),
    "newsreel-newsarticle-1": ("One post as a schema.org NewsArticle.", describe_newsarticle),
    "newsreel-csl-1": ("Posts as CSL-JSON references.", describe_references),
}


def build_schema(name: str) -> dict[str, Any]:
    """Return the schema published under a name."""
    description, describe = SCHEMAS[name]
    title = "/".join(name.rsplit("-", 1))
    return {"$schema": DIALECT, "$id": _NAMESPACE + title, "title": title, "description": description} | describe()


def dump_schema(name: str) -> str:
    """Write the schema published under a name as a file."""
    return json.dumps(build_schema(name), ensure_ascii=False, indent=2) + "\n"
