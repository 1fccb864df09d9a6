"""Tests of the process-wide set-up of commands."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from crawler.commands._process import spare_records

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRAPYS = "scrapy.core.engine"


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """Set the loggers up as Scrapy does, and put back what was there."""
    loggers = (logging.root, logging.getLogger("scrapy"))
    levels, handlers = [logger.level for logger in loggers], logging.root.handlers[:]
    logging.root.handlers[:] = []
    logging.root.setLevel(logging.NOTSET)
    logging.getLogger("scrapy").setLevel(logging.DEBUG)
    yield
    logging.root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def _handler(level: int) -> logging.Handler:
    handler = logging.NullHandler()
    handler.setLevel(level)
    return handler


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((logging.INFO,), logging.INFO),
        ((logging.WARNING, logging.INFO), logging.INFO),
        ((logging.INFO, logging.DEBUG), logging.DEBUG),
        ((logging.INFO, logging.NOTSET), logging.DEBUG),  # the level that Scrapy gives its own loggers
        ((), logging.DEBUG),
    ],
)
def test_records_are_made_for_those_who_take_them(levels: tuple[int, ...], expected: int) -> None:
    """Records are skipped if every handler would drop them."""
    logging.root.handlers[:] = [_handler(level) for level in levels]
    spare_records()
    logger = logging.getLogger(_SCRAPYS)
    assert logger.isEnabledFor(expected)
    assert not logger.isEnabledFor(expected - 1)
    assert logging.getLogger("somebody.else").isEnabledFor(expected)
