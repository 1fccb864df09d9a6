"""Pages whose commands can be typed in one folder: they are, on a small archive of the bundled newspaper."""

from __future__ import annotations

import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest

from crawler.projects.template import make_project
from tests.documents.commands import list_blocks, run_page
from tests.project import ROOT, Data

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE = sorted((ROOT / "tests/crawler/upgrades").glob("data-*.tar.xz"))[-1]
# What stands for a publisher's in the page, and what the archive here has.
INSTEAD = {
    "operations.md": {
        "https://paper.example/2026/02/25/77.html": "NW202602251315000305",
        # A collection that is there already is not restored.
        "import archive/ --collection newspaper": "import archive/ --collection restored",
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_project(tmp_path)
    data = Data(tmp_path / "data")
    data.path.mkdir()
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(data.path, filter="data")
    shutil.move(data.path / "newspaper.toml", tmp_path / "sources")
    shutil.copytree(data.collection("newspaper") / "archive", tmp_path / "archive")
    return tmp_path


@pytest.mark.parametrize("name", sorted(INSTEAD))
def test_the_commands_of_a_page_work(name: str, folder: Path) -> None:
    page = ROOT / "docs" / name
    assert sum(language == "sh" for language, _ in list_blocks(page)) > 3
    run_page(page, folder, instead=INSTEAD[name])
