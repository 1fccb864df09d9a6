"""`newsreel exclude`: addresses that are never fetched, shown or exported."""

from __future__ import annotations

import json
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from archives.erasure.exclusions import Exclusion, Exclusions, PatternError, compile_pattern, load_exclusions
from archives.errors import ArchiveError
from archives.terminal import count_words
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.projects.folder import find_folder
from crawler.publishing.excluding import count_met, log_changes
from crawler.publishing.exporting import update_exports
from crawler.publishing.library import Library

if TYPE_CHECKING:
    import argparse

_DELIVERY_S = 10.0


class Command(NewsreelCommand):
    """Keeps patterns of addresses that are never fetched, shown or exported; without a pattern, lists them.

    Exit codes: 0 done, or with --dry-run would be; 1 there was no such pattern to remove, or an export could not be
    brought up to date; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    examples = (r"'paper\.example/private/' --dry-run", r"'paper\.example/private/' --reason 'ticket 12'", "--list")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[PATTERN…] [options]"

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Exclude addresses: never fetched, shown or exported; nothing is deleted"

    def long_desc(self) -> str:
        """Return what a pattern is."""
        return (
            "PATTERN is a regular expression (paper\\.example/private/) or plain text, and matches anywhere in an "
            "address. Percent-escapes and Punycode may be written decoded. Without a pattern, the command lists the "
            "existing ones."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--list", action="store_true", help="list the patterns, and how much each leaves out")
        parser.add_argument("--remove", action="store_true", help="remove the patterns")
        parser.add_argument("--reason", default="", help="a note kept with the pattern")
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be excluded, without changing anything"
        )
        parser.add_argument("--json", action="store_true", help="with --list: JSON Lines on standard output")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Add, list or remove patterns."""
        assert self.settings is not None
        if opts.remove and not args:
            raise UsageError("name the patterns to remove", print_help=False)
        if opts.list and (args or opts.remove):
            raise UsageError("--list takes no pattern", print_help=False)
        _make_data_dir(Path(self.settings["DATA_DIR"]))
        data_dir = find_data_dir(self.settings)
        library = Library(data_dir)
        try:
            exclusions = load_exclusions(data_dir)
            if not args:
                self._list(library, exclusions, is_json=opts.json)
            elif opts.remove:
                self._remove(library, exclusions, args, is_dry=opts.dry_run)
            else:
                self._add(library, exclusions, args, opts)
        except (ArchiveError, OSError) as error:
            raise UsageError(str(error), print_help=False) from error

    def _list(self, library: Library, exclusions: Exclusions, *, is_json: bool) -> None:
        for entry in exclusions.entries:
            met = count_met(library, _build_trial([entry]))
            captures, posts = sum(one.captures for one in met), sum(one.posts for one in met)
            if is_json:
                values = {"pattern": entry.pattern, "at": entry.at, "reason": entry.reason}
                print(json.dumps(values | {"captures": captures, "posts": posts}, ensure_ascii=False))  # noqa: T201
                continue
            reason = f" ({entry.reason})" if entry.reason else ""
            print(f"{entry.pattern}  {_describe(posts, captures)}{reason}")  # noqa: T201
        if not exclusions:
            print("no address is excluded", file=sys.stderr)  # noqa: T201

    def _add(self, library: Library, exclusions: Exclusions, patterns: list[str], opts: argparse.Namespace) -> None:
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            for pattern in patterns:
                compile_pattern(pattern)
        except PatternError as error:
            raise UsageError(str(error), print_help=False) from error
        entries = [Exclusion(pattern, at, opts.reason) for pattern in patterns]
        _tell(library, entries, "would be left out" if opts.dry_run else "left out")
        if not opts.dry_run:
            exclusions.add(entries)
            self._follow(library)

    def _remove(self, library: Library, exclusions: Exclusions, patterns: list[str], *, is_dry: bool) -> None:
        known = [entry.pattern for entry in exclusions.entries]
        if unknown := [pattern for pattern in patterns if pattern not in known]:
            there = ", ".join(known) or "none"
            print(f"{unknown[0]} is not a pattern here; there are: {there}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1
            return
        _tell(library, [Exclusion(pattern) for pattern in patterns], "would come back" if is_dry else "come back")
        if not is_dry:
            exclusions.remove(patterns)
            self._follow(library)

    def _follow(self, library: Library) -> None:
        """Have logs of changes, exports and receivers follow."""
        assert self.settings is not None
        try:
            log_changes(library)
            update_exports(library, self.settings, timeout_s=_DELIVERY_S)
        except (ArchiveError, ValueError, OSError, sqlite3.Error) as error:
            print(f"an export could not be updated: {error}", file=sys.stderr)  # noqa: T201
            self.exitcode = 1


def _make_data_dir(data_dir: Path) -> None:
    """Make the data directory of a project folder that has not crawled yet; one elsewhere may be mistyped."""
    folder = find_folder()
    if folder is not None and data_dir.resolve().is_relative_to(folder):
        data_dir.mkdir(parents=True, exist_ok=True)


def _build_trial(entries: list[Exclusion]) -> Exclusions:
    return Exclusions(Path(), entries)


def _describe(posts: int, captures: int) -> str:
    return f"{count_words(posts, 'post')} and {count_words(captures, 'capture')}"


def _tell(library: Library, entries: list[Exclusion], words: str) -> None:
    met = count_met(library, _build_trial(entries))
    for one in met:
        print(f"{one.collection}: {_describe(one.posts, one.captures)} {words}")  # noqa: T201
    if not met:
        print("nothing that was captured has such an address")  # noqa: T201
