"""WGS-84 to GCJ-02, the shifted datum of maps in mainland China.

Written for the sandbox from the published formula, apart from the connectors' own conversion, so that each proves
the other. Only the outline of the mainland is theirs: where the border runs is a fact, not a calculation.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from fieldwork.connectors.mainland import inside

Degrees = npt.NDArray[np.float64]

#: semi-major axis of the Krasovsky 1940 ellipsoid, metres, and its squared eccentricity
AXIS: Final = 6_378_245.0
ECCENTRICITY: Final = 0.006_693_421_622_965_943


def to_gcj(latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    """Shift the points in mainland China; others, (0, 0) and NaN stay as they are."""
    shifted = inside(latitude, longitude)
    x, y = longitude - 105.0, latitude - 35.0
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * np.sqrt(np.abs(x))
    north += _waves((20, 6 * x), (20, 2 * x), (20, y), (40, y / 3), (160, y / 12), (320, y / 30))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * np.sqrt(np.abs(x))
    east += _waves((20, 6 * x), (20, 2 * x), (20, x), (40, x / 3), (150, x / 12), (300, x / 30))
    radians = np.radians(latitude)
    flattening = 1 - ECCENTRICITY * np.sin(radians) ** 2
    metres_north = np.pi * AXIS * (1 - ECCENTRICITY) / flattening**1.5
    metres_east = np.pi * AXIS / np.sqrt(flattening) * np.cos(radians)
    return (
        np.where(shifted, latitude + north * 180 / metres_north, latitude),
        np.where(shifted, longitude + east * 180 / metres_east, longitude),
    )


def _waves(*terms: tuple[float, Degrees]) -> Degrees:
    """Two thirds of the sum of sines, each of a height and of an angle in half turns."""
    return np.asarray(sum(height * np.sin(np.pi * angle) for height, angle in terms) * 2 / 3)
