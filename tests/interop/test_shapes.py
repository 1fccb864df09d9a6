"""Records as other tools write them: the table in docs/viewer.md says what this viewer and pywb show of each."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.interop.matrix import SHOWN, list_ours, list_theirs
from tests.interop.pywb import needs_pywb
from tests.interop.shapes import SHAPES, write_shapes
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from archives.storage.collection import Collection


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return write_shapes(tmp_path_factory.mktemp("shapes"))


def read_column(number: int) -> dict[str, str]:
    """Return a column of the table in the docs, by the names of the shapes."""
    text = (ROOT / "docs" / "viewer.md").read_text("utf-8").partition("## Other tools' captures")[2]
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)[2:]
    ]
    return {name: row[number] for row in rows for name in row[0].split("; ")}


def test_every_shape_is_shown(collection: Collection) -> None:
    found = {shape.name: what for shape, what in zip(SHAPES, list_ours(collection), strict=True)}
    if find_spec("backports") is None or find_spec("backports.zstd") is None:
        del found["Zstandard"]
    assert {name: what for name, what in found.items() if what != SHOWN} == {}


def test_the_docs_list_every_shape() -> None:
    documented = read_column(1)
    assert list(documented) == [shape.name for shape in SHAPES]
    assert {what.partition(",")[0] for what in documented.values()} == {SHOWN}


@needs_pywb
def test_pywb_shows_what_the_docs_say(collection: Collection, tmp_path: Path) -> None:
    write_shapes(tmp_path)
    found = {shape.name: what for shape, what in zip(SHAPES, list_theirs(tmp_path), strict=True)}
    assert found == {name: what.partition(";")[0] for name, what in read_column(2).items()}
