"""Coordinates to WGS-84: from GCJ-02 (AMap, the datum of mainland maps and apps) and BD-09 (Baidu).

Read as WGS-84, GCJ-02 is 265 to 621 m off in eight large cities. The shift is known as a formula one way only, so the
way back is iterated. Outside mainland China nothing is shifted. Whether a place lies outside is asked of the place as
it is told: within a shift's length of the outline one on this side may look like one on the other, and stays as it is.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import numpy as np

from fieldwork.connectors.mainland import Floats, inside
from fieldwork.errors import ConfigError

Datum = Literal["WGS-84", "GCJ-02", "BD-09"]

#: The ellipsoid that the published GCJ-02 formula is written for (Krasovsky 1940): metres, and eccentricity squared.
_SEMI_MAJOR: Final = 6378245.0
_ECCENTRICITY2: Final = 0.00669342162296594323
#: What is left of the error anywhere in the mainland: 3 cm after two rounds, 0.2 mm after three (measured).
_ROUNDS: Final = 2


def datum(name: object) -> Datum:
    """The datum of this name; raises ConfigError that lists the names."""
    for one in get_args(Datum):
        if name == one:
            known: Datum = one
            return known
    raise ConfigError(f"{name!r} is no datum.", todo=f"Choose among: {', '.join(get_args(Datum))}.")


def to_wgs84(latitude: Floats, longitude: Floats, source: Datum) -> tuple[Floats, Floats]:
    """Degrees in ``source`` to degrees in WGS-84, off by less than a metre; NaN stays NaN, new arrays."""
    latitude, longitude = latitude.copy(), longitude.copy()
    if source == "WGS-84":
        return latitude, longitude
    shifted = np.flatnonzero(inside(latitude, longitude))
    if shifted.size:
        lat, lon = latitude[shifted], longitude[shifted]
        if source == "BD-09":
            lat, lon = _baidu_to_gcj(lat, lon)
        latitude[shifted], longitude[shifted] = _gcj_to_wgs(lat, lon)
    return latitude, longitude


def _gcj_to_wgs(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    lat, lon = latitude, longitude
    for _ in range(_ROUNDS):
        up, right = _gcj_shift(lat, lon)
        lat, lon = latitude - up, longitude - right
    return lat, lon


def _baidu_to_gcj(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    lat, lon = latitude - 0.006, longitude - 0.0065
    for _ in range(_ROUNDS):
        baidu_lat, baidu_lon = _gcj_to_baidu(lat, lon)
        lat, lon = lat + latitude - baidu_lat, lon + longitude - baidu_lon
    return lat, lon


def _gcj_shift(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    """Degrees north and east that GCJ-02 adds at a WGS-84 place (the published formula)."""
    y, x = latitude - 35.0, longitude - 105.0
    root, ripple = np.sqrt(np.abs(x)), 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
        + (ripple + 20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * (2.0 / 3.0)
        + (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * (2.0 / 3.0)
    )  # fmt: skip
    east = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
        + (ripple + 20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * (2.0 / 3.0)
        + (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * (2.0 / 3.0)
    )  # fmt: skip
    angle = np.radians(latitude)
    bulge = 1.0 - _ECCENTRICITY2 * np.sin(angle) ** 2
    meridian = _SEMI_MAJOR * (1.0 - _ECCENTRICITY2) / bulge**1.5
    parallel = _SEMI_MAJOR / np.sqrt(bulge) * np.cos(angle)
    return np.degrees(north / meridian), np.degrees(east / parallel)


def _gcj_to_baidu(latitude: Floats, longitude: Floats) -> tuple[Floats, Floats]:
    """Baidu's second shift over GCJ-02 (the published formula)."""
    fine = np.pi * 3000.0 / 180.0
    far = np.hypot(longitude, latitude) + 0.00002 * np.sin(latitude * fine)
    angle = np.arctan2(latitude, longitude) + 0.000003 * np.cos(longitude * fine)
    return far * np.sin(angle) + 0.006, far * np.cos(angle) + 0.0065
