"""JSON Schemas of exports, generated from their types.

A reader that guesses the type of a column from its first hundred lines takes one that begins with nulls for a column of
nulls, and stops at the first text. With the schema nobody has to guess.

Spec: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pipelines.exports.documents.schemas import describe_newsarticle, describe_ninjs, describe_references
from pipelines.exports.records import COLUMNS, OF_CHANGE, SCHEMA, THIN, Change, PostRecord
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


def build_post_schema() -> dict[str, Any]:
    """Return the schema of a line of `jsonl`, and of everything else that holds a post's object."""
    properties = {name: _describe_column(name) | {"description": meaning} for name, _, meaning in COLUMNS}
    return {
        "$schema": DIALECT,
        "$id": POST_SCHEMA_ID,
        "title": SCHEMA,
        "description": "One post, or in an export of changes what has happened to one.",
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in OF_CHANGE],
        "additionalProperties": False,
    }


def build_event_schema() -> dict[str, Any]:
    """Return the schema of a line of `cloudevents`.

    Spec: CloudEvents 1.0.2, JSON event format.
    """
    texts = ("id", "source", "type", "subject", "datacontenttype", "dataschema")
    properties = {"specversion": {"const": "1.0", "type": "string"}} | {name: _describe(str) for name in texts}
    optional = {"time": _describe(datetime), "cursor": _describe(str)}
    return _describe_envelope(
        "newsreel-event/1", "One CloudEvent.", properties, optional, [_embed(build_post_schema())]
    )


def build_webhook_schema() -> dict[str, Any]:
    """Return the schema of the body of a webhook, full or thin.

    Spec: Standard Webhooks 1.0, payload structure.
    """
    properties = {"type": _describe(str), "timestamp": _describe(datetime)}
    post = _embed(build_post_schema())
    thin = post | {
        "properties": {name: entry for name, entry in post["properties"].items() if name in THIN},
        "required": sorted(THIN),
    }
    optional = {"isThin": {"const": True, "type": "boolean"}}
    return _describe_envelope("newsreel-webhook/1", "The body of a webhook.", properties, optional, [post, thin])


def _describe_envelope(
    title: str,
    description: str,
    required: Mapping[str, Any],
    optional: Mapping[str, Any],
    forms: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the schema of an object around a post.

    Args:
        forms: of the post in `data`.
    """
    data = forms[0] if len(forms) == 1 else {"oneOf": forms}
    return {
        "$schema": DIALECT,
        "$id": _NAMESPACE + title,
        "title": title,
        "description": description,
        "type": "object",
        "properties": {**required, **optional, "data": data},
        "required": [*required, "data"],
        "additionalProperties": False,
    }


def _embed(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if not name.startswith("$")}


def dump_schema(schema: Mapping[str, Any]) -> str:
    """Write a schema as the file that is published."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


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
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _build_document_schema(title: str, description: str, describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of an export in the form of another standard."""
    head = {"$schema": DIALECT, "$id": _NAMESPACE + title, "title": title, "description": description}
    return head | describe()


# By the names under which they are published.
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "newsreel-post-2": build_post_schema,
    "newsreel-event-1": build_event_schema,
    "newsreel-webhook-1": build_webhook_schema,
    "newsreel-ninjs-1": partial(
        _build_document_schema, "newsreel-ninjs/1", "One post as an IPTC ninjs 3.0 object.", describe_ninjs
    ),
    "newsreel-newsarticle-1": partial(
        _build_document_schema, "newsreel-newsarticle/1", "One post as a schema.org NewsArticle.", describe_newsarticle
    ),
    "newsreel-csl-1": partial(
        _build_document_schema, "newsreel-csl/1", "Posts as CSL-JSON references.", describe_references
    ),
}
