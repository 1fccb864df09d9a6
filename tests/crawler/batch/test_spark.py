"""Spark does shards as the documentation says: its own words are run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection
from tests.crawler.batch.conftest import NAME
from tests.crawler.batch.processes import find_parent, list_descendants, read_command
from tests.project import ROOT, Data

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = ("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1")


@pytest.fixture
def spark_submit() -> str:
    """The program of a Spark, whose `bin` directory `NEWSREEL_SPARK` names."""
    folder = os.environ.get("NEWSREEL_SPARK")
    found = shutil.which("spark-submit", path=folder) if folder else None
    if found is None:
        pytest.skip("NEWSREEL_SPARK does not name the bin directory of a Spark, such as pyspark/bin in site-packages")
    if shutil.which("java") is None:
        pytest.skip("Spark needs java, which is not installed")
    return found


def write_recipe(data: Data, folder: Path) -> Path:
    """The program in the documentation, for this collection, two workers and shards of single files."""
    text = (ROOT / "docs" / "scale.md").read_text("utf-8")
    (recipe,) = [block for block in re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S) if "pyspark" in block]
    for old, new in [('"/srv/data"', repr(str(data.path))), ('"finews"', repr(NAME)), ("local[*,4]", "local[2,4]")]:
        assert recipe.count(old) == 1
        recipe = recipe.replace(old, new)
    path = folder / "recipe.py"
    path.write_text(f"from tests.crawler.batch.small_shards import cut_small\ncut_small()\n{recipe}", "utf-8")
    return path


def test_the_recipe_finds_what_verify_finds_also_when_a_worker_dies(
    copied: Data, tmp_path: Path, spark_submit: str
) -> None:
    """Damage in a file and between two; a worker is killed over its first shard."""
    collection = Collection.open(copied.path, NAME)
    first, second, *_ = collection.iter_warcs()
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 0xFF
    first.write_bytes(data)
    (collection.archive_dir / "z-copy.warc.gz").write_bytes(second.read_bytes())
    environment = {
        **os.environ,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [spark_submit, *LOCAL, "--conf", "spark.ui.enabled=false", str(write_recipe(copied, tmp_path))]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log)
        worker = await_worker(process)
        os.kill(worker, signal.SIGKILL)
        stdout, _ = process.communicate(timeout=120)
    told = (tmp_path / "log").read_text("utf-8", "replace")
    assert process.returncode == 0, told
    assert "Lost task" in told
    assert sorted(stdout.decode().splitlines()) == sorted(p.message for p in verify_collection(collection))


def await_worker(process: subprocess.Popen[bytes]) -> int:
    """Wait until a worker does a shard; the worker."""
    deadline = time.monotonic() + 90
    while True:
        assert time.monotonic() < deadline
        assert process.poll() is None
        for pid in list_descendants(process.pid):
            if b"crawler.batch.processes" in read_command(pid) and (parent := find_parent(pid)):
                return parent
        time.sleep(0.02)
