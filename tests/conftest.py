"""Fixtures that every room of the tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project import Data


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty data directory."""
    return Data(tmp_path / "data")
