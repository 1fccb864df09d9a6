"""Whom do we ask, and when? Scrapy spiders, the tee that captures what they fetch, and the commands a user types.

The three packages of this project have plain names, so another installed distribution may shadow one of them; that
would fail later in confusing ways, hence the check here.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def _check_neighbours() -> None:
    for name in ("archives", "pipelines"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if found != _ROOT:
            raise ImportError(
                f"package {name!r} was found in {found or 'no place'}, not in {_ROOT}: "
                "another distribution shadows it; run from the project folder as 'python -m scrapy'"
            )


_check_neighbours()
