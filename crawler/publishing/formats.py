"""Export formats by name: built in, and from installed distributions (`newsreel.exporters`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archives.extensions import ExtensionError, ExtensionGroup, explain
from pipelines.exports.files import ExportError
from pipelines.exports.formats import FORMATS, Exporter, Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pipelines.exports.formats import ExportOptions
    from pipelines.exports.records import PostRecord

EXPORTERS: Final[ExtensionGroup[Exporter]] = ExtensionGroup(
    "newsreel.exporters", members=("title", "is_table", "export")
)


class FormatError(ValueError):
    """No format of that name can be used; the sentence says why."""


def describe_formats() -> dict[str, str]:
    """Return a line on each format by its name: ours, then those of other distributions, which are not imported."""
    ours = {entry.name: entry.title for entry in FORMATS.values()}
    offered = {
        offer.name: " ".join(filter(None, (offer.summary, f"(from {offer.distribution})")))
        for offer in EXPORTERS.list_offers()
    }
    return ours | {name: title for name, title in offered.items() if name not in ours}


def check_format(name: str) -> None:
    """Check that a format is there, without loading it.

    Raises:
        FormatError: it is not.
    """
    names = describe_formats()
    if name not in names:
        raise FormatError(f"{name!r} is not a format; there are {', '.join(names)}")


def find_format(name: str) -> Format:
    """Return a format; of two with one name ours.

    Raises:
        FormatError: there is none of that name, or its distribution is invalid.
    """
    if name in FORMATS:
        return FORMATS[name]
    check_format(name)
    try:
        return _adopt(name, EXPORTERS.build(name), EXPORTERS.find_offer(name).distribution)
    except ExtensionError as error:
        raise FormatError(str(error)) from error


def _adopt(name: str, exporter: Exporter, distribution: str) -> Format:
    """Return an exporter as one of our formats; its errors name its distribution."""

    def export(records: Iterable[PostRecord], path: Path, options: ExportOptions) -> int:
        failed: list[BaseException] = []
        try:
            count = exporter.export(_watch(records, failed), path, options)
        except (ExportError, OSError):
            raise
        except Exception as error:
            if error in failed:
                raise
            raise ExportError(f"{distribution} raises {explain(error)}") from error
        if not isinstance(count, int):
            raise ExportError(f"{distribution} returns {count!r} for {name}, not the number of posts")
        return count

    return Format(name=name, title=exporter.title, export=export, is_table=exporter.is_table)


def _watch(records: Iterable[PostRecord], failed: list[BaseException]) -> Iterator[PostRecord]:
    """Pass records on; an error of theirs is kept, because it is none of the exporter's."""
    try:
        yield from records
    except Exception as error:
        failed.append(error)
        raise
