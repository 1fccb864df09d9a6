"""Fixtures that every room of the tests may use."""

from __future__ import annotations


import pytest

from tests.project import Data
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty data directory."""
    return Data(tmp_path / "data")
