"""Parquet, one folder per month.

pyarrow is wanted for this alone, so it is an extra. Records come in the order of their days, so no more than one month
is open at a time and memory does not grow with their number.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipelines.exports.files import ExportError, replace_folder
from pipelines.exports.loading import load_row
from pipelines.exports.records import COLUMNS, NAMES, SCHEMA, Kind, build_row, iter_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pipelines.exports.records import PostRecord

_BATCH_RECORDS = 1000
_BATCH_CHARS = 8_000_000
_UNDATED = "undated"
_NAME = "month={month}/part-{number}.parquet"


def export_parquet(records: Iterable[PostRecord], target: Path) -> int:
    """Write the records to a folder, partitioned by month; return how many they are.

    Raises:
        ExportError: pyarrow is not installed.
    """
    with replace_folder(target, "parquet", is_own_file=_is_export) as folder:
        return write_months(iter_sound(records), folder, _NAME)


def join_parquet(parts: Sequence[Path], target: Path) -> None:
    """Make one folder of what was exported in parts."""
    with replace_folder(target, "parquet", is_own_file=_is_export) as folder:
        join_months(parts, folder, _NAME)


def join_months(parts: Sequence[Path], folder: Path, name: str) -> list[Path]:
    """Copy the files of several folders to one, renumbered; what follows in the same month becomes one file.

    Args:
        name: as `write_months` had it.

    Returns:
        The files.
    """
    pattern = re.escape(name).replace(r"\{month\}", "(.+)").replace(r"\{number\}", r"\d+")
    found = [(path.relative_to(part).as_posix(), path) for part in parts for path in list_files(part)]
    joined: list[Path] = []
    for month, group in groupby(found, key=lambda pair: re.sub(pattern, r"\1", pair[0])):
        paths = [path for _, path in group]
        target = name.format(month=month, number=f"{len(joined):05d}")
        joined.append(folder / target)
        joined[-1].parent.mkdir(parents=True, exist_ok=True)
        if len(paths) == 1:
            shutil.copyfile(paths[0], joined[-1])
        else:
            write_months(read_files(paths), folder, target)
    return joined


def list_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a folder, in the order in which they were written."""
    return sorted(folder.rglob("*.parquet"), key=lambda path: path.name)


def count_rows(paths: Iterable[Path]) -> int:
    """Return how many records some files hold."""
    _, parquet = _load_pyarrow()
    return sum(parquet.read_metadata(path).num_rows for path in paths)


def write_months(records: Iterable[PostRecord], folder: Path, name: str) -> int:
    """Write one file for each run of records of the same month.

    Args:
        name: of each file below the folder, with `{month}` and `{number}`, which grows by one with each file.
    """
    arrow, parquet = _load_pyarrow()
    schema = build_schema()
    count = number = 0
    writer, current = None, ""
    try:
        for month, batch in iter_batches(records):
            if writer is None or month != current:
                if writer is not None:
                    writer.close()
                path = folder / name.format(month=month, number=f"{number:05d}")
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = parquet.ParquetWriter(path, schema, compression="zstd")
                current, number = month, number + 1
            writer.write_table(_build_table(arrow, schema, batch))
            count += len(batch)
    finally:
        if writer is not None:
            writer.close()
    return count


def iter_batches(records: Iterable[PostRecord]) -> Iterator[tuple[str, list[PostRecord]]]:
    """Yield months with records of theirs, bounded in number and in size."""
    batch: list[PostRecord] = []
    current, size = "", 0
    for record in records:
        month = record.datePublished.strftime("%Y-%m") if record.datePublished else _UNDATED
        if batch and (month != current or len(batch) >= _BATCH_RECORDS or size >= _BATCH_CHARS):
            yield current, batch
            batch, size = [], 0
        current = month
        size += len(record.articleBody) + len(record.text)
        batch.append(record)
    if batch:
        yield current, batch


def build_schema() -> Any:
    """Return the Arrow schema of `COLUMNS`; its metadata name the schema's version."""
    arrow, _ = _load_pyarrow()
    types = {
        Kind.LIST: arrow.list_(arrow.string()),
        Kind.INSTANT: arrow.timestamp("us", tz="UTC"),
        Kind.INTEGER: arrow.int64(),
    }
    fields = [arrow.field(name, types.get(kind, arrow.string())) for name, kind, _ in COLUMNS]
    return arrow.schema(fields, metadata={"schema": SCHEMA})


def _is_export(path: Path) -> bool:
    """Return whether a file has the schema of an export, of any version."""
    _, parquet = _load_pyarrow()
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (OSError, ValueError):  # not Parquet
        return False
    name, _, _ = SCHEMA.partition("/")
    return bool(metadata.get(b"schema", b"").startswith(f"{name}/".encode()))


def _build_table(arrow: Any, schema: Any, batch: list[PostRecord]) -> Any:
    columns = zip(*map(build_row, batch), strict=True)
    arrays = []
    for column, values, kind in zip(COLUMNS, columns, schema.types, strict=True):
        cells = map(_dump_object, values) if column.kind is Kind.OBJECT else values
        arrays.append(arrow.array(list(cells), type=kind))
    return arrow.Table.from_arrays(arrays, schema=schema)


def _dump_object(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_parquet(folder: Path) -> Iterator[PostRecord]:
    """Yield the records of such a folder, by file and in the order in which they were written."""
    yield from read_files(list_files(folder))


def read_files(paths: Iterable[Path]) -> Iterator[PostRecord]:
    """Yield the records of some files."""
    _, parquet = _load_pyarrow()
    for path in paths:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_RECORDS):
                for row in batch.to_pylist():
                    row |= {name: json.loads(row[name]) for name in ("evidence", "doubts")}
                    yield load_row({name: row[name] for name in NAMES})


def _load_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415 (an extra, and slow to load)
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise ExportError("parquet needs the extra 'parquet': pip install 'newsreel[parquet]'") from error
    return pyarrow, pyarrow.parquet
