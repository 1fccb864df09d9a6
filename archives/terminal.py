"""Sentences on a terminal: numbers with their nouns, and nothing of a stranger's file that could steer it."""

from __future__ import annotations

import re
import sys
from typing import Final

_STEERING: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def say(text: str) -> None:
    """Print a line on standard output."""
    sys.stdout.write(escape_steering(text) + "\n")


def complain(text: str) -> None:
    """Print a line on standard error."""
    sys.stderr.write(escape_steering(text) + "\n")


def count_words(count: int, noun: str, plural: str = "") -> str:
    """Return a number and what it counts."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def escape_steering(text: str) -> str:
    """Spell out what steers a terminal or cannot be written."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
