"""How wrong the phone is: what a position says, how sure it says it is, and how often nobody checks in at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from fieldwork.sandbox.city_geography import moved, six_places
from fieldwork.sandbox.city_random import Draws, Flags, Floats

Faults = Literal["none", "usual", "storm"]


@dataclass(frozen=True, slots=True)
class Noise:
    """Shares of check-ins, and metres of error: up to ``near``, and for a ``blurred`` share up to ``far``."""

    near: float
    far: float
    blurred: float
    #: the phone says where it was at the check-in before
    cached: float
    #: the position is (0, 0)
    zeroed: float
    #: the person was there and did not check in
    forgotten: float


NOISE: Final[dict[Faults, Noise]] = {
    "none": Noise(near=15, far=15, blurred=0, cached=0, zeroed=0, forgotten=0),
    "usual": Noise(near=40, far=150, blurred=0.08, cached=0.008, zeroed=0, forgotten=0.03),
    "storm": Noise(near=60, far=400, blurred=0.3, cached=0.02, zeroed=0.02, forgotten=0.06),
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


def spoil(fixes: Fixes, made: Flags, noise: Noise, draws: Draws) -> Fixes:
    """(days of reps, check-ins): some repeat the position of the check-in before, some say (0, 0)."""
    latitude, longitude = fixes.latitude.copy(), fixes.longitude.copy()
    stale = draws.chance(noise.cached, made.shape)
    stale[:, 0] = False
    stale[:, 1:] &= made[:, :-1]
    before = np.maximum(np.arange(made.shape[1]) - 1, 0)
    latitude = np.where(stale, fixes.latitude[:, before], latitude)
    longitude = np.where(stale, fixes.longitude[:, before], longitude)
    zeroed = draws.chance(noise.zeroed, made.shape)
    return Fixes(np.where(zeroed, 0.0, latitude), np.where(zeroed, 0.0, longitude), fixes.accuracy)
