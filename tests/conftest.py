"""Fixtures that every room of the tests may use."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.project import Data

if TYPE_CHECKING:
    from pathlib import Path


# How long an example takes is the machine's business.
settings.register_profile("newsreel", deadline=None)
settings.load_profile("newsreel")
# The tests start a thousand processes, each of which would compile all of our modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what lives until the end: five thousand tests and their modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """An empty data directory."""
    return Data(tmp_path / "data")
