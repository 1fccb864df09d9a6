"""What distributions offer is found by name, imported only when asked for, and faults are reported in one sentence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from archives.errors import StoreError
from archives.extensions import ExtensionError, ExtensionGroup
from archives.storage.schemes import STORAGES
from tests.distributions import write_distribution

if TYPE_CHECKING:
    from pathlib import Path

GROUP: ExtensionGroup[Any] = ExtensionGroup("newsreel.trials", members=("play", "stop"))
MODULE = """
from archives.errors import StoreError
class Player:
    def __init__(self, name="x"):
        self.name = name
    def play(self): ...
    def stop(self): ...
class Mute:
    def stop(self): ...
class Refusing:
    def __init__(self):
        raise StoreError("no licence; buy one")
class Failing:
    def __init__(self):
        raise RuntimeError("out\\n of   order")
"""
BROKEN = "import sys\nsys.exit('goodbye')\n"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name.lower(): f"trial_players:{name}" for name in ("Player", "Mute", "Refusing", "Failing", "Absent")}
    names |= {"exits": "trial_broken:X", "missing": "trial_nowhere:X", "twice": "trial_players:Player"}
    write_distribution(
        tmp_path,
        "trial-players",
        {"trial_players": MODULE, "trial_broken": BROKEN},
        {GROUP.name: names},
        summary="Toys",
    )
    write_distribution(tmp_path, "trial-other", {}, {GROUP.name: {"twice": "trial_other:X"}})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trial_players", raising=False)


def test_what_is_offered_is_listed_and_nothing_is_imported() -> None:
    offers = {offer.name: offer for offer in GROUP.list_offers()}
    assert (offers["player"].distribution, offers["player"].summary) == ("trial-players 1", "Toys")
    assert offers.keys() >= {"mute", "exits", "missing"}
    assert "trial_players" not in sys.modules


def test_a_class_is_called_with_the_arguments() -> None:
    assert GROUP.build("player").name == "x"
    assert GROUP.build("player", "tuba").name == "tuba"


FAULTS = [
    ("nobody", "is offered by no installed distribution; installed are absent, exits, failing, missing, mute, "),
    ("twice", "is offered by trial-(players|other) 1 and trial-(players|other) 1; uninstall all but one"),
    ("mute", "cannot be used: what trial-players 1 makes has no play$"),
    ("failing", "cannot be used: trial-players 1 raises RuntimeError: out of order$"),
    ("absent", "cannot be used: trial-players 1 raises AttributeError: .*Absent"),
    ("missing", "cannot be used: trial-players 1 raises ModuleNotFoundError: No module named 'trial_nowhere'$"),
    ("exits", "cannot be used: trial-players 1 raises SystemExit: goodbye$"),
]


@pytest.mark.parametrize(("name", "words"), FAULTS)
def test_a_fault_names_the_distribution_in_one_sentence(name: str, words: str) -> None:
    with pytest.raises(ExtensionError, match=f"^'{name}' of newsreel.trials {words}") as caught:
        GROUP.build(name)
    assert "\n" not in str(caught.value)
    assert (caught.value.group, caught.value.name) == ("newsreel.trials", name)


def test_the_message_of_a_class_that_refuses_is_kept() -> None:
    with pytest.raises(StoreError, match=r"^no licence; buy one$"):
        GROUP.build("refusing")


def test_a_group_without_a_distribution_says_so() -> None:
    with pytest.raises(ExtensionError, match="installed are none"):
        ExtensionGroup("newsreel.nothing", members=()).build("x")


def test_our_own_storage_is_offered_as_any_other() -> None:
    offer = STORAGES.find_offer("s3")
    assert (offer.distribution.split()[0], offer.entry.value) == ("newsreel", "archives.storage.s3:S3Store")
