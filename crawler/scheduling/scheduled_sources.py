"""The sources with a schedule, reloaded when their files change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crawler.sources import SourceError, find_source, list_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.sources.model import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One source on the schedule.

    Attributes:
        source: its name.
        path: of its definition, absolute.
    """

    source: str
    path: Path
    schedule: Schedule


class ScheduledSources:
    """The sources of the project, or those named by the user.

    Args:
        places: names of the project's sources, TOML files, directories of TOML files; none for all of the project.
    """

    def __init__(self, places: Sequence[str] = ()) -> None:
        self._places = places
        self._seen: dict[Path, tuple[int, int]] = {}
        self._plans: dict[Path, Plan] = {}

    @property
    def plans(self) -> dict[str, Plan]:
        """Those that are to run, by source."""
        return {plan.source: plan for _, plan in sorted(self._plans.items()) if plan.schedule.is_enabled}

    def refresh(self) -> tuple[bool, list[SourceError]]:
        """Read what is new or has changed since the last time.

        Returns:
            Whether anything was, and the faults found; an invalid file is taken as it was before.
        """
        stamps: dict[Path, tuple[int, int]] = {}
        faults: list[SourceError] = []
        for path in self._iter_paths():
            try:
                status = path.stat()
            except FileNotFoundError:
                # Report it once; a file may be missing for a moment while an editor replaces it.
                if path in self._seen or not self._seen:
                    faults.append(SourceError("there is no such file", path=str(path)))
                continue
            stamps[path] = (status.st_mtime_ns, status.st_size)
            if self._seen.get(path) != stamps[path]:
                faults += self._read(path)
        has_changed = stamps != self._seen
        for path in self._seen.keys() - stamps.keys():
            self._plans.pop(path, None)
        self._seen = stamps
        return has_changed, faults

    def _read(self, path: Path) -> list[SourceError]:
        try:
            source = find_source(str(path))
        except SourceError as fault:
            return [fault]
        known = self._plans.pop(path, None)
        namesake = self.plans.get(source.name)
        if namesake:
            if known:
                self._plans[path] = known
            return [SourceError(f"{source.name!r} is the name of {namesake.path}, too", path=str(path), key="name")]
        if source.schedule:
            self._plans[path] = Plan(source=source.name, path=path, schedule=source.schedule)
        return []

    def _iter_paths(self) -> Iterator[Path]:
        folders = list_folders()
        if not self._places:
            own = {path.name: path for folder in reversed(folders) for path in folder.glob("*.toml")}
            yield from sorted(own.values())
        for place in self._places:
            path = Path(place).resolve()
            if path.is_dir():
                yield from sorted(path.glob("*.toml"))
            elif path.suffix == ".toml" or "/" in place:
                yield path
            else:
                named = [folder / f"{place}.toml" for folder in folders]
                yield next((path for path in named if path.is_file()), named[0])
