"""The one option of this room: `pytest tests/quality --update-floor` raises the floor to what was reached."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-floor", action="store_true", help="raise the quality floor to what this run reached")


@pytest.fixture(scope="session")
def updates_floor(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-floor", default=False))
