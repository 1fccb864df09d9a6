"""A Dask cluster on loopback: a scheduler and workers, each its own process, as on machines of their own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Self

import pytest

from tests.project import ROOT


class DaskCluster:
    """Use as a context manager; a worker that dies is not replaced."""

    def __init__(self, workers: int) -> None:
        if find_spec("distributed") is None:
            pytest.skip("the package distributed is not installed")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._arguments = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        self._count = workers
        self._scheduler: subprocess.Popen[bytes]
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._scheduler = start("dask_scheduler", *self._arguments)
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        self.workers = [start("dask_worker", self.address, *options) for _ in range(self._count)]
        self._await_workers()
        return self

    def _await_workers(self) -> None:
        import distributed  # noqa: PLC0415 (an extra)

        deadline = time.monotonic() + 60
        while True:
            try:
                with distributed.Client(self.address, timeout=5) as client:
                    client.wait_for_workers(self._count, timeout=60)
                return
            except OSError:
                assert self._scheduler.poll() is None, "the scheduler ended at once"
                assert time.monotonic() < deadline

    def __exit__(self, *error: object) -> None:
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()


def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{name}", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
