"""The programs of the project for shells that a test starts: each call is a process forked by `tests.forkserver`."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.project import start_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROGRAMS = {"newsreel": "crawler", "scrapy": "scrapy"}
_PROGRAM = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    words = [{module!r}, *sys.argv[1:]]
    call = json.dumps({{"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}}).encode()
    socket.send_fds(there, [len(call).to_bytes(4, "big")], [0, 1, 2])
    there.sendall(call)
    sys.exit(int(there.recv(1)[0]))
"""
_POLL_S = 0.02


@contextmanager
def provide_programs(folder: Path) -> Iterator[Path]:
    """Give a folder with the programs `newsreel` and `scrapy`, as long as the block lasts."""
    programs, address = folder / "bin", folder / "socket"
    programs.mkdir(parents=True)
    for name, module in _PROGRAMS.items():
        text = _PROGRAM.format(python=sys.executable, address=str(address), module=module)
        (programs / name).write_text(text, "utf-8")
        (programs / name).chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        serving = threading.Thread(target=_serve, args=(listening,))
        serving.start()
        try:
            yield programs
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listening: socket.socket) -> None:
    """Answer calls, several at once, until nobody listens any more."""
    calls = []
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            break
        calls.append(threading.Thread(target=_answer, args=(caller,)))
        calls[-1].start()
    for call in calls:
        call.join()


def _answer(caller: socket.socket) -> None:
    with caller:
        size, descriptors, _, _ = socket.recv_fds(caller, 4, 3)
        call = json.loads(caller.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        modes = zip(descriptors, ("r", "w", "w"), strict=True)
        streams = [os.fdopen(descriptor, mode) for descriptor, mode in modes]
        names = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
        environment = dict.fromkeys(os.environ) | call["environment"]
        process = start_module(*call["words"], cwd=call["folder"], environment=environment, **names)
        for stream in streams:
            stream.close()
        while process.poll() is None:
            if select.select([caller], [], [], _POLL_S)[0]:  # the program was killed
                process.terminate()
                process.wait()
                return
        caller.send(bytes([(process.returncode or 0) & 0xFF]))
