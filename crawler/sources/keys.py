"""Building blocks of the definition schema: key descriptions and shared options."""

from __future__ import annotations

import msgspec
from msgspec import Meta

Texts = str | tuple[str, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file, which holds no key but those named."""


def describe(title: str, text: str, *examples: object, words: str = "", **schema: object) -> Meta:
    """Describe a key.

    Args:
        title: for the list of keys in an editor.
        text: what the key says.
        examples: values it may have.
        words: what is requested, after "must be"; without them the type's own words do.
        schema: further keywords of JSON Schema, which only editors check.
    """
    extra = {"words": words} if words else None
    return Meta(title=title, description=text, examples=list(examples) or None, extra_json_schema=schema, extra=extra)
