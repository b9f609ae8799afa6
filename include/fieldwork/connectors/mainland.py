"""Mainland China's outline, simplified: where maps and apps shift coordinates (GCJ-02), and where they do not.

A rectangle will not do: the usual one (72–137.8° E) covers Korea, Mongolia and a dozen other countries. The outline
follows land borders, as they are administered, to about 20 km, and to a few hundred metres at Hong Kong and Macau; at
sea it runs offshore, round the inhabited islands from Changhai to Hainan. Not inside: Hong Kong, Macau, Taiwan with
Kinmen and Matsu, and the islands south of Hainan. Set by hand for this project; along some land borders, the Himalaya
above all, after the rounded points of a public outline (world.geo.json). (latitude, longitude) in WGS-84.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Ring: TypeAlias = tuple[tuple[float, float], ...]

# fmt: off
#: Clockwise from the Amur's northernmost bend.
OUTLINE: Final[Ring] = (
    # Russia: Amur, Ussuri, Lake Khanka
    (53.57, 123.4), (53.2, 124.8), (53.05, 125.6), (52.75, 126.0), (52.2, 126.45), (51.75, 126.75), (51.3, 126.95),
    (50.6, 127.35), (50.31, 127.42), (50.262, 127.52), (50.15, 127.6), (49.8, 127.55), (49.6, 128.0), (49.55, 128.8),
    (49.4, 129.4), (48.9, 130.3), (48.85, 130.65), (48.4, 130.8), (48.1, 130.7), (47.7, 130.95), (47.72, 131.6),
    (47.75, 132.6), (48.1, 133.5), (48.4, 134.35), (48.38, 134.75), (48.25, 134.7), (47.7, 134.75), (47.45, 134.55),
    (47.1, 134.2), (46.6, 133.95), (46.15, 133.75), (45.6, 133.45), (45.05, 133.1), (45.28, 131.95), (45.0, 131.5),
    (44.9, 131.0), (44.45, 131.25), (44.05, 131.3), (43.5, 131.25), (43.2, 131.2), (42.95, 131.0), (42.85, 130.65),
    (42.42, 130.65),
    # Korea: Tumen, Yalu
    (42.6, 130.5), (42.75, 130.28), (42.92, 130.15), (43.01, 129.98), (42.955, 129.88), (42.75, 129.77),
    (42.42, 129.72), (42.25, 129.25), (42.05, 128.9), (42.0, 128.1), (41.6, 128.3), (41.4, 128.23), (41.45, 127.5),
    (41.55, 127.1), (41.79, 126.93), (41.6, 126.6), (41.11, 126.18), (40.85, 125.75), (40.55, 125.1), (40.45, 124.9),
    (40.2, 124.5), (40.115, 124.395), (40.0, 124.34), (39.85, 124.25), (39.6, 124.1),
    # the Yellow Sea and the East China Sea, then past Matsu and Kinmen
    (39.0, 123.5), (38.4, 122.9), (38.0, 123.1), (37.3, 123.0), (36.6, 122.8), (35.5, 121.6), (34.5, 121.1),
    (33.0, 121.8), (32.0, 122.5), (31.0, 123.0), (30.0, 123.0), (29.0, 122.6), (28.0, 122.1), (27.3, 121.4),
    (27.0, 121.0), (26.6, 120.6), (26.45, 120.3), (26.3, 119.88), (25.95, 119.85), (25.7, 120.0), (25.3, 120.1),
    (24.95, 119.55), (24.6, 118.7), (24.545, 118.5), (24.54, 118.3), (24.47, 118.21), (24.35, 118.21), (23.9, 118.05),
    # the South China Sea, round Hainan
    (23.3, 117.75), (22.9, 117.2), (22.5, 115.9), (21.8, 114.8), (21.6, 113.3), (21.3, 112.0), (21.1, 111.2),
    (20.2, 111.3), (19.5, 111.3), (18.7, 110.8), (18.1, 110.2), (17.95, 109.4), (18.2, 108.6), (19.2, 108.45),
    (20.4, 108.7), (21.0, 108.5), (21.45, 108.15), (21.5, 108.04), (21.533, 107.97),
    # Vietnam, Laos, Myanmar
    (21.65, 107.8), (21.6, 107.5), (21.66, 107.3), (21.8, 107.05), (21.97, 106.69), (22.2, 106.67), (22.35, 106.58),
    (22.57, 106.7), (22.88, 106.75), (22.86, 106.32), (22.96, 106.02), (23.08, 105.56), (23.39, 105.32),
    (23.18, 104.95), (22.93, 104.83), (22.83, 104.55), (22.7, 104.35), (22.7, 104.1), (22.508, 103.97), (22.55, 103.7),
    (22.78, 103.5), (22.6, 103.2), (22.45, 103.05), (22.7, 102.5), (22.4, 102.14), (22.5, 101.67), (22.25, 101.6),
    (21.85, 101.77), (21.58, 101.8), (21.18, 101.75), (21.18, 101.6), (21.25, 101.25), (21.56, 101.15), (21.7, 101.1),
    (21.48, 100.6), (21.48, 100.25), (21.67, 100.05), (22.03, 99.97), (22.07, 99.6), (22.12, 99.25), (22.4, 99.25),
    (22.93, 99.45), (23.08, 99.35), (23.1, 98.9), (23.35, 98.9), (23.75, 98.81), (23.78, 98.68), (24.1, 98.55),
    (24.06, 98.05), (23.993, 97.9), (23.95, 97.75), (23.88, 97.6), (24.25, 97.73), (24.43, 97.55), (24.75, 97.55),
    (25.25, 97.83), (25.6, 98.13), (25.85, 98.6), (26.15, 98.62), (26.8, 98.74), (27.2, 98.7), (27.6, 98.3),
    (28.15, 98.1), (28.25, 97.4),
    # the Himalaya and the Karakoram
    (28.4, 96.9), (28.4, 96.3), (28.85, 96.55), (29.4, 96.15), (29.05, 95.4), (29.25, 94.6), (28.65, 93.4),
    (27.85, 92.5), (27.75, 91.7), (28.05, 91.2), (28.05, 90.7), (28.3, 90.0), (28.05, 89.45), (27.3, 88.95),
    (27.4, 88.8), (28.05, 88.7), (27.88, 88.1), (27.9, 87.2), (27.97, 86.5), (27.96, 85.98), (28.3, 85.8),
    (28.27, 85.37), (28.62, 85.1), (28.85, 84.2), (29.3, 83.6), (29.45, 83.3), (30.1, 82.2), (30.4, 81.5),
    (30.2, 81.1), (30.6, 80.3), (30.9, 79.75), (31.1, 79.3), (31.5, 78.75), (32.3, 78.5), (32.6, 78.5), (32.5, 79.15),
    (33.0, 79.2), (33.5, 78.8), (34.3, 78.9), (35.4, 77.9), (35.85, 76.3), (36.6, 75.9), (36.86, 75.4), (37.05, 74.95),
    (37.25, 74.6), (37.45, 74.95), (38.0, 74.85), (38.4, 74.8), (38.6, 74.0), (39.0, 73.8),
    # Kyrgyzstan, Kazakhstan
    (39.45, 73.65), (39.75, 73.9), (40.05, 73.95), (40.35, 74.75), (40.54, 75.45), (40.45, 76.3), (41.0, 76.95),
    (41.1, 78.1), (41.5, 78.5), (42.05, 80.1), (42.8, 80.2), (43.2, 80.8), (43.6, 80.6), (44.0, 80.4), (44.25, 80.4),
    (44.7, 80.2), (44.93, 79.95), (45.1, 81.0), (45.35, 81.85), (45.2, 82.5), (45.5, 82.45), (46.1, 82.4),
    (46.66, 82.75), (47.0, 83.0), (47.25, 83.3), (47.0, 84.7), (46.95, 85.1), (47.3, 85.6), (47.9, 85.6),
    (48.4, 85.65), (48.5, 86.5), (49.1, 86.95), (49.15, 87.4),
    # Mongolia
    (49.17, 87.8), (48.6, 88.0), (48.1, 88.9), (47.95, 89.6), (47.65, 90.35), (46.95, 91.0), (46.3, 90.95),
    (45.75, 90.7), (45.2, 91.0), (45.05, 92.5), (44.95, 93.5), (44.35, 94.7), (44.25, 95.35), (43.4, 95.8),
    (42.73, 96.4), (42.75, 97.4), (42.55, 99.4), (42.65, 100.8), (42.5, 101.8), (42.1, 102.8), (41.88, 103.4),
    (41.85, 104.5), (41.6, 105.0), (42.1, 106.2), (42.4, 107.6), (42.5, 109.3), (42.85, 110.4), (43.4, 111.1),
    (43.695, 111.95), (44.05, 111.65), (44.4, 111.4), (45.05, 111.9), (45.02, 112.5), (44.8, 113.5), (45.35, 114.5),
    (45.7, 116.0), (46.35, 116.6), (46.65, 117.4), (46.75, 118.7), (46.7, 119.65), (47.0, 119.8), (47.7, 118.95),
    (48.03, 118.1), (47.7, 117.35), (47.85, 116.3), (47.72, 115.8), (48.2, 115.5), (49.1, 116.15), (49.85, 116.7),
    # Russia: Argun, Amur
    (49.635, 117.34), (49.5, 117.85), (50.1, 119.2), (50.6, 119.3), (51.1, 119.8), (51.65, 120.15), (52.0, 120.75),
    (52.5, 120.7), (52.8, 120.1), (53.25, 120.9), (53.35, 121.6), (53.52, 122.4),
)

#: Hong Kong: the Shenzhen river, Mirs Bay, and its waters down to 22.14° N.
HONG_KONG: Final[Ring] = (
    (22.5475, 114.2265), (22.552, 114.245), (22.565, 114.33), (22.56, 114.4), (22.545, 114.455), (22.43, 114.48),
    (22.3, 114.5), (22.15, 114.5), (22.14, 114.0), (22.14, 113.86), (22.2, 113.835), (22.32, 113.835), (22.42, 113.87),
    (22.45, 113.885), (22.478, 113.945), (22.492, 113.985), (22.499, 114.02), (22.504, 114.04), (22.515, 114.066),
    (22.516, 114.078), (22.524, 114.093), (22.5285, 114.103), (22.53, 114.113), (22.533, 114.121), (22.538, 114.1285),
    (22.546, 114.14), (22.5545, 114.15), (22.5555, 114.157), (22.552, 114.175), (22.549, 114.2),
)

#: Macau: the peninsula, Taipa, Coloane and the waters east of them.
MACAU: Final[Ring] = (
    (22.2165, 113.546), (22.2165, 113.552), (22.2145, 113.556), (22.213, 113.585), (22.19, 113.63), (22.075, 113.63),
    (22.075, 113.56), (22.105, 113.553), (22.13, 113.5505), (22.155, 113.5475), (22.165, 113.537), (22.185, 113.529),
    (22.2, 113.531), (22.2135, 113.536),
)
# fmt: on


def inside(latitude: Floats, longitude: Floats) -> Flags:
    """Which points (degrees, WGS-84) lie in the mainland; even-odd rule over the outline and its two holes."""
    south, west, north, east = _box()
    answer: Flags = (latitude >= south) & (latitude <= north) & (longitude >= west) & (longitude <= east)
    near = np.flatnonzero(answer)
    if near.size:
        answer[near] = _crossings(latitude[near], longitude[near]) % 2 == 1
    return answer


def _crossings(latitude: Floats, longitude: Floats) -> npt.NDArray[np.int64]:
    """How many edges a ray from each point to the north pole crosses."""
    borders, base, slope = _slabs()
    slab = np.searchsorted(borders, longitude, side="right") - 1
    crossed: npt.NDArray[np.int64] = (latitude[:, None] < base[slab] + slope[slab] * longitude[:, None]).sum(axis=1)
    return crossed


@cache
def _slabs() -> tuple[Floats, Floats, Floats]:
    """The outline cut at the longitude of every corner: few edges cross each slab, and each crosses it whole.

    Western borders of the slabs, and a row a slab of its edges as ``base + slope * longitude`` (NaN fills up the row).
    """
    edges = [(ring[i - 1], ring[i]) for ring in (OUTLINE, HONG_KONG, MACAU) for i in range(len(ring))]
    borders = np.unique([lon for ring in (OUTLINE, HONG_KONG, MACAU) for _, lon in ring])
    rows: list[list[tuple[float, float]]] = [[] for _ in borders]
    for (lat_a, lon_a), (lat_b, lon_b) in edges:
        first, last = np.searchsorted(borders, sorted((lon_a, lon_b)))
        for slab in range(int(first), int(last)):
            slope = (lat_b - lat_a) / (lon_b - lon_a)
            rows[slab].append((lat_a - slope * lon_a, slope))
    lines = np.full((len(rows), max(map(len, rows)), 2), np.nan)
    for slab, crossing in enumerate(rows):
        lines[slab, : len(crossing)] = np.array(crossing).reshape(-1, 2)
    return borders, lines[:, :, 0].copy(), lines[:, :, 1].copy()


@cache
def _box() -> tuple[float, float, float, float]:
    latitudes, longitudes = zip(*OUTLINE, strict=True)
    return min(latitudes), min(longitudes), max(latitudes), max(longitudes)
