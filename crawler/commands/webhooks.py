"""`newsreel webhooks`: what receivers of changes did not take, and trying it again."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.exceptions import UsageError

from archives.errors import ArchiveError
from crawler.projects.command import NewsreelCommand
from crawler.publishing.exporting import PlanError, read_plans, tell_receivers
from crawler.publishing.library import Library
from crawler.publishing.webhooks import FILE_NAME, Outbox
from crawler.sources import SourceError

if TYPE_CHECKING:
    import argparse

_PATIENCE_S = 600.0


class Command(NewsreelCommand):
    """Lists the deliveries that were laid aside, or has them tried again.

    Exit codes: 0 every receiver has heard everything; 1 something waits or was laid aside; 2 usage.
    """

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "[list | retry [NUMBER…] | deliver]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "Show what receivers of changes did not take, and have it tried again"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print JSON Lines")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what the first of `args` says."""
        assert self.settings is not None
        library = Library(Path(self.settings["DATA_DIR"]))
        action, *rest = args or ["list"]
        numbers = [int(text) for text in rest if text.isascii() and text.isdigit()]
        if action not in ("list", "retry", "deliver") or len(numbers) < len(rest) or (rest and action != "retry"):
            raise UsageError("say list, retry (all, or the numbers that list shows), or deliver", print_help=False)
        if not library.data_dir.is_dir():
            raise UsageError(f"DATA_DIR {library.data_dir} is not there; crawl first, or set it", print_help=False)
        if action == "list":
            self._list(library, is_json=opts.json)
            return
        try:
            hooks = read_plans(Path(self.settings["EXPORTS_FILE"])).hooks
            if action == "retry":
                _revive(library, numbers)
            told = tell_receivers(library, hooks, patience_s=_PATIENCE_S)
        except (ArchiveError, SourceError, PlanError) as error:
            raise UsageError(str(error), print_help=False) from error
        sentence = f"{told.heard} heard, {told.waiting} waiting, {told.dead} laid aside"
        print(json.dumps(asdict(told)) if opts.json else sentence)  # noqa: T201
        self.exitcode = 1 if told.waiting or told.dead else 0

    def _list(self, library: Library, *, is_json: bool) -> None:
        with closing(Outbox(library.data_dir / FILE_NAME)) as outbox:
            letters = outbox.list_dead()
        for letter in letters:
            line = f"{letter.number}  {letter.kind} {letter.post} to {letter.hook}: {letter.error}"
            print(json.dumps(asdict(letter), ensure_ascii=False) if is_json else line)  # noqa: T201
        if not letters and not is_json:
            print("nothing was laid aside")  # noqa: T201
        self.exitcode = 1 if letters else 0


def _revive(library: Library, numbers: list[int]) -> None:
    with closing(Outbox(library.data_dir / FILE_NAME)) as outbox:
        known = {letter.number for letter in outbox.list_dead()}
        if strange := [number for number in numbers if number not in known]:
            raise UsageError(f"no delivery {strange[0]} was laid aside; list shows those that were", print_help=False)
        outbox.revive(numbers or None)
