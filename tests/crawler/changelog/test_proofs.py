"""No change is lost: producers, consumers and deliveries are killed, power fails, a reader stays away for a year."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from crawler.changelog.cursors import START, parse_cursor
from crawler.changelog.tables import FILE_NAME
from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from tests.lazy_disk import find_sqlite
from tests.pipelines.exports.receiver import serve_receiver
from tests.pipelines.exports.test_changes import Desk, at, list_changes
from tests.project import Process, start_scrapy, start_script

if TYPE_CHECKING:
    from pathlib import Path

ARTICLES, KILLS = 5, 3
PRODUCER = f"""
import itertools, sys
from pathlib import Path
from tests.pipelines.exports.test_changes import Desk, at

desk = Desk(Path(sys.argv[1]))
for second in itertools.count(int(sys.argv[2])):
    desk.write(at(second, second % {ARTICLES} + 1, headline=f"as of {{second}}"))
    desk.account()
    print(second, flush=True)
"""


def kill(process: Process) -> str:
    """Kill it, and return what it had written that was not read yet."""
    process.send_signal(signal.SIGKILL)
    return process.communicate()[0]


def check_order(read: list[tuple[str, int]]) -> None:
    for name in {name for name, _ in read}:
        versions = [version for other, version in read if other == name]
        assert versions == sorted(versions), f"{name} came in another order"


@pytest.mark.parametrize("seed", [1])
def test_kills_of_producer_and_consumer_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Either may die at any moment; the consumer keeps whole lines, as a file or a pipe to one does."""
    chance = random.Random(seed)
    Desk(tmp_path)
    held: dict[str, str] = {}
    read: list[tuple[str, int]] = []
    cursor, second = START, 1
    for _ in range(KILLS):
        consumer = start_scrapy("export", "--follow", "--since", cursor, data=tmp_path, stdout=subprocess.PIPE)
        producer = start_script(PRODUCER, tmp_path, second, stdout=subprocess.PIPE)
        assert producer.stdout is not None
        assert consumer.stdout is not None
        made = list(itertools.islice(producer.stdout, chance.randint(2, 8)))
        lines = list(itertools.islice(consumer.stdout, chance.randint(1, 3)))
        rest = kill(producer)
        lines += kill(consumer).splitlines(keepends=True)
        second = int("".join([*made, rest]).split()[-1]) + 1  # the one after it may be half done
        for line in lines:
            if line.endswith("\n"):
                change = json.loads(line)
                held[change["id"]], cursor = change["contentHash"], change["cursor"]
                read.append((change["id"], change["version"]))
    desk = Desk(tmp_path)
    desk.account()
    for record in ChangeStream(Library(tmp_path)).read(cursor):
        assert record.change is not None
        held[record.id] = record.contentHash
        read.append((record.id, record.change.version))
    assert held == {record.id: record.contentHash for record in desk.store.iter_records()}
    check_order(read)


DELIVERY = """
import sys
from pathlib import Path
from crawler.publishing.delivering import deliver_changes
from crawler.publishing.library import Library
from crawler.publishing.webhooks import Hook

deliver_changes(Library(Path(sys.argv[1])), (Hook(url=sys.argv[2], secret=b"x"),), timeout_s=60)
"""


def test_a_delivery_that_is_killed_comes_again_and_in_order(tmp_path: Path) -> None:
    """The process is killed when the receiver has read the body and has not answered yet."""
    desk = Desk(tmp_path)
    desk.write(*(at(number, number) for number in range(1, 6)))
    desk.account()
    with serve_receiver() as receiver:
        running: list[Process] = []

        def strike() -> None:
            if len(receiver.received) in (2, 5):
                os.kill(running[-1].pid, signal.SIGKILL)

        receiver.on_received = strike
        codes = []
        for _ in range(3):
            running.append(start_script(DELIVERY, tmp_path, receiver.url, stdout=subprocess.PIPE))
            codes.append(running[-1].wait(60))
            running[-1].communicate()
            desk.write(at(50 + len(codes), 1, headline=f"after {len(codes)} kills"))
            desk.account()
        done = start_script(DELIVERY, tmp_path, receiver.url, stdout=subprocess.PIPE)
        assert (codes, done.wait(60)) == ([-signal.SIGKILL, -signal.SIGKILL, 0], 0)
        done.communicate()
    delivered = [(post["id"], post["version"]) for post in receiver.received]
    check_order(delivered)
    assert dict(delivered) == {
        record.id: 4 if record.identifier.endswith("1") else 1 for record in desk.store.iter_records()
    }
    ids = [headers["Webhook-Id"] for headers, _ in receiver.asked]
    assert len(ids) - len(set(ids)) == 2, "what was cut off came again under its id"


POWER_CUT = """
import os, sys
from pathlib import Path
from tests.lazy_disk import install

install(Path(sys.argv[2]))
from dataclasses import replace
from crawler.changelog import log
from tests.pipelines.exports.test_changes import Desk, at

log.SCHEMA = replace(log.SCHEMA, synchronous=sys.argv[3])
desk = Desk(Path(sys.argv[1]))
opened = desk.open().__enter__()  # stays open, as in a server: closing it would write everything
for second in range(1, 6):
    desk.write(at(second, second))
    opened.account()
    print(opened.cursor, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(("synchronous", "is_kept"), [("FULL", True), ("NORMAL", False)])
def test_a_power_cut_loses_no_change_that_a_reader_was_sent(tmp_path: Path, synchronous: str, is_kept: bool) -> None:
    """With NORMAL, which the log does not use, the same disk loses entries: so the disk is as lazy as it has to be."""
    if find_sqlite() is None:
        pytest.skip("Python's sqlite3 has its library inside, so its files cannot be watched")
    data, disk = tmp_path / "data", tmp_path / "disk"
    disk.mkdir()
    data.mkdir()
    child = start_script(POWER_CUT, data, disk, synchronous, stdout=subprocess.PIPE)
    cursors = child.communicate(timeout=60)[0].split()
    assert (child.returncode, len(cursors)) == (0, 5)
    desk = Desk(data)
    for path in desk.collection.indexes_dir.glob(FILE_NAME + "*"):
        path.unlink()
    for path in disk.glob(FILE_NAME + "*"):
        if not path.name.endswith("-shm"):
            shutil.copyfile(path, desk.collection.indexes_dir / path.name)
    with desk.open() as log:
        losses = [log.find_loss(parse_cursor(cursor)) for cursor in cursors]
        assert (losses == [""] * 5) is is_kept, losses
        assert (str(log.cursor) == cursors[-1]) is is_kept
    if not is_kept:
        assert list_changes(desk.read(cursors[-1])) or desk.account(), "what was lost is entered again"


def test_a_reader_that_was_away_for_a_year_goes_on(tmp_path: Path) -> None:
    """Rules changed, posts went, the same post changed many times: it is sent each once, as it is now."""
    desk = Desk(tmp_path)
    desk.write(*(at(number, number) for number in range(1, 5)))
    desk.account()
    cursor = desk.cursor()
    for week in range(52):
        desk.now += timedelta(days=7)
        desk.write(at(1000 + week, 1, headline=f"week {week}"))
        if week == 20:
            desk.definition += "\n# other rules\n"
        desk.account()
    desk.forget()
    desk.write(*(at(number, number) for number in (3, 4)), at(2000, 1, headline="week 51"))
    desk.now += timedelta(days=1)
    desk.account()
    with closing(desk.open().__enter__()) as log:
        assert log.find_loss(parse_cursor(cursor)) == ""
    assert list_changes(desk.read(cursor)) == [("1", "updated", 53), ("2", "withdrawn", 1)]
