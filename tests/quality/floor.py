"""The floor: the figures that no change may fall below, in one file that only ever rises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("floor.json")
# Figures where less is better, and so may only fall.
FALLING = frozenset({"body_lt50", "empty", "wrong_day", "refusal_missed"})

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """One figure below its floor."""

    group: str
    figure: str
    floor: float
    reached: float

    def __str__(self) -> str:
        return f"{self.group} {self.figure} is {self.reached}, the floor is {self.floor}"


def load_floor(text: str) -> Figures:
    values: Figures = json.loads(text)
    return values


def dump_floor(figures: Figures) -> str:
    return json.dumps(figures, indent=2, sort_keys=True) + "\n"


def is_worse(figure: str, reached: float, floor: float) -> bool:
    return reached > floor if figure in FALLING else reached < floor


def verify_floor(reached: Figures, floor: Figures) -> list[Shortfall]:
    """Return what fell below the floor; a figure that is gone counts as nothing reached."""
    problems = []
    for group, figures in floor.items():
        for figure, value in figures.items():
            found = reached.get(group, {}).get(figure, 1.0 if figure in FALLING else 0.0)
            if is_worse(figure, found, value):
                problems.append(Shortfall(group=group, figure=figure, floor=value, reached=found))
    return problems


def raise_floor(reached: Figures, floor: Figures) -> Figures:
    """Return the floor with every figure that was surpassed at its new height; nothing ever falls."""
    raised = {group: dict(figures) for group, figures in floor.items()}
    for group, figures in reached.items():
        own = raised.setdefault(group, {})
        for figure, value in figures.items():
            if figure not in own or is_worse(figure, own[figure], value):
                own[figure] = value
    return raised
