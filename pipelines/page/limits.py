"""Limits of one page: its size and structure before parsing, processor time while reading.

A page is a stranger's input. Parsers are exact but not frugal, and what one page takes, all others of the run lack. The
bounds of size are constants, because what a page becomes must not depend on a setting; the bound of time is a net below
them, for what nobody thought of.
"""

from __future__ import annotations

import re
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# A listing of 50,000 articles on one page has so many tags. A tree of them takes 70 MB; an article is read from two.
MAX_PAGE_CHARS: Final = 8_000_000
MAX_PAGE_TAGS: Final = 200_000
MAX_JSON_CONTAINERS: Final = 200_000
MAX_TAG_ATTRIBUTES: Final = 2_000
# Characters that all expressions of a source together may look at; the largest page thirty times over.
MAX_PAGE_WORK: Final = 240_000_000

# A shorter tag has no room for a flood.
_SHORT_TAG_CHARS: Final = 2 * MAX_TAG_ATTRIBUTES
_REPEAT_S: Final = 0.2
# A start tag as an HTML5 tokeniser delimits it, with the content of what holds no tags; possessive, so that no input
# makes it backtrack. libxml2 takes `<script/>` for an empty element.
_ATTRIBUTES = r"""(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+"""
_START_TAG = re.compile(
    r"<!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->|\Z)"
    rf"|<(?P<raw>script|style)(?=[\s>]){_ATTRIBUTES}(?<!/)>[^<]*+(?:<(?!/(?P=raw))[^<]*+)*+(?:</(?P=raw)|\Z)"
    rf"|<(?P<name>[a-zA-Z][^\s/>]*+){_ATTRIBUTES}>?",
    re.IGNORECASE,
)
_QUOTED = re.compile(r""""[^"]*+"|'[^']*+'""")
_ATTRIBUTE_START = re.compile(r"(?<![\s/])[\s/]++[^\s/>]")


class PageRefused(ValueError):
    """A page that is not read, because reading it would take too much.

    Attributes:
        reason: name of the bound, to count by: `page_chars`, `page_tags`, `json_containers`, `page_work`,
            `page_seconds`.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class OutOfTime(PageRefused):
    """Reading a page took more processor time than anything but a rule that never ends takes."""

    def __init__(self, seconds: float) -> None:
        sentence = f"reading it took more than {seconds:g} s of processor time; raise BOUNDS_PAGE_SECONDS to read it"
        super().__init__("page_seconds", sentence)


class Work:
    """Counts what is done with one page, in characters looked at.

    Work is the same on every machine, so a page that is too much for one is too much for all, and all make the same
    post of it. Seconds would let a slow machine make another.
    """

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, chars: int) -> None:
        """Count some more.

        Raises:
            PageRefused: it is more than one page may take.
        """
        self.spent += chars
        if self.spent > MAX_PAGE_WORK:
            sentence = f"its rules look at more than {MAX_PAGE_WORK} characters; give it fewer or narrower expressions"
            raise PageRefused("page_work", sentence)


def check_markup(text: str) -> None:
    """Do nothing, unless an HTML page is too large to be parsed.

    Raises:
        PageRefused: saying which bound it is beyond.
    """
    check_chars(len(text))
    tags = text.count("<")
    if tags > MAX_PAGE_TAGS:
        raise PageRefused("page_tags", f"it has {tags} tags, and more than {MAX_PAGE_TAGS} are not read")


def check_json(text: str) -> None:
    """Do nothing, unless a JSON text is too large to be loaded.

    Raises:
        PageRefused: saying which bound it is beyond.
    """
    check_chars(len(text))
    containers = text.count("{") + text.count("[")
    if containers > MAX_JSON_CONTAINERS:
        sentence = f"it has {containers} objects and arrays, and more than {MAX_JSON_CONTAINERS} are not read"
        raise PageRefused("json_containers", sentence)


def check_chars(chars: int) -> None:
    """Do nothing, unless a page has too many characters to be read.

    Raises:
        PageRefused: it has.
    """
    if chars > MAX_PAGE_CHARS:
        sentence = f"it has {chars} characters, and more than {MAX_PAGE_CHARS} are not read"
        raise PageRefused("page_chars", sentence)


def drain_attributes(text: str) -> str:
    """Return markup without the attributes of tags that have more of them than MAX_TAG_ATTRIBUTES.

    Parsers compare each attribute of a tag with all before it; half a million in one tag take minutes that nothing can
    interrupt.
    """
    if len(text) <= _SHORT_TAG_CHARS or not _is_flooded(text):
        return text
    return _START_TAG.sub(_drain_tag, text)


def _is_flooded(text: str) -> bool:
    return any(tag.end() - tag.start() > _SHORT_TAG_CHARS and _has_flood(tag) for tag in _START_TAG.finditer(text))


def _has_flood(tag: re.Match[str]) -> bool:
    if tag.end() - tag.start() <= _SHORT_TAG_CHARS or tag["name"] is None:
        return False
    # Behind a quoted value the next attribute needs no blank.
    attributes = _QUOTED.sub(" ", tag[0])
    return sum(1 for _ in _ATTRIBUTE_START.finditer(attributes)) > MAX_TAG_ATTRIBUTES


def _drain_tag(tag: re.Match[str]) -> str:
    return f"<{tag['name']}>" if _has_flood(tag) else tag[0]


class _Watch:
    """Raises `OutOfTime` in whatever runs, again and again, until it is over: an exception may be swallowed once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.is_over = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (signal's signature)
        if not self.is_over:
            raise OutOfTime(self._seconds)


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Have the block end with `OutOfTime` when the process has computed for longer than this in it.

    It reaches Python code and regular expressions. A call into a library in C or Rust ends first, which is why their
    input is bounded by size. Time spent waiting does not count. Nothing is limited off the main thread, where the
    system has no such timer, and inside of another block of this kind.

    Args:
        seconds: 0 sets no limit.
    """
    if seconds <= 0 or not _has_timer() or signal.getitimer(signal.ITIMER_VIRTUAL)[0]:
        yield
        return
    watch = _Watch(seconds)
    before = signal.signal(signal.SIGVTALRM, watch)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _REPEAT_S)
    try:
        try:
            yield
        finally:
            watch.is_over = True
    finally:  # entered even where the alarm rings in the lines between
        watch.is_over = True
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _has_timer() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
