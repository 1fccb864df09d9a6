"""The standard streams of a command: closed ones, those that lack characters, and those whose reader has gone."""

from __future__ import annotations

import codecs
import os
import select
import sys
from io import TextIOWrapper


def prepare_streams() -> None:
    """Open closed standard streams on the null device, and have the others print every character.

    The number of a closed stream would be that of the next file opened, which would then receive what is printed. Files
    and pipes get UTF-8 in every locale, as from Python 3.15 on; a terminal gets escapes for what its encoding lacks.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
        elif number and isinstance(stream, TextIOWrapper) and codecs.lookup(stream.encoding).name != "utf-8":
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def has_reader() -> bool:
    """Whether somebody may still read standard output; a pipe whose reader has gone has none."""
    watched = select.poll()
    watched.register(sys.stdout, 0)
    return not any(event & (select.POLLERR | select.POLLHUP) for _, event in watched.poll(0))


def flush_output() -> None:
    """Flush standard output; discard it if the reader has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Discard what cannot be printed; otherwise the interpreter tries again at its end, and exits with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
