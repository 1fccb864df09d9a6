"""What archived bytes mean: the item, the normalisers that settle each of its fields, and the files made of it.

Everything here is pure except where a module says that it touches the disk. Only the stages and the exporters know
Scrapy; nothing here knows the archive or the crawler, so a post can be made again from text alone.

The names in `__all__` are for users of the library, and described in `docs/library.md`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.exports.files import ExportError, replace_file, replace_folder
    from pipelines.exports.formats import Exporter, ExportOptions
    from pipelines.exports.records import COLUMNS, PostRecord, build_object, build_row, dump_record, load_record
    from pipelines.page.document import CaptureRef
    from pipelines.page.page import Page
    from pipelines.posts.items import Evidence
    from pipelines.rules.model import Reader

__all__ = [
    "COLUMNS",
    "CaptureRef",
    "Evidence",
    "ExportError",
    "ExportOptions",
    "Exporter",
    "Page",
    "PostRecord",
    "Reader",
    "build_object",
    "build_row",
    "dump_record",
    "load_record",
    "replace_file",
    "replace_folder",
]

# Each is imported when it is first asked for, because importing them all takes half a second (PEP 562).
_HOMES = {
    "COLUMNS": "pipelines.exports.records",
    "CaptureRef": "pipelines.page.document",
    "Evidence": "pipelines.posts.items",
    "ExportError": "pipelines.exports.files",
    "ExportOptions": "pipelines.exports.formats",
    "Exporter": "pipelines.exports.formats",
    "Page": "pipelines.page.page",
    "PostRecord": "pipelines.exports.records",
    "Reader": "pipelines.rules.model",
    "build_object": "pipelines.exports.records",
    "build_row": "pipelines.exports.records",
    "dump_record": "pipelines.exports.records",
    "load_record": "pipelines.exports.records",
    "replace_file": "pipelines.exports.files",
    "replace_folder": "pipelines.exports.files",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
