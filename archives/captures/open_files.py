"""The file that a writer has open, and the errors of writing it."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archives.errors import DiskFull, WriteError
from archives.storage.collection import OPEN_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(slots=True, kw_only=True)
class OpenFile:
    """The file being written.

    Attributes:
        size: bytes of whole members; whatever lies behind is not ours.
        is_dirty: something was written since the last sync.
        is_listed: the directory knows the name for good.
        lines: its sidecar, so far.
    """

    path: Path
    descriptor: int
    warcinfo_id: str
    size: int = 0
    is_dirty: bool = True
    is_listed: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def filename(self) -> str:
        """The name that it is closed under."""
        return self.path.name.removesuffix(OPEN_SUFFIX)

    def build_error(self, error: OSError) -> WriteError:
        """Tell what the disk did not take."""
        kind = DiskFull if error.errno in _NO_ROOM else WriteError
        return kind(
            f"cannot write to {self.path.name} at offset {self.size} ({error.strerror or error}); "
            "what was written before is whole: make room on the disk and run again",
            path=self.path,
            offset=self.size,
        )


def skip_bytes(parts: Iterable[bytes | bytearray], size: int) -> list[memoryview]:
    """Return what is left of some bytes without the first `size` of them."""
    left = []
    for part in parts:
        left.append(memoryview(part)[min(size, len(part)) :])
        size = max(0, size - len(part))
    return left
