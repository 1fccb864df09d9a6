"""The base class of our commands, for `newsreel` and `scrapy`."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import os
import sqlite3
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, Final

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from crawler import settings
from crawler.environment import name_program, read_variables
from crawler.projects.configuration import find_fault
from crawler.projects.streams import discard_output, flush_output, prepare_streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # found while writing, when no name is known
_REFUSALS: Final = _FULL | {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
}
_DATABASE_REFUSALS: Final = frozenset(
    {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}
)
_DATABASE_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class NewsreelCommand(ScrapyCommand):
    """A command that refuses what nothing reads: an option that it does not have, a setting that is nearly one.

    Attributes:
        examples: arguments that --help shows, one command line each.
    """

    examples: ClassVar[tuple[str, ...]] = ()

    def syntax(self) -> str:
        """Return the command's arguments as --help shows them."""
        return "[options]"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options that every command has."""
        super().add_options(parser)
        self._parser = parser
        show_examples(parser, self, self.examples)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Set what the options say.

        Raises:
            UsageError: an option or a setting is misspelt; the sentence has the nearest name.
        """
        refuse_misspellings(self._parser, args, opts)
        report_failures()
        super().process_options(args, opts)
        # An interpreter collects at its end all that is not frozen, for a quarter of a short command's time.
        gc.freeze()


def show_examples(parser: argparse.ArgumentParser, command: ScrapyCommand, examples: Sequence[str]) -> None:
    """Have a command's --help show examples below the options, one line each."""
    name = type(command).__module__.rpartition(".")[2]

    class Help(argparse.Action):
        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
            lines = [f"  {name_program()} {name} {example}".rstrip() for example in examples]
            print(parser.format_help(), "Examples:", *lines, sep="\n")  # noqa: T201
            parser.exit()

    parser.add_argument("-h", "--help", action=Help, nargs=0, help="show this help message and exit")


def refuse_misspellings(parser: argparse.ArgumentParser, args: list[str], opts: argparse.Namespace) -> None:
    """Refuse an option that the parser does not know, and a setting that is a typo or has a value that it cannot have.

    Raises:
        UsageError: there is one; the sentence has the nearest name.
    """
    given = dict(setting.partition("=")[::2] for setting in opts.set)
    given |= {"LOG_LEVEL": opts.loglevel} if opts.loglevel else {}
    if fault := find_fault(read_variables(settings.defaults) | given):
        raise UsageError(fault, print_help=False)
    end = args.index("--") if "--" in args else len(args)
    for word in args[:end]:
        name = word.partition("=")[0]
        if name.startswith("-") and name != "-":
            known = [option for action in parser._actions for option in action.option_strings]
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else "--help lists the options"
            raise UsageError(f"there is no option {name}; {advice}", print_help=False)
    if end < len(args):
        del args[end]


def report_failures() -> None:
    """Report Ctrl-C and what a file system refuses without a traceback; say nothing where a reader closed our pipe.

    The signal of a closed pipe (SIGPIPE) stays ignored, because a socket that is closed would raise it, too.
    """
    prepare_streams()
    report = sys.excepthook

    def explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if message := _describe_end(error):
            print(f"{name_program()}: {message}", file=sys.stderr)  # noqa: T201
            discard_output()
        elif not isinstance(error, BrokenPipeError):
            report(kind, error, trace)

    sys.excepthook = explain
    atexit.register(_flush_at_exit)


def _flush_at_exit() -> None:
    """Flush standard output; if it cannot be written, exit with 1, since no exception could do so any more."""
    try:
        flush_output()
    except OSError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        os._exit(1)


def _describe_end(error: BaseException) -> str:
    """Return why a command ended, in one sentence; '' if only a traceback can say."""
    if isinstance(error, OSError) and error.errno in (_REFUSALS if error.filename else _FULL):
        return f"{error.filename or 'standard output or a file'}: {error.strerror}"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, sqlite3.OperationalError) and code in _DATABASE_REFUSALS:
        return f"a database in DATA_DIR: {error}; check permissions and free space there"
    return describe_damage(error)


def describe_damage(error: BaseException) -> str:
    """Return what to do about a damaged database, in one sentence; '' if the error is another one."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DATABASE_DAMAGE:
        return ""
    return (
        f"a database in DATA_DIR is damaged ({error}); restore it from a copy, or, while nothing runs, delete the"
        f" collection's indexes/ledger.sqlite, -wal and -shm and run '{name_program()} reparse COLLECTION'"
    )


def refuse_arguments(args: Sequence[str]) -> None:
    """Refuse the arguments of a command that takes options only."""
    if args:
        raise UsageError(f"this command takes options only, not {args[0]}; --help lists them", print_help=False)


def refuse_word(word: str, known: list[str], what: str) -> UsageError:
    """Return what to raise for a word that is none of those that are known."""
    near = get_close_matches(word, known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return UsageError(f"{word} is not a {what}; {advice}", print_help=False)
