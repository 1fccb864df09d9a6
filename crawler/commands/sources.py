"""`scrapy sources`: what can be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from crawler.sources import SourceError, find_source, list_sources

if TYPE_CHECKING:
    import argparse


class Command(ScrapyCommand):
    """Lists the sources, or checks one.

    Exit codes: 0 good, 1 a definition is at fault, 2 usage.
    """

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        """Return what stands behind the command's name."""
        return "[list | check NAME_OR_PATH]"

    def short_desc(self) -> str:
        """Return one line for `scrapy --help`."""
        return "List the sources, or check a source definition"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        """List, or check."""
        match args:
            case [] | ["list"]:
                self.exitcode = _print_sources()
            case ["check", name]:
                self.exitcode = _check_source(name)
            case _:
                raise UsageError


def _print_sources() -> int:
    table = Table("source", "title", "language", "seeds", box=None, pad_edge=False)
    code = 0
    for name in list_sources():
        try:
            source = find_source(name)
        except SourceError as error:
            table.add_row(name, f"[red]{error}[/]", "", "")
            code = 1
            continue
        table.add_row(source.name, source.title, source.post.language, " ".join(source.seeds))
    Console().print(table)
    return code


def _check_source(name: str) -> int:
    try:
        source = find_source(name)
    except SourceError as error:
        print(error)  # noqa: T201
        return 1
    kinds = ", ".join(kind for kind, patterns in source.links.patterns.items() if patterns)
    print(f"{source.name}: well formed; it recognises links of kind {kinds}")  # noqa: T201
    return 0
