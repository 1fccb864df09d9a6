"""Each tutorial, typed from its first command to its last."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.documents.commands import run_page
from tests.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def find_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    instead = {
        "8765": find_port(),
        # Nothing is downloaded, and the checkout stays importable.
        "pip install --no-deps": "pip install -q --no-deps --no-build-isolation",
        "PYTHONPATH=$PWD/plugins": f"PYTHONPATH=$PWD/plugins:{ROOT}",
    }
    run_page(page, tmp_path, instead=instead)


def test_there_is_one_for_each_of_three_people() -> None:
    assert [page.stem for page in TUTORIALS] == ["data-engineer", "exporter", "researcher"]
