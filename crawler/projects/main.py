"""The command `newsreel`: every command of `crawler/commands`, from any folder.

Inside a project folder its settings hold; elsewhere the defaults do. `scrapy` knows the same commands, inside of a
project folder. Unlike Scrapy, this loads only the command that is requested.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import pkgutil
import signal
import sys
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Final

from scrapy.exceptions import UsageError
from scrapy.utils.project import get_project_settings

from crawler.environment import set_program_name
from crawler.projects.collector import spare_imports
from crawler.projects.command import refuse_misspellings, report_failures
from crawler.projects.configuration import ConfigurationError
from crawler.projects.folder import find_folder
from crawler.projects.streams import flush_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scrapy.commands import ScrapyCommand
    from scrapy.settings import Settings

_COMMANDS: Final = "crawler.commands"
# Scrapy's own that make sense without a project of Scrapy's form.
_SCRAPYS: Final = ("fetch", "list", "parse", "runspider", "settings", "shell", "view")
_SETTINGS_VARIABLE: Final = "SCRAPY_SETTINGS_MODULE"
_USAGE: Final = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code; 2 where there is no such command."""
    set_program_name("newsreel")
    report_failures()
    try:
        code = _answer(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        sys.exit(code)
    except KeyboardInterrupt:
        print("newsreel: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader of our output closed it
        flush_output()
        sys.exit(128 + signal.SIGPIPE)


def list_commands() -> list[str]:
    """Return the names of our commands."""
    package = importlib.import_module(_COMMANDS)
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))


def _answer(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _print_help()
        return 0
    name, *rest = arguments
    if name in ("--version", "version"):
        from crawler.settings import NEWSREEL_VERSION  # noqa: PLC0415

        print(f"newsreel {NEWSREEL_VERSION}")  # noqa: T201
        return 0
    if name not in list_commands() and name not in _SCRAPYS:
        near = get_close_matches(name, [*list_commands(), *_SCRAPYS], n=1)
        advice = f"did you mean {near[0]}?" if near else "'newsreel --help' lists the commands"
        return _refuse(f"there is no command {name}; {advice}")
    return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    try:
        settings = _load_settings()
    except ConfigurationError as error:  # from the newsreel_settings.py of an earlier version
        return _refuse(str(error))
    command = load_command(name)
    parser = argparse.ArgumentParser(
        prog=f"newsreel {name}",
        usage=f"newsreel {name} {command.syntax()}".strip(),
        description=command.long_desc(),
        conflict_handler="resolve",
    )
    settings.setdict(command.default_settings, priority="command")
    command.settings = settings
    command.add_options(parser)
    options, rest = parser.parse_known_args(arguments)
    if name in _SCRAPYS:  # ours do it themselves
        _call(parser, partial(refuse_misspellings, parser), rest, options)
    _call(parser, command.process_options, rest, options)
    if command.requires_crawler_process:
        from scrapy.crawler import AsyncCrawlerProcess  # noqa: PLC0415 (it loads the reactor)

        command.crawler_process = AsyncCrawlerProcess(settings)
    spare_imports()
    gc.enable()
    _call(parser, command.run, rest, options)
    return command.exitcode


def _load_settings() -> Settings:
    """Return the settings of the project folder, or the defaults; what we start finds them as well."""
    if _SETTINGS_VARIABLE not in os.environ:
        folder = find_folder()
        if folder is None or not (folder / "scrapy.cfg").is_file():
            os.environ[_SETTINGS_VARIABLE] = "crawler.projects.settings"
    return get_project_settings()


def load_command(name: str) -> ScrapyCommand:
    """Return a command by its name, one of ours or of Scrapy's."""
    where = _COMMANDS if name in list_commands() else "scrapy.commands"
    command: ScrapyCommand = importlib.import_module(f"{where}.{name}").Command()
    return command


def _call(
    parser: argparse.ArgumentParser,
    function: Callable[[list[str], argparse.Namespace], None],
    arguments: list[str],
    options: argparse.Namespace,
) -> None:
    try:
        function(arguments, options)
    except UsageError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise error.__cause__ from None
        if str(error) and error.print_help:
            parser.error(str(error))
        if str(error):
            sys.exit(_refuse(str(error)))
        parser.print_help(sys.stderr)
        sys.exit(_USAGE)


def _refuse(message: str) -> int:
    print(f"newsreel: {message}", file=sys.stderr)  # noqa: T201
    return _USAGE


def _print_help() -> None:
    print("Crawl news sites, keep every byte, make posts that can be proved.\n")  # noqa: T201
    print("usage: newsreel COMMAND [options]\n")  # noqa: T201
    for name in list_commands():
        print(f"  {name:<10} {load_command(name).short_desc()}")  # noqa: T201
    print(f"\nOf Scrapy's commands, these work too: {', '.join(_SCRAPYS)}.")  # noqa: T201
    print("'newsreel COMMAND --help' lists the options of one; 'newsreel init' makes a project folder.")  # noqa: T201
