"""`newsreel webhooks`: list failed deliveries of changes, and retry them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from crawler.commands._collection import find_data_dir
from crawler.projects.command import NewsreelCommand
from crawler.publishing.delivering import deliver_changes
from crawler.publishing.exporting import PlanError, read_plans
from crawler.publishing.library import Library
from crawler.publishing.outbox import FILE_NAME, Outbox
from crawler.sources import SourceError

if TYPE_CHECKING:
    import argparse

    from scrapy.settings import BaseSettings

_TIMEOUT_S = 600.0


class Command(NewsreelCommand):
    """Lists failed deliveries of changes, or retries them.

    Exit codes: 0 all deliveries succeeded; 1 deliveries are waiting or failed for good; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    examples = ("list", "retry 12")

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[list | retry [NUMBER…] | deliver] [options]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List failed deliveries of changes, or retry them"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON Lines")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what the first of `args` says."""
        assert self.settings is not None
        action, *rest = args or ["list"]
        numbers = [int(text) for text in rest if text.isascii() and text.isdigit()]
        if action not in ("list", "retry", "deliver") or len(numbers) < len(rest) or (rest and action != "retry"):
            raise UsageError("use list, retry (all, or the numbers that list shows), or deliver", print_help=False)
        library = Library(find_data_dir(self.settings))
        if action == "list":
            self._list(library, is_json=opts.json)
            return
        if action == "retry":
            _revive(library, numbers)
        self.exitcode = deliver(self.settings, is_json=opts.json)

    def _list(self, library: Library, *, is_json: bool) -> None:
        with closing(Outbox(library.data_dir / FILE_NAME)) as outbox:
            letters = outbox.list_dead()
        for letter in letters:
            line = f"{letter.number}  {letter.kind} {letter.post} to {letter.hook}: {letter.error}"
            print(json.dumps(asdict(letter), ensure_ascii=False) if is_json else line)  # noqa: T201
        if not letters and not is_json:
            print("no failed deliveries")  # noqa: T201
        self.exitcode = 1 if letters else 0


def _revive(library: Library, numbers: list[int]) -> None:
    with closing(Outbox(library.data_dir / FILE_NAME)) as outbox:
        known = {letter.number for letter in outbox.list_dead()}
        if strange := [number for number in numbers if number not in known]:
            raise UsageError(f"there is no failed delivery {strange[0]}; list shows them", print_help=False)
        outbox.revive(numbers or None)


def deliver(settings: BaseSettings, *, revive: bool = False, is_json: bool = False) -> int:
    """Deliver what is due to the receivers in `EXPORTS_FILE`, print the result and return the exit code.

    Args:
        revive: also retry deliveries that have failed.

    Raises:
        UsageError: the exports file is invalid, or a collection cannot be read.
    """
    library = Library(Path(settings["DATA_DIR"]))
    try:
        hooks = read_plans(Path(settings["EXPORTS_FILE"])).hooks
        done = deliver_changes(library, hooks, timeout_s=_TIMEOUT_S, revive=revive)
    except (ArchiveError, SourceError, PlanError) as error:
        raise UsageError(str(error), print_help=False) from error
    sentence = f"{done.delivered} delivered, {done.waiting} waiting, {done.failed} failed"
    print(json.dumps(asdict(done)) if is_json else sentence)  # noqa: T201
    return 1 if done.waiting or done.failed else 0
