"""Run a viewer until it is interrupted."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from archives.errors import CollectionError
from archives.replay.app import ReplayApp
from archives.replay.lookup import OpenIndexes, Single
from archives.replay.server import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archives.replay.http import App
    from archives.storage.collection import Collection


def serve_collection(collection: Collection, *, host: str, port: int, hosts: Iterable[str] = ()) -> int:
    """Serve one collection from any directory until interrupted; return the exit code."""
    indexes = OpenIndexes(Single(collection))
    try:
        return serve(ReplayApp(indexes), host=host, port=port, hosts=hosts)
    finally:
        indexes.close()


def serve(
    app: App,
    *,
    host: str,
    port: int,
    hosts: Iterable[str] = (),
    beside: Callable[[str], contextlib.AbstractContextManager[object]] | None = None,
) -> int:
    """Print the address of an app and serve it until interrupted; return the exit code.

    Args:
        beside: given the address, holds what is to be there as long as the app is.

    Raises:
        CollectionError: the address is in use or does not exist.
    """
    try:
        server = ReplayServer(app, host=host, port=port, hosts=hosts)
    except OSError as error:
        raise CollectionError(
            f"cannot serve on {host}:{port} ({error.strerror or error}); choose another with --port"
        ) from error
    with server, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.url}\n")
        with beside(server.url) if beside else contextlib.nullcontext():
            sys.stdout.flush()
            server.serve_forever()
    return 0
