"""Published vectors of large cities, a forward shift of the test's own, and places around the border where nothing may
move.
"""

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
Point = tuple[float, float]
#: WGS-84, GCJ-02, BD-09 as others published them: cities from the fixtures of gcoord; the last four from the tests of
#: eviltransform, and answers of map services that pjutils and geoChina quote
PUBLISHED: dict[str, tuple[Point, Point, Point | None]] = {
    "Beijing": ((39.9028057, 116.4011517), (39.9042136, 116.4074002), (39.9105355, 116.4137852)),
    "Guangzhou": ((23.131788, 113.2590543), (23.1291146, 113.2643859), (23.135343, 113.2708188)),
    "Hangzhou": ((30.2764043, 120.1503589), (30.274088, 120.1550722), (30.2799982, 120.1616149)),
    "Xi'an": ((34.3431382, 108.9351301), (34.3415801, 108.9397792), (34.3477457, 108.946246)),
    "Nanjing": ((32.0623216, 118.7916827), (32.0602574, 118.7968802), (32.0666136, 118.8033021)),
    "Shenyang": ((41.8032629, 123.4253306), (41.8057023, 123.4314787), (41.8114013, 123.438095)),
    "Zhengzhou": ((34.7478004, 113.6192856), (34.7466173, 113.6253334), (34.7528605, 113.6317519)),
    "Urumqi": ((43.824388, 87.6140048), (43.8255962, 87.6168579), (43.8317719, 87.6232918)),
    "Shanghai": ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215), None),
    "Shenzhen": ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363), None),
    "Shanghai, by AMap": ((31.16014354, 121.42958967), (31.158247, 121.434204), (31.1646093426, 121.4406138425)),
    "Beijing station": ((39.90105, 116.42079), (39.90245, 116.42703), (39.90851, 116.43351)),
}
NEAR_THE_BORDER = {
    "Heihe": (50.245, 127.49), "Manzhouli": (49.59, 117.43), "Erenhot": (43.65, 111.98), "Khorgos": (44.21, 80.42),
    "Alashankou": (45.17, 82.57), "Ruili": (24.01, 97.85), "Hekou": (22.53, 103.95), "Dongxing": (21.545, 107.97),
    "Dandong": (40.13, 124.38), "Hunchun": (42.86, 130.37), "Tumen": (42.966, 129.84), "Suifenhe": (44.40, 131.15),
    "Gongbei, Zhuhai": (22.2225, 113.55), "Shekou": (22.48, 113.915), "Yantian": (22.557, 114.24),
    "Xiamen": (24.48, 118.09), "Pingtan": (25.50, 119.79), "Sanya": (18.25, 109.51), "Kashgar": (39.47, 75.99),
    "Yadong": (27.49, 88.91), "Mohe": (52.97, 122.54), "Shengsi": (30.73, 122.45), "Changhai": (39.27, 122.59),
    "Luohu": (22.5325, 114.113), "Huanggang": (22.525, 114.0735), "Shatoujiao": (22.55, 114.227),
    "Shenzhen Bay": (22.505, 113.944), "Hengqin": (22.141, 113.541), "Wanzai, Zhuhai": (22.202, 113.526),
    "Wailingding": (22.108, 114.035), "Huangcuo, Xiamen": (24.43, 118.155), "Weitou": (24.525, 118.564),
    "Nanri": (25.21, 119.48), "Ji'an": (41.126, 126.194), "Linjiang": (41.81, 126.918), "Changbai": (41.419, 128.203),
    "Fangchuan": (42.418, 130.604), "Fuyuan": (48.364, 134.308), "Jiayin": (48.889, 130.40), "Xunke": (49.564, 128.478),
    "Ganqimaodu": (42.408, 107.579), "Takeshiken": (46.03, 90.85), "Torugart": (40.53, 75.40),
    "Tashkurgan": (37.774, 75.228), "Zhangmu": (27.993, 85.98), "Medog": (29.325, 95.334),
    "Pingxiang": (22.097, 106.766),
}  # fmt: skip
ABROAD = {
    "Hong Kong": (22.282, 114.158), "Sheung Shui": (22.502, 114.127), "Hong Kong airport": (22.308, 113.918),
    "Macau": (22.19, 113.543), "Taipa": (22.156, 113.558), "Taipei": (25.03, 121.56), "Kaohsiung": (22.63, 120.3),
    "Kinmen": (24.43, 118.32), "Matsu": (26.16, 119.95), "Penghu": (23.57, 119.58), "Seoul": (37.57, 126.98),
    "Pyongyang": (39.03, 125.75), "Sinuiju": (40.09, 124.41), "Ulaanbaatar": (47.89, 106.91),
    "Zamyn-Uud": (43.72, 111.90), "Vladivostok": (43.12, 131.89), "Khabarovsk": (48.48, 135.08),
    "Blagoveshchensk": (50.29, 127.54), "Hanoi": (21.03, 105.85), "Lao Cai": (22.485, 103.97), "Muse": (23.98, 97.91),
    "Kathmandu": (27.72, 85.32), "Leh": (34.16, 77.58), "Almaty": (43.25, 76.9), "Naha": (26.2, 127.7),
    "Lo Wu": (22.5283, 114.1131), "Lok Ma Chau": (22.515, 114.0656), "Sha Tau Kok": (22.5435, 114.22),
    "Tin Shui Wai": (22.46, 114.0), "Ping Chau": (22.543, 114.433), "Tai O": (22.253, 113.862),
    "Po Toi": (22.165, 114.25),
    "Macau, border gate": (22.2148, 113.5492), "Coloane": (22.117, 113.5535), "Macau airport": (22.1496, 113.5915),
    "Little Kinmen": (24.428, 118.239), "Dadan": (24.387, 118.168), "Wuqiu": (24.99, 119.45),
    "Dongyin": (26.366, 120.49),
    "Manpo": (41.157, 126.29), "Hyesan": (41.396, 128.178), "Musan": (42.226, 129.207), "Namyang": (42.949, 129.868),
    "Khasan": (42.43, 130.645), "Pogranichny": (44.407, 131.382), "Zabaikalsk": (49.6519, 117.3269),
    "Gashuun Sukhait": (42.44, 107.57), "Dostyk": (45.257, 82.485), "Khorgos, Kazakhstan": (44.22, 80.27),
    "Tatopani": (27.95, 85.945), "Tawang": (27.586, 91.859), "Gangtok": (27.33, 88.61), "Myitkyina": (25.383, 97.396),
    "Lang Son": (21.853, 106.761), "Mong Cai": (21.525, 107.966),
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


@pytest.mark.parametrize("city", PUBLISHED)
def test_published_vectors_come_back_within_five_metres(city: str) -> None:
    wgs, gcj, baidu = PUBLISHED[city]
    assert 265 <= _metres(wgs, gcj) < 622
    assert _metres(wgs, _back(gcj, "GCJ-02")) < 2
    if baidu:
        assert _metres(wgs, _back(baidu, "BD-09")) < 2


@pytest.mark.parametrize("source", ["GCJ-02", "BD-09"])
def test_any_place_of_the_mainland_comes_back(source: Datum) -> None:
    """Away from the outline, where a shifted place may look like one on the other side."""
    random = np.random.default_rng(11)
    lat, lon = random.uniform(20, 50, 3000), random.uniform(80, 130, 3000)
    edge = 0.03
    deep = np.all([inside(lat + a, lon + b) for a in (-edge, edge) for b in (-edge, edge)], axis=0)
    forward = _to_gcj if source == "GCJ-02" else _to_bd
    places = list(zip(lat[deep].tolist(), lon[deep].tolist(), strict=True))
    told = np.array([forward(*place) for place in places])
    back = to_wgs84(told[:, 0].copy(), told[:, 1].copy(), source)
    assert len(places) > 1000
    assert max(_metres(place, there) for place, there in zip(places, zip(*back, strict=True), strict=True)) < 0.5


@pytest.mark.parametrize("city", CITIES)
def test_a_city_comes_back_to_its_place(city: str) -> None:
    place = CITIES[city]
    assert 265 <= _metres(place, _to_gcj(*place)) < 622
    assert _metres(place, _back(_to_gcj(*place), "GCJ-02")) < 0.01
    assert _metres(place, _back(_to_bd(*place), "BD-09")) < 0.01
    assert _back(place, "WGS-84") == place


@pytest.mark.parametrize("source", ["GCJ-02", "BD-09"])
@pytest.mark.parametrize("place", ABROAD)
def test_nothing_moves_outside_the_mainland(place: str, source: Datum) -> None:
    assert _back(ABROAD[place], source) == ABROAD[place]


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
