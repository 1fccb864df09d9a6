"""Servers on asyncio that accept connections of this machine only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

# From the acceptance of a connection to its task, and from the end of the task to the closed socket.
_TURNS = 3


async def close_server(server: asyncio.Server, tasks: Collection[asyncio.Task[Any]]) -> None:
    """Stop accepting, then cancel the tasks of all connections and wait for them.

    asyncio leaves open what it has accepted and not yet handed over when the server is closed.

    Args:
        tasks: of the connections, as they are at each time; each is removed when it ends, and aborts its transport.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening)
    for _ in range(_TURNS):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
    server.close()
