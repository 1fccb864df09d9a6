"""Loads the Python classes that a definition names: readers and normalisers.

A definition may come out of another user's archive, so it cannot name any module: only a file that is beside it,
which the user chose with the definition's path, or a class that an installed distribution offers for this purpose
under the entry point group `newsreel.readers` or `newsreel.normalisers`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from archives.extensions import ExtensionError, ExtensionGroup

if TYPE_CHECKING:
    from pipelines.posts.options import Normaliser
    from pipelines.rules.model import Reader

NORMALISERS: Final[ExtensionGroup[Normaliser]] = ExtensionGroup("newsreel.normalisers", members=("normalise",))
READERS: Final[ExtensionGroup[Reader]] = ExtensionGroup("newsreel.readers", members=("find_fields",))
_FILE = re.compile(r"(?P<file>[A-Za-z0-9_-]+\.py):(?P<name>[A-Za-z_]\w*)")


class ReaderError(ValueError):
    """A reader or normaliser that cannot be loaded; the sentence says why and what to do."""


def load_reader(name: str, *, beside: str) -> Reader:
    """Return the reader that a definition names.

    Args:
        name: `file.py:Class`, or the name of an entry point.
        beside: path of the definition.

    Raises:
        ReaderError: there is no such class, or it is not a reader.
    """
    made = _load(name, READERS, beside=beside, wants="find_fields(page), which returns texts by field")
    return cast("Reader", made)


def load_normaliser(name: str, *, beside: str) -> Normaliser:
    """Return the normaliser that a definition names.

    Args:
        name: `file.py:Class`, or the name of an entry point.
        beside: path of the definition.

    Raises:
        ReaderError: there is no such class, or it is not a normaliser.
    """
    made = _load(name, NORMALISERS, beside=beside, wants="normalise(statement), which changes its fields")
    return cast("Normaliser", made)


def _load(name: str, group: ExtensionGroup[Any], *, beside: str, wants: str) -> object:
    in_file = _FILE.fullmatch(name)
    if in_file:
        return _load_beside(Path(beside), in_file["file"], in_file["name"], wants=wants)
    try:
        return group.build(name)
    except ExtensionError as error:
        raise ReaderError(f"{error}; a class in a file is named 'file.py:Class'") from error


def _load_beside(definition: Path, file: str, name: str, *, wants: str) -> object:
    path = definition.with_name(file)
    if not definition.is_file() or not path.is_file():
        raise ReaderError(f"there is no {file} beside {definition}; give the path of a definition in the same folder")
    module_name = f"newsreel_reader_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise ReaderError(f"{path} cannot be loaded: {error}") from error
    if not hasattr(module, name):
        raise ReaderError(f"{path} has no class {name}; write it there, or correct the name")
    try:
        made = getattr(module, name)()
    except TypeError as error:
        raise ReaderError(
            f"{name!r} of {path} must be a class whose constructor needs no arguments: {error}"
        ) from error
    if not callable(getattr(made, wants.partition("(")[0], None)):
        raise ReaderError(f"{name!r} of {path} has no method {wants}")
    return made
