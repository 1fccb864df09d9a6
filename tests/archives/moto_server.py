"""A server that speaks S3, on loopback, in its own process; what moto keeps is gone when it ends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import pytest

BUCKET = "archive"
REGION = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}


def find_moto() -> str | None:
    """The program, in the environment that `NEWSREEL_MOTO` names (its `bin`) or beside the interpreter."""
    folders = [os.environ.get("NEWSREEL_MOTO", ""), str(Path(sys.executable).parent)]
    return next(
        (found for folder in filter(None, folders) if (found := shutil.which("moto_server", path=folder))), None
    )


class MotoServer:
    """Use as a context manager; `environment` is what a child process needs to find it."""

    def __init__(self) -> None:
        program = find_moto()
        if program is None:
            pytest.skip("moto_server is not installed; NEWSREEL_MOTO may name the bin directory that has it")
        if find_spec("boto3") is None:
            pytest.skip("the package boto3 is not installed")
        self._program = program
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.environment = {**REGION, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}

    def __enter__(self) -> Self:
        command = [self._program, "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                assert self._process.poll() is None, "moto_server ended at once"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        self.client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION["AWS_DEFAULT_REGION"]}
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    @property
    def client(self) -> Any:
        boto3 = pytest.importorskip("boto3", reason="the package boto3 is not installed")
        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name=REGION["AWS_DEFAULT_REGION"],
        )

    def list_keys(self) -> list[str]:
        return sorted(entry["Key"] for entry in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))
