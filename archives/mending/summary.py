"""A summary of repaired files as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archives.mending.copies import MendedFile


def describe_file(file: MendedFile) -> Iterator[str]:
    """Yield sentences on a file that is repaired or damaged; none on one that is good."""
    name = file.source.name
    if file.is_mended:
        what = ", ".join(f"{count} {fault}" for fault, count in sorted(file.faults.items()))
        done = f"mended as {file.target.name}" if file.is_new else f"was mended before, as {file.target.name}"
        yield f"{name}: {done} ({what or 'what could not be read is left out'})"
    for words in file.lost:
        yield f"{name}: left out in the copy: {words}"
    if file.damaged:
        yield f"{name}: {file.damaged} records have changed since they were written, and are copied as they are"


def count_left(files: Iterable[MendedFile]) -> int:
    """The number of places that cannot be repaired."""
    return sum(len(file.lost) + file.damaged for file in files)
