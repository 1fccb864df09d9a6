"""Delivers the outbox: in order for each receiver, one process at a time.

Deliveries to one receiver go out one after the other; one that fails is tried again after growing intervals while those
behind it wait, and after too many attempts it is given up, so that the others can go. A receiver may be sent the same
change twice and knows it by its id.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from archives.storage.files import lock_file
from crawler.publishing.outbox import FILE_NAME, Outbox
from crawler.publishing.webhooks import post_delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from crawler.publishing.library import Library
    from crawler.publishing.webhooks import Hook

LOCK_NAME = "webhooks.lock"
_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """The number of deliveries made now, still waiting, and given up after too many attempts."""

    delivered: int
    waiting: int
    failed: int


def deliver_changes(
    library: Library,
    hooks: tuple[Hook, ...],
    *,
    timeout_s: float,
    revive: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> Deliveries:
    """Put new changes into the outbox and deliver what is due.

    Args:
        revive: also retry deliveries that have failed.
        is_over: asked before each delivery whether to leave the rest to another call.
    """
    with closing(Outbox(library.data_dir / FILE_NAME)) as outbox:
        if revive:
            outbox.revive()
        outbox.fill(library, hooks)
        delivered = 0
        # Two processes at once would overtake each other, and a receiver could be sent an update before the post.
        with _wait_for_turn(library.data_dir / LOCK_NAME, timeout_s) as has_turn:
            if has_turn:
                delivered = deliver_due(outbox, hooks, timeout_s=timeout_s, is_over=is_over)
        return Deliveries(delivered=delivered, waiting=outbox.count("waiting"), failed=outbox.count("dead"))


@contextmanager
def _wait_for_turn(path: Path, timeout_s: float) -> Iterator[bool]:
    """Hold the lock of all deliveries, unless another process keeps it for too long."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    end = time.monotonic() + timeout_s
    try:
        while not (has_turn := lock_file(descriptor)) and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN_S)
        yield has_turn
    finally:
        os.close(descriptor)


def deliver_due(
    outbox: Outbox,
    hooks: Iterable[Hook],
    *,
    timeout_s: float,
    clock: Callable[[], float] = time.time,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Send each receiver what is due, until one fails or the time is over; return the number delivered."""
    delivered = 0
    end = time.monotonic() + timeout_s
    for hook in hooks:
        while time.monotonic() < end and not is_over():
            delivery = outbox.find_next(hook, clock())
            if delivery is None:
                break
            refusal = post_delivery(hook, delivery, int(clock()))
            if refusal is not None and refusal.status == HTTPStatus.GONE:
                outbox.record_gone(hook)
                break
            if refusal is not None:
                outbox.record_failed(delivery, refusal, clock())
                if refusal.is_final:
                    continue
                break
            outbox.record_delivered(delivery)
            delivered += 1
    return delivered
