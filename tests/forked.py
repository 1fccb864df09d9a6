"""The command `newsreel` for tests that call it often: a process that has imported everything forks for each call.

Starting the command anew takes a second, nearly all of it imports. What runs in the child is what the command runs:
`main` with its arguments, in the caller's folder and environment, on the caller's standard streams.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALL = """#!{python} -SE
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
    program.write_text(_CALL.format(python=sys.executable, address=str(address)), "utf-8")
    program.chmod(0o755)
    server = subprocess.Popen([sys.executable, "-m", "tests.forked", str(address)], cwd=ROOT)
    try:
        deadline = time.monotonic() + 60
        while not address.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield program.parent
    finally:
        server.kill()
        server.wait()


def serve(address: str) -> None:
    """Answer calls, one after the other, until killed."""
    from crawler.projects.main import main  # noqa: PLC0415

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address + ".new")
        listening.listen()
        Path(address + ".new").rename(address)
        while True:
            caller, _ = listening.accept()
            with caller:
                size, streams, _, _ = socket.recv_fds(caller, 4, 3)
                call = json.loads(caller.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
                child = os.fork()
                if child == 0:
                    run(main, call, streams)
                for stream in streams:
                    os.close(stream)
                _, status = os.waitpid(child, 0)
                caller.send(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))


def run(main: object, call: dict[str, object], streams: list[int]) -> None:
    """Be the command, and end as it ends."""
    assert callable(main)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(str(call["folder"]))
    os.environ.clear()
    os.environ.update(call["environment"])  # type: ignore[call-overload]
    code = 0
    try:
        main(call["arguments"])  # type: ignore[misc]
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
