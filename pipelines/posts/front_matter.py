"""The YAML at the head of a post file, written so that PyYAML and Ruby's Psych read the same values back.

A headline is hostile text: a quote, a colon or a line break in it has published pages without a title and injected
keys. So nothing is left to a YAML library's taste: every free text is double-quoted with the escapes that both readers
agree on, a name is bare only when no resolver can take it for another type, and the reader in this module accepts
nothing but what the writers make.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.dates.iso import fit_offset
from pipelines.dates.model import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence

_FENCE = "---"
_ESCAPE = re.compile(r'\\(?:(["\\nrt])|u([0-9a-f]{4}))')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SHORT_MEANINGS = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}

# What a double-quoted scalar cannot hold as it is: C0 and C1 controls, the line separators that YAML 1.1 folds, the
# byte order mark, non-characters that both readers refuse, and the bidi controls that make a line of YAML show as
# another.
_UNSAFE_CHARS = '"\\\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff'
_UNSAFE = re.compile(f"[{_UNSAFE_CHARS}]")

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_BARE = re.compile(r"\w+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})?")
_SAFE_RUN = f"[^{_UNSAFE_CHARS}]*"
_QUOTED = re.compile(rf'"{_SAFE_RUN}(?:\\(?:["\\nrt]|u[0-9a-f]{{4}}){_SAFE_RUN})*"')
_LIST = rf"\[(?:{_QUOTED.pattern}(?:, {_QUOTED.pattern})*)?\]"
_LINE = re.compile(rf"{_KEY.pattern}: (?:{_BARE.pattern}|{_DATE.pattern}|{_QUOTED.pattern}|{_LIST})")

# https://yaml.org/type/ and Psych's scalar scanner: words and numerals that resolve to something else than text.
_RESOLVED_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])
_NUMERAL = re.compile(r"[0-9_][0-9a-fxo_]*", re.IGNORECASE | re.ASCII)


class FrontMatterError(ValueError):
    """The text is not front matter as this project writes it.

    Attributes:
        line: number of the offending line, from 1.
    """

    def __init__(self, problem: str, *, line: int) -> None:
        super().__init__(f"{problem} in line {line} of the front matter; write it again with a reparse")
        self.problem = problem
        self.line = line


def dump_title(text: str) -> str:
    """Return the text as a double-quoted scalar, on one line whatever it holds; lone surrogates become U+FFFD.

    Spec: YAML 1.1 §5.6 (escape sequences), YAML 1.2.2 §7.3.1.
    """
    return '"' + _UNSAFE.sub(_dump_unsafe, text) + '"'


def _dump_unsafe(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\ufffd"
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04x}"


def dump_names(names: list[str]) -> str:
    """Return one plain name bare, anything else as a flow list of quoted scalars.

    A list, because Jekyll splits a text at its blanks: `Career In touxingPEVC` would be three tags.
    """
    if len(names) == 1 and _is_plain(names[0]):
        return names[0]
    return "[" + ", ".join(dump_title(name) for name in names) + "]"


def _is_plain(name: str) -> bool:
    """Return whether every reader takes the bare name for text.

    Digits of any script are letters to YAML, but a name of digits alone is quoted all the same: a reader of the file
    should not have to know that.
    """
    if not _BARE.fullmatch(name) or _UNSAFE.search(name) or name.isnumeric():
        return False
    return name.lower() not in _RESOLVED_WORDS and not _NUMERAL.fullmatch(name)


def dump_date(instant: datetime, precision: Precision) -> str:
    """Return `2022-02-18 10:21:11 +0800`, or the date alone when no more than the day was stated.

    What is below the precision is written as 00, because the format knows no shorter time of day; an offset with
    seconds (local mean time, before time zones) is rounded up to the next minute.

    Raises:
        ValueError: the instant is naive.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"naive datetime {instant.isoformat()} has no place in front matter; give it its zone")
    day = f"{instant.year:04d}-{instant.month:02d}-{instant.day:02d}"
    if precision is Precision.DAY:
        return day
    instant = fit_offset(instant)
    offset = instant.utcoffset() or timedelta()
    minute = 0 if precision is Precision.HOUR else instant.minute
    second = instant.second if precision is Precision.SECOND else 0
    sign = "-" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"{day} {instant.hour:02d}:{minute:02d}:{second:02d} {sign}{hours:02d}{minutes:02d}"


def dump_front_matter(fields: Sequence[tuple[str, str]]) -> str:
    """Return the whole front matter, fences included, from keys and values that the writers above made.

    `layout: post` leads unless the fields name their own layout.

    Raises:
        FrontMatterError: a key is repeated or a key or value is not one that `load_front_matter` reads back.
    """
    lines = [f"{key}: {value}" for key, value in fields]
    if not any(key == "layout" for key, _ in fields):
        lines.insert(0, "layout: post")
    if len({key for key, _ in fields}) < len(fields) or not all(map(_LINE.fullmatch, lines)):
        _load_fields(lines)  # says what is wrong
    return "\n".join([_FENCE, *lines, _FENCE, ""])


def load_front_matter(text: str) -> tuple[dict[str, str | list[str]], str]:
    """Return the fields of a post file and the body that follows the second fence.

    A bare or quoted value is a text, a flow list a list of texts; dates stay text.

    Raises:
        FrontMatterError: the text holds anything that the writers of this module do not write.
    """
    if not text.startswith(_FENCE + "\n"):
        raise FrontMatterError('no "---" before the fields', line=1)
    start = len(_FENCE) + 1
    end = text.find("\n" + _FENCE + "\n", start - 1)
    if end < 0:
        raise FrontMatterError('no "---" after the fields', line=text.count("\n") + 1)
    lines = text[start:end].split("\n") if end >= start else []
    return _load_fields(lines), text[end + len(_FENCE) + 2 :]


def _load_fields(lines: Sequence[str]) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {}
    for number, line in enumerate(lines, start=2):
        key, colon, value = line.partition(": ")
        if not colon or not _KEY.fullmatch(key):
            raise FrontMatterError("no key and value", line=number)
        if key in fields:
            raise FrontMatterError(f'second "{key}"', line=number)
        fields[key] = _load_value(value, line=number)
    return fields


def _load_value(value: str, *, line: int) -> str | list[str]:
    if _BARE.fullmatch(value) or _DATE.fullmatch(value):
        return value
    if _QUOTED.fullmatch(value):
        return _load_quoted(value)
    if value.startswith("[") and value.endswith("]"):
        return _load_list(value[1:-1], line=line)
    raise FrontMatterError(
        "a value that is neither a word, a date, a quoted text nor a list of quoted texts", line=line
    )


def _load_list(inside: str, *, line: int) -> list[str]:
    names: list[str] = []
    position = 0
    while position < len(inside):
        match = _QUOTED.match(inside, position)
        if match is None:
            raise FrontMatterError("a list item that is not a quoted text", line=line)
        names.append(_load_quoted(match.group()))
        position = match.end()
        if position < len(inside):
            if not inside.startswith(', "', position):
                raise FrontMatterError('no ", " between list items', line=line)
            position += 2
    return names


def _load_quoted(quoted: str) -> str:
    return _ESCAPE.sub(_load_escape, quoted[1:-1])


def _load_escape(match: re.Match[str]) -> str:
    return _SHORT_MEANINGS[match[1]] if match[1] else chr(int(match[2], 16))
