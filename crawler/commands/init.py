"""`newsreel init`: create a project folder for settings, sources and data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError

from crawler.environment import name_program
from crawler.projects.command import NewsreelCommand
from crawler.projects.template import make_project

if TYPE_CHECKING:
    import argparse


class Command(NewsreelCommand):
    """Makes a project folder, or what one lacks; a file that is there already stays as it is.

    Exit codes: 0 good, 2 usage or the folder cannot be written.
    """

    requires_crawler_process = False

    examples = ("news",)

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[PATH]"

    def short_desc(self) -> str:
        """Return one line for `newsreel --help`."""
        return "Make a project folder: settings, a folder for sources, .gitignore"

    def run(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 (Scrapy's signature)
        """Make the folder named in `args`, or make the working directory one."""
        if len(args) > 1:
            raise UsageError("name one folder")
        folder = Path(args[0] if args else ".")
        try:
            made = make_project(folder)
        except OSError as error:
            raise UsageError(f"{folder} cannot be made a project folder: {error}", print_help=False) from error
        for path in made:
            print(f"made {path}")  # noqa: T201
        if not made:
            print(f"{folder}: nothing was missing")  # noqa: T201
        print(f"Put source definitions into sources/, then: {name_program()} crawl category -a source=NAME")  # noqa: T201
