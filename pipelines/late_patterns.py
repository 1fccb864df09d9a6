"""Regular expressions that are compiled when they are used first.

Those with a word of eighty languages or the letters of whole scripts in them take a tenth of the start-up of every
command, and most pages need none.
"""

from __future__ import annotations

import re
from typing import Any, cast


def compile_late(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return what is used as the result of `re.compile` is."""
    return cast("re.Pattern[str]", _LatePattern(pattern, flags))


class _LatePattern:
    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Compile, and take over a method, which is then found without coming here."""
        value = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value
