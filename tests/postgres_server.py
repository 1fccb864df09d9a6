"""A real PostgreSQL server on loopback, kept as long as the tests that ask for it; it can be killed and started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import pytest

_USER = "newsreel"


def find_program(name: str) -> str | None:
    """Debian keeps the server's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


class PostgresServer:
    """One server with its data in its own folder; use as a context manager."""

    def __init__(self, *, password: str = "s3cret-word") -> None:
        if find_program("initdb") is None or find_program("postgres") is None:
            pytest.skip("PostgreSQL is not installed")
        pytest.importorskip("psycopg", reason="the package psycopg is not installed")
        self.password = password
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._databases = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="newsreel-postgres-"))
        # It refuses to run as root; Debian's package brings a user for it.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            self._as = {"user": "postgres", "group": "postgres", "extra_groups": []}
        word = self._folder / "word"
        word.write_text(self.password)
        word.chmod(0o644)
        command = [find_program("initdb"), "-D", str(self._folder / "data"), "-U", _USER, "--no-sync", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "-A", "scram-sha-256", f"--pwfile={word}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **self._as)
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        command = [find_program("postgres"), "-D", str(self._folder / "data"), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._as)
        log.close()
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would, but for what the kernel holds; its children notice and go."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def make_database(self) -> str:
        """Return the address of a new, empty database."""
        import psycopg  # noqa: PLC0415 (not everybody has it)

        self._databases += 1
        name = f"news{self._databases}"
        with psycopg.connect(self._build_url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._build_url(name)

    def _build_url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415 (not everybody has it)

        try:
            psycopg.connect(self._build_url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True
