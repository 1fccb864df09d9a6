"""A server that is closed leaves no connection open, whichever turn of the event loop it was made in."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from contextlib import suppress
from typing import Any

import pytest

from crawler.loopback import close_server


async def close_beside(client: socket.socket, turns: int) -> int:
    """Connect a client so many turns after the server begins to close, or before; return how many were served."""
    tasks: set[asyncio.Task[Any]] = set()
    served = 0

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        task = asyncio.ensure_future(asyncio.Event().wait())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: writer.transport.abort())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()

    async def connect() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        with suppress(ConnectionRefusedError):
            client.connect(address)

    connecting = asyncio.ensure_future(connect())
    for _ in range(-turns):
        await asyncio.sleep(0)
    await close_server(server, tasks)
    await connecting
    for _ in range(4):
        await asyncio.sleep(0)
    assert tasks == set()
    return served


@pytest.mark.parametrize("turns", range(-6, 7))
def test_a_connection_made_while_its_server_closes_is_closed(turns: int) -> None:
    with socket.socket() as client, warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always")
        served = asyncio.run(close_beside(client, turns))
        gc.collect()
        client.setblocking(False)
        with suppress(ConnectionResetError):
            assert not served or client.recv(1) == b""
    assert left_open == []
    assert served or turns > -3
