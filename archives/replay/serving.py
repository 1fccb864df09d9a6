"""Keeps a viewer running until somebody stops it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from archives.errors import CollectionError
from archives.replay.app import ReplayApp
from archives.replay.lookup import Shelves, Single
from archives.replay.server import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archives.replay.http import App
    from archives.storage.collection import Collection


def serve_collection(collection: Collection, *, host: str, port: int, hosts: Iterable[str] = ()) -> int:
    """Show one collection, wherever it lies, until interrupted; returns the exit code."""
    shelves = Shelves(Single(collection))
    try:
        return serve(ReplayApp(shelves), host=host, port=port, hosts=hosts)
    finally:
        shelves.close()


def serve(app: App, *, host: str, port: int, hosts: Iterable[str] = ()) -> int:
    """Serve an app until interrupted, and say where; returns the exit code.

    Raises:
        CollectionError: the address cannot be had.
    """
    try:
        server = ReplayServer(app, host=host, port=port, hosts=hosts)
    except OSError as error:
        raise CollectionError(
            f"cannot serve on {host}:{port} ({error.strerror or error}); choose another with --port"
        ) from error
    with server, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        server.serve_forever()
    return 0
