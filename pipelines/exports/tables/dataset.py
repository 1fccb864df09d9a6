"""A dataset folder as used by machine-learning hubs: Parquet files below `data/` and a dataset card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.exports.files import replace_folder
from pipelines.exports.records import COLUMNS, SCHEMA, iter_sound
from pipelines.exports.tables.parquet import count_rows, join_months, write_months

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_NAME = "data/train-{number}-{month}.parquet"
_CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/*.parquet
---

# News posts

{count} posts, schema `{schema}`. Every post names the capture that it was read from, so each can be rebuilt from the
archive of its collection. The publishers hold the rights to the texts.

| column | holds | meaning |
|---|---|---|
{rows}
"""


def export_dataset(records: Iterable[PostRecord], target: Path) -> int:
    """Write the records to a dataset folder; return how many they are.

    Raises:
        pipelines.exports.files.ExportError: pyarrow is not installed.
    """
    with replace_folder(target, "dataset") as folder:
        count = write_months(iter_sound(records), folder, _NAME)
        _write_card(folder, count)
    return count


def join_dataset(parts: Sequence[Path], target: Path) -> None:
    """Make one folder of what was exported in parts."""
    with replace_folder(target, "dataset") as folder:
        _write_card(folder, count_rows(join_months(parts, folder, _NAME)))


def _write_card(folder: Path, count: int) -> None:
    rows = "\n".join(f"| `{name}` | {kind} | {meaning} |" for name, kind, meaning in COLUMNS)
    (folder / "README.md").write_text(_CARD.format(count=count, schema=SCHEMA, rows=rows), "utf-8")
