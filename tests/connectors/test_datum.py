"""Eight cities with a forward shift of the test's own, and places around the border where nothing may move."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fieldwork.connectors.datum import Datum, datum, to_wgs84
from fieldwork.connectors.mainland import inside
from fieldwork.errors import ConfigError

CITIES = {
    "Beijing": (39.9042, 116.4074),
    "Shanghai": (31.2304, 121.4737),
    "Guangzhou": (23.1291, 113.2644),
    "Shenzhen": (22.5431, 114.0579),
    "Chengdu": (30.5728, 104.0668),
    "Wuhan": (30.5928, 114.3055),
    "Xi'an": (34.3416, 108.9398),
    "Hangzhou": (30.2741, 120.1551),
}
NEAR_THE_BORDER = {
    "Heihe": (50.245, 127.49), "Manzhouli": (49.59, 117.43), "Erenhot": (43.65, 111.98), "Khorgos": (44.21, 80.42),
    "Alashankou": (45.17, 82.57), "Ruili": (24.01, 97.85), "Hekou": (22.53, 103.95), "Dongxing": (21.545, 107.97),
    "Dandong": (40.13, 124.38), "Hunchun": (42.86, 130.37), "Tumen": (42.966, 129.84), "Suifenhe": (44.40, 131.15),
    "Gongbei, Zhuhai": (22.2225, 113.55), "Shekou": (22.48, 113.915), "Yantian": (22.557, 114.24),
    "Xiamen": (24.48, 118.09), "Pingtan": (25.50, 119.79), "Sanya": (18.25, 109.51), "Kashgar": (39.47, 75.99),
    "Yadong": (27.49, 88.91), "Mohe": (52.97, 122.54), "Shengsi": (30.73, 122.45), "Changhai": (39.27, 122.59),
}  # fmt: skip
ABROAD = {
    "Hong Kong": (22.282, 114.158), "Sheung Shui": (22.502, 114.127), "Hong Kong airport": (22.308, 113.918),
    "Macau": (22.19, 113.543), "Taipa": (22.156, 113.558), "Taipei": (25.03, 121.56), "Kaohsiung": (22.63, 120.3),
    "Kinmen": (24.43, 118.32), "Matsu": (26.16, 119.95), "Penghu": (23.57, 119.58), "Seoul": (37.57, 126.98),
    "Pyongyang": (39.03, 125.75), "Sinuiju": (40.09, 124.41), "Ulaanbaatar": (47.89, 106.91),
    "Zamyn-Uud": (43.72, 111.90), "Vladivostok": (43.12, 131.89), "Khabarovsk": (48.48, 135.08),
    "Blagoveshchensk": (50.29, 127.54), "Hanoi": (21.03, 105.85), "Lao Cai": (22.485, 103.97), "Muse": (23.98, 97.91),
    "Kathmandu": (27.72, 85.32), "Leh": (34.16, 77.58), "Almaty": (43.25, 76.9), "Naha": (26.2, 127.7),
    "Null island": (0.0, 0.0), "Berlin": (52.52, 13.40),
}  # fmt: skip


def _to_gcj(lat: float, lon: float) -> tuple[float, float]:
    """The published formula, written for one point."""
    x, y = lon - 105.0, lat - 35.0
    waves = 20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves * 2 / 3
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves * 2 / 3
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    phi = lat / 180 * math.pi
    magic = 1 - 0.00669342162296594323 * math.sin(phi) ** 2
    up = north * 180 / (6378245.0 * (1 - 0.00669342162296594323) / (magic * math.sqrt(magic)) * math.pi)
    return lat + up, lon + east * 180 / (6378245.0 / math.sqrt(magic) * math.cos(phi) * math.pi)


def _to_bd(lat: float, lon: float) -> tuple[float, float]:
    lat, lon = _to_gcj(lat, lon)
    z = math.sqrt(lon**2 + lat**2) + 0.00002 * math.sin(lat * math.pi * 3000 / 180)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * math.pi * 3000 / 180)
    return z * math.sin(theta) + 0.006, z * math.cos(theta) + 0.0065


def _metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    return math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0]))) * 111_320


def _back(point: tuple[float, float], source: Datum) -> tuple[float, float]:
    lat, lon = to_wgs84(np.array([point[0]]), np.array([point[1]]), source)
    return float(lat[0]), float(lon[0])


@pytest.mark.parametrize("city", CITIES)
def test_a_city_comes_back_to_its_place(city: str) -> None:
    place = CITIES[city]
    assert 265 <= _metres(place, _to_gcj(*place)) < 622
    assert _metres(place, _back(_to_gcj(*place), "GCJ-02")) < 0.01
    assert _metres(place, _back(_to_bd(*place), "BD-09")) < 0.01
    assert _back(place, "WGS-84") == place


@pytest.mark.parametrize("place", ABROAD)
def test_nothing_moves_outside_the_mainland(place: str) -> None:
    assert _back(ABROAD[place], "GCJ-02") == ABROAD[place]


@pytest.mark.parametrize("place", NEAR_THE_BORDER)
def test_border_towns_and_islands_are_inside(place: str) -> None:
    point = NEAR_THE_BORDER[place]
    assert inside(np.array([point[0]]), np.array([point[1]])).tolist() == [True]


def test_many_points_at_once_are_judged_like_one() -> None:
    random = np.random.default_rng(7)
    lat, lon = random.uniform(15, 55, 5000), random.uniform(70, 138, 5000)
    one_by_one = [bool(inside(lat[i : i + 1], lon[i : i + 1])[0]) for i in range(0, 5000, 50)]
    assert inside(lat, lon)[::50].tolist() == one_by_one


def test_unknown_places_stay_unknown_and_arrays_are_not_changed() -> None:
    lat, lon = np.array([np.nan, 39.9, 39.9]), np.array([116.4, np.nan, 116.4])
    north, east = to_wgs84(lat, lon, "GCJ-02")
    assert np.isnan(north[0]) and np.isnan(east[1]) and north[2] != 39.9
    assert lat[2] == 39.9 and lon[2] == 116.4


def test_a_datum_has_a_name() -> None:
    assert datum("BD-09") == "BD-09"
    with pytest.raises(ConfigError, match="no datum"):
        datum("GCJ02")
