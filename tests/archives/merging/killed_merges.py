"""Merges that are killed: at each change of a file or folder in turn.

Prints a line for each: whether it was killed, how many WARC files and lists of parts there are once it is finished or
undone, whether the records are the same, and what is wrong.

Usage: killed_merges.py FOLDER
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from archives.captures.recovery import salvage
from archives.merging.merge import merge_files, plan_merges
from archives.merging.parts import iter_merges
from archives.storage.collection import Collection
from archives.verify.fixity import verify_collection
from archives.warc.reader import iter_records

CHANGES = ("link", "rename", "replace", "unlink", "fsync", "mkdir")


def list_records(collection: Collection) -> list[str]:
    return sorted(record.record_id for warc in collection.iter_warcs() for record in iter_records(warc))


def kill_at(number: int) -> None:
    left = [number]

    def wrap(function):
        def change(*args, **options):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)

        return change

    for name in CHANGES:
        setattr(os, name, wrap(getattr(os, name)))


def merge(collection: Collection) -> None:
    (plan,) = plan_merges(collection, before="99991231", max_bytes=10**9)
    assert merge_files(collection, plan, at="2026-11-30T08:00:00Z", on_damage=print)


def merge_killed(collection: Collection, number: int) -> bool:
    child = os.fork()
    if not child:
        kill_at(number)
        merge(collection)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(folder: Path) -> None:
    original = Collection(folder / "news")
    records = list_records(original)
    number = 0
    while True:
        number += 1
        collection = Collection(folder / f"news-{number}")
        shutil.copytree(original.path, collection.path)
        was_killed = merge_killed(collection, number)
        salvage(collection)
        problems = [problem.kind for problem in verify_collection(collection)]
        files = len(list(collection.iter_warcs()))
        lists = len(list(iter_merges(collection)))
        print(was_killed, files, lists, list_records(collection) == records, *problems)
        if not was_killed:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
