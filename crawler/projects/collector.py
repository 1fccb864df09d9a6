"""Python's collector of reference cycles, in processes of our own.

The add-on sets nothing of the kind, because it runs in processes of other people.
"""

from __future__ import annotations

import gc
from typing import Final

# New objects between two collections; Python's 700 are those of one page.
_COLLECTED_AT: Final = 3_000


def spare_imports() -> None:
    """Exempt what has been imported and set up by now from collection, and collect less often."""
    gc.freeze()
    gc.set_threshold(_COLLECTED_AT)
