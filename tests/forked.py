"""The program `newsreel` for shells that a test starts: each call is a process forked by `tests.forkserver`."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.forkserver import ForkedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROGRAM = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    call = json.dumps({{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
    socket.send_fds(there, [len(call).to_bytes(4, "big")], [0, 1, 2])
    there.sendall(call)
    sys.exit(int(there.recv(1)[0]))
"""


@contextmanager
def provide_newsreel(folder: Path) -> Iterator[Path]:
    """Give a folder with the program `newsreel`, as long as the block lasts."""
    program, address = folder / "bin" / "newsreel", folder / "socket"
    program.parent.mkdir(parents=True)
    program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)), "utf-8")
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        serving = threading.Thread(target=_serve, args=(listening,))
        serving.start()
        try:
            yield program.parent
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listening: socket.socket) -> None:
    """Answer one call after the other, until nobody listens any more."""
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        with caller:
            size, descriptors, _, _ = socket.recv_fds(caller, 4, 3)
            call = json.loads(caller.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
            modes = zip(descriptors, ("r", "w", "w"), strict=True)
            streams = [os.fdopen(descriptor, mode) for descriptor, mode in modes]
            names = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
            where = {"cwd": call["folder"], "environment": call["environment"]}
            process = ForkedProcess("crawler", *call["arguments"], **where, **names)
            for stream in streams:
                stream.close()
            caller.send(bytes([process.wait() & 0xFF]))
