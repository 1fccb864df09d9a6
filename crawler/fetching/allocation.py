"""Makes the C library return large blocks of memory to the system as soon as they are free.

The allocator of glibc keeps what it gets: after the first page of 30 MB it takes the next ones from its heap, where
they leave holes that no other page fits into. In a process that meets such pages now and then that is a hundred MB.

What is set for the whole process is set by commands alone: the add-on runs in processes of other people.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Final

from scrapy.utils.asyncio import call_later

# https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_LARGE_BYTES: Final = 512 * 1024
_ARENAS: Final = 2
_SWEEP_AFTER_S: Final = 0.05


def return_large_blocks() -> bool:
    """Configure the allocator for the rest of the process; False if it cannot be configured."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)) and bool(mallopt(_M_ARENA_MAX, _ARENAS))


def sweep_soon() -> None:
    """Have what a large page leaves behind returned once everybody has let go of it."""
    call_later(_SWEEP_AFTER_S, _sweep)


def _sweep() -> None:
    """Break the cycles that errors make with their tracebacks, and give back what is free between other blocks."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
