"""Posts as Markdown files for site generators that read YAML dates: Eleventy, Astro, Zola.

A post file writes `2022-02-18 10:21:11 +0800`, which Jekyll and Hugo read and YAML does not: to its readers that is
text, and Eleventy stops at it. Here a date is ISO 8601. The body is the same sanitised HTML, which Markdown lets pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelines.dates.model import Precision
from pipelines.exports.files import replace_folder
from pipelines.exports.records import iter_sound
from pipelines.exports.sites.site import build_name, digest_name, dump_list, find_link
from pipelines.names.slugs import build_file_stem, fold_name
from pipelines.posts.front_matter import dump_date, dump_title

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_WRITTEN = re.compile(r"(\S+) (\S+) ([+-]\d\d)(\d\d)")


def export_markdown(records: Iterable[PostRecord], target: Path) -> int:
    """Write each record to `COLLECTION/FILE.md` in a folder; return how many they are.

    Raises:
        pipelines.exports.files.ExportError: something else is at the target.
    """
    count = 0
    taken: set[str] = set()
    with replace_folder(target, "markdown") as folder:
        for record in iter_sound(records):
            stem = record.file.removesuffix(".md") or build_file_stem(record.identifier)
            path = f"{build_name(record.collection)}/{stem}"
            if fold_name(path) in taken:
                path += f"-{digest_name(record.id)}"
            taken.add(fold_name(path))
            file = folder / f"{path}.md"
            file.parent.mkdir(exist_ok=True)
            file.write_text(dump_markdown(record), "utf-8", newline="\n")
            count += 1
    return count


def dump_markdown(record: PostRecord) -> str:
    """Return the file of a post: front matter whose values every YAML reader takes for what they are, and the body."""
    published = dump_iso(record.datePublished, record.datePublished_precision)
    fields = [
        ("title", dump_title(record.headline)),
        ("date", published),
        ("updated", dump_iso(record.dateModified, record.dateModified_precision)),
        ("categories", dump_list(list(record.articleSection))),
        ("tags", dump_list(list(record.keywords))),
        ("authors", dump_list(list(record.author))),
        ("publisher", dump_title(record.publisher)),
        ("lang", dump_title(record.inLanguage)),
        ("original", dump_title(find_link(record))),
        ("id", dump_title(record.id)),
        ("contentHash", dump_title(record.contentHash)),
    ]
    lines = [f"{key}: {value}\n" for key, value in fields if value]
    return f"---\n{''.join(lines)}---\n{record.articleBody}\n"


def dump_iso(instant: datetime | None, precision: Precision | None) -> str:
    """Return an instant in ISO 8601 with its offset, or the day alone where no more was stated; '' for None."""
    if instant is None:
        return ""
    text = dump_date(instant, precision or Precision.SECOND)
    return _WRITTEN.sub(r"\1T\2\3:\4", text)
