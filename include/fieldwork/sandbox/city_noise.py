"""How wrong the phone is: what a position says, how sure it says it is, and how often nobody checks in at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fieldwork.sandbox.city_geography import CITIES, moved, six_places, somewhere
from fieldwork.sandbox.city_random import Draws, Flags, Floats, Ints

Faults = Literal["none", "usual", "storm"]
#: positions in SPOILT
_CACHED, _COARSE, _TOO_SURE = 0, 3, 4


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares of check-ins, and metres of error: up to ``near``, and for a ``blurred`` share up to ``far``."""

    near: float
    far: float
    blurred: float
    #: the person was there and did not check in
    forgotten: float
    #: what is wrong with positions, by its name in SPOILT
    spoilt: dict[str, float]


#: what may be wrong with a position
SPOILT: Final = {
    "cached": "where the phone was at the check-in before",
    "zeroed": "(0, 0)",
    "teleported": "in another city",
    "coarse": "from a cell tower: up to two kilometres off, and an error of 5,000 m admitted",
    "too sure": "right, with an error of 0 m",
    "swapped": "latitude and longitude exchanged",
    "scaled": "degrees times a million",
}
_SHARES: Final[dict[Faults, tuple[float, ...]]] = {
    "none": (0, 0, 0, 0, 0, 0, 0),
    "usual": (0.004, 0.001, 0.001, 0.002, 0.004, 0, 0),
    "storm": (0.015, 0.015, 0.004, 0.008, 0.01, 0.003, 0.001),
}
_NONE, _USUAL, _STORM = (dict(zip(SPOILT, shares, strict=True)) for shares in _SHARES.values())
NOISE: Final[dict[Faults, Noise]] = {
    "none": Noise(near=15, far=15, blurred=0, forgotten=0, spoilt=_NONE),
    "usual": Noise(near=40, far=150, blurred=0.08, forgotten=0.03, spoilt=_USUAL),
    "storm": Noise(near=60, far=400, blurred=0.3, forgotten=0.06, spoilt=_STORM),
}


@dataclass(frozen=True)
class Fixes:
    """Positions as recorded, WGS-84 degrees to 6 places, with the error in metres that the phone admits."""

    latitude: Floats
    longitude: Floats
    accuracy: Floats


def fix(latitude: Floats, longitude: Floats, noise: Noise, draws: Draws) -> Fixes:
    """What the phone records at these places."""
    shape = np.shape(latitude)
    reach = np.where(draws.chance(noise.blurred, shape), noise.far, noise.near)
    error = draws.uniform(0, 1, shape) * reach
    seen = moved(latitude, longitude, error, draws)
    admitted = error * draws.uniform(0.9, 1.4, shape) + draws.uniform(5, 15, shape)
    return Fixes(six_places(seen[0]), six_places(seen[1]), np.round(admitted, 1))


def spoil(fixes: Fixes, made: Flags, at: Ints, noise: Noise, draws: Draws) -> tuple[Fixes, Ints]:
    """(days of reps, check-ins): positions that say something else than where the phone was, and how they came to it.

    The second array holds positions in SPOILT, -1 = nothing is wrong.
    """
    shares = {**noise.spoilt, "fine": 1 - sum(noise.spoilt.values())}
    how = draws.pick(shares, made.shape)
    how[(how == len(SPOILT)) | ~made] = -1
    before = _check_in_before(made, at)
    how[(how == _CACHED) & (before < 0)] = -1
    elsewhere = somewhere(draws.between(0, len(CITIES) - 1, made.shape), made.shape, draws)
    astray = moved(fixes.latitude, fixes.longitude, draws.uniform(0, 2_000, made.shape), draws)
    latitude, longitude = fixes.latitude, fixes.longitude
    kinds = [how == kind for kind in range(len(SPOILT))]
    cached = [np.take_along_axis(degrees, np.maximum(before, 0), axis=1) for degrees in (latitude, longitude)]
    zero = np.zeros(made.shape)
    return Fixes(
        six_places(np.select(
            kinds, [cached[0], zero, elsewhere[0], astray[0], latitude, longitude, latitude * 1e6], default=latitude
        )),
        six_places(np.select(
            kinds, [cached[1], zero, elsewhere[1], astray[1], longitude, latitude, longitude * 1e6], default=longitude
        )),
        np.select([kinds[_COARSE], kinds[_TOO_SURE]], [5_000.0, 0.0], default=fixes.accuracy),
    ), how  # fmt: skip


def _check_in_before(made: Flags, at: Ints) -> Ints:
    """(rows, check-ins): the place of the check-in that was made before, -1 = none."""
    order = np.argsort(np.where(made, at, np.iinfo(np.int64).max), axis=1, kind="stable")
    before = np.full(made.shape, -1)
    np.put_along_axis(before, order[:, 1:], order[:, :-1], axis=1)
    return before
