"""A Scrapy extension that writes down what is set for the whole process when a crawl ends."""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_MIB = 1024 * 1024
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_hooks: list[str] = []


class _MallInfo(ctypes.Structure):
    """Spec: https://man7.org/linux/man-pages/man3/mallinfo.3.html; `field3` counts blocks of `mmap`."""

    _fields_ = tuple((f"field{number}", ctypes.c_size_t) for number in range(10))


def watch_audit_hooks() -> None:
    """Note from now on who adds an audit hook, which nobody can list or remove later."""

    def note(event: str, _: tuple[Any, ...]) -> None:
        if event == "sys.addaudithook":
            _hooks.append(str(sys._getframe(1).f_globals.get("__name__")))

    sys.addaudithook(note)
    _hooks.clear()


class ProcessState:
    """Writes the state to `PROCESS_STATE_FILE` when the spider closes."""

    def __init__(self, crawler: Crawler) -> None:
        self._file = Path(crawler.settings["PROCESS_STATE_FILE"])
        crawler.signals.connect(self.spider_closed, signal=signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ProcessState:
        return cls(crawler)

    def spider_closed(self) -> None:
        self._file.write_text(json.dumps(read_state(), sort_keys=True, indent=1), "utf-8")


def read_state() -> dict[str, Any]:
    loggers = {name: logging.getLogger(name).level for name in sorted(logging.root.manager.loggerDict)}
    return {
        "frozen": gc.get_freeze_count(),
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
        "returns_large_blocks": find_whether_large_blocks_are_returned(),
        "signals": {number.name: name_of(signal.getsignal(number)) for number in signal.Signals},
        "timers": [signal.getitimer(timer) for timer in _TIMERS],
        "audit_hooks": _hooks,
        "exception_hooks": [name_of(sys.excepthook), name_of(sys.unraisablehook), name_of(threading.excepthook)],
        "environment": dict(os.environ),
        "levels": {name: level for name, level in loggers.items() if level},
        "log": [logging.root.level, logging.root.manager.disable, *map(name_of, map(type, logging.root.handlers))],
        "streams": [name_of(type(sys.stdout)), name_of(type(sys.stderr))],
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE)],
        "odds": [sys.getrecursionlimit(), sys.getswitchinterval(), socket.getdefaulttimeout()],
        "folder": Path.cwd().name,
    }


def name_of(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"


def find_whether_large_blocks_are_returned() -> bool | None:
    """See whether a large block comes from the system although one larger was freed; None if that cannot be seen.

    Left alone, glibc keeps blocks of up to the size that was freed last in its heap.
    Spec: https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallinfo2"):
        return None
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
    library.mallinfo2.restype = _MallInfo
    library.free(library.malloc(24 * _MIB))
    before = library.mallinfo2().field3
    block = library.malloc(20 * _MIB)
    is_mapped = library.mallinfo2().field3 > before
    library.free(block)
    return bool(is_mapped)
