"""Shows how records of other writers are replayed here and by pywb, as a table.

NEWSREEL_PYWB=…/bin python -m tests.interop.matrix
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from archives.replay.app import ReplayApp
from archives.replay.http import Request
from archives.replay.lookup import OpenIndexes, Single
from tests.interop.pywb import PYWB, fetch, serve
from tests.interop.shapes import SHAPES, Shape, write_shapes

if TYPE_CHECKING:
    from archives.storage.collection import Collection

SHOWN = "shown"


def list_ours(collection: Collection) -> list[str]:
    """Return what this viewer makes of each shape."""
    with closing(OpenIndexes(Single(collection))) as indexes:
        app = ReplayApp(indexes)
        found = []
        for shape in SHAPES:
            response = app(Request(method="GET", target=shape.target, headers={"host": "127.0.0.1:8080"}))
            assert isinstance(response.body, bytes)
            found.append(judge(shape, response.status, response.body))
        return found


def list_theirs(folder: Path) -> list[str]:
    """Return what pywb makes of each shape in a data directory."""
    with serve(folder) as address:
        return [judge(shape, *fetch(address + shape.target)) for shape in SHAPES]


def judge(shape: Shape, status: int, body: bytes) -> str:
    """Return in a word or two what a reader gets to see."""
    if status == 200:
        return SHOWN if f"<h1>{shape.title}</h1>".encode() in body else "not decoded" if body.strip() else "empty"
    return f"blank {status}" if not body else str(status)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        ours = list_ours(write_shapes(Path(folder)))
        theirs = list_theirs(Path(folder)) if PYWB else ["not installed"] * len(SHAPES)
    print("| case | here | pywb |\n|---|---|---|")
    for shape, here, there in zip(SHAPES, ours, theirs, strict=True):
        print(f"| {shape.name} | {here} | {there} |")


if __name__ == "__main__":
    main()
