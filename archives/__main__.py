"""The archive's own commands, for someone who holds only the files: no crawler, no network, no settings."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archives.catalogue import rebuild_catalogue
from archives.collection import Collection
from archives.errors import ArchiveError, CollectionError
from archives.index import rebuild
from archives.salvage import salvage
from archives.verify import Problem, verify_collection

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 good, 1 problems found, 2 usage."""
    options = _build_parser().parse_args(arguments)
    try:
        collection = _open_directory(options.collection)
        return int(options.run(collection, options))
    except CollectionError as error:
        return _fail(str(error), 2)
    except (ArchiveError, OSError) as error:
        return _fail(str(error), 1)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m archives",
        description="Work on a collection: a directory that holds WARC files below archive/.",
        epilog="Exit codes: 0 good, 1 problems found, 2 usage.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, words in (
        ("index", _run_index, "write every index file anew from the WARC files"),
        ("verify", _run_verify, "read every byte and list what is not as it was written"),
        ("recover", _run_recover, "close the files of writers that died, cut to whole records"),
    ):
        command = commands.add_parser(name, help=words, description=words.capitalize() + ".")
        command.add_argument("collection", type=Path, metavar="COLLECTION_DIR")
        command.set_defaults(run=run)
        if name == "verify":
            command.add_argument("--json", action="store_true", help="one JSON object a problem, on stdout")
    return parser


def _open_directory(path: Path) -> Collection:
    collection = Collection(path.resolve())
    if not collection.archive_dir.is_dir():
        raise CollectionError(
            f"{path} is not a collection; give a directory that has an archive/ directory in it", path=path
        )
    return collection


def _run_index(collection: Collection, _: argparse.Namespace) -> int:
    rebuilt = rebuild(collection)
    rebuild_catalogue(collection)
    _say(f"{rebuilt.entries} captures indexed")
    for error in rebuilt.damage:
        _complain(str(error))
    return 1 if rebuilt.damage else 0


def _run_verify(collection: Collection, options: argparse.Namespace) -> int:
    problems = verify_collection(collection)
    for problem in problems:
        _say(_dump_problem(problem, collection) if options.json else f"{problem.kind}: {problem.message}")
    if not options.json:
        _say(f"{len(problems)} problems" if problems else "good")
    return 1 if problems else 0


def _run_recover(collection: Collection, _: argparse.Namespace) -> int:
    for result in salvage(collection):
        kept = f"{result.records} records kept in {result.path.name}" if result.path else "nothing whole in it"
        _say(f"{result.open_path.name}: {kept}, {result.lost_bytes} bytes lost")
    return 0


def _dump_problem(problem: Problem, collection: Collection) -> str:
    fields = {
        "kind": problem.kind,
        "path": str(problem.path.relative_to(collection.path)),
        "offset": problem.offset,
        "record_id": problem.record_id,
        "message": problem.message,
    }
    return json.dumps(fields, ensure_ascii=False)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def _fail(text: str, code: int) -> int:
    _complain(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
