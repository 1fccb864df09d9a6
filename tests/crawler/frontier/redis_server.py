"""A real redis-server on loopback, kept only as long as the test; it can be killed and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """One server with its append-only file in `folder`; use as a context manager.

    Args:
        certificate: a file of a key and its certificates; the server then speaks nothing but TLS.
    """

    def __init__(self, folder: Path, *options: str, certificate: Path | None = None) -> None:
        if SERVER is None:
            pytest.skip("neither redis-server nor valkey-server is installed")
        pytest.importorskip("redis", reason="the package redis is not installed")
        self._folder = folder
        self._options = options
        self._certificate = certificate
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"{'rediss' if certificate else 'redis'}://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def start(self) -> None:
        assert SERVER is not None
        command = [SERVER, *self._list_ports(), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "everysec", *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _list_ports(self) -> list[str]:
        if self._certificate is None:
            return ["--port", str(self.port)]
        file = str(self._certificate)
        options = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
        return [*options, "--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-cert-file", file]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire:
                if self._certificate is not None:
                    return True
                wire.sendall(b"PING\r\n")
                answer = wire.recv(64)
        except OSError:
            return False
        return answer.startswith((b"+PONG", b"-NOAUTH"))
