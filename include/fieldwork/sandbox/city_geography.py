"""Where things are: eight cities, offices, and customers of which some share a building. All WGS-84."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from fieldwork.sandbox.city_ids import crm_ids
from fieldwork.sandbox.city_random import Draws, Flags, Floats, Ints, Shape
from fieldwork.streams import STREAMS

#: mean radius of the Earth in metres (IUGG)
EARTH: Final = 6_371_008.8
_DEGREE: Final = EARTH * np.pi / 180
#: metres around a city's centre in which its customers are
_CITY_REACH: Final = 12_000.0
#: a geofence in metres where the account has none of its own (DESIGN §6)
DEFAULT_RADIUS: Final = 300.0
ACCOUNTS_PER_REP: Final = 12


@dataclass(frozen=True, slots=True)
class City:
    name: str
    latitude: float
    longitude: float


CITIES: Final = (
    City("北京", 39.9042, 116.4074),
    City("上海", 31.2304, 121.4737),
    City("广州", 23.1291, 113.2644),
    City("深圳", 22.6900, 114.0200),  # Longhua: twelve kilometres round the old centre reach into Hong Kong
    City("成都", 30.5728, 104.0668),
    City("杭州", 30.2741, 120.1551),
    City("武汉", 30.5928, 114.3055),
    City("西安", 34.3416, 108.9398),
)
CITY_LATITUDE: Final = np.array([city.latitude for city in CITIES])
CITY_LONGITUDE: Final = np.array([city.longitude for city in CITIES])

_KINDS: Final = ("商贸", "科技", "医药", "建材", "物流", "食品", "机电", "传媒", "零售", "电子")
_WORDS: Final = "恒瑞盛华星海鼎元宏达信诚泰和兴茂嘉禾远景"


@dataclass(frozen=True)
class Accounts:
    """Customers: ``ACCOUNTS_PER_REP`` a rep, in the reps' order. Places are real, ``located`` says who knows them."""

    account_id: pa.Array
    #: position of the rep who owns the account, among the people
    owner: Ints
    latitude: Floats
    longitude: Floats
    #: the CRM has coordinates
    located: Flags
    #: metres; NaN = none of its own
    own_radius: Floats
    #: in the building of the account before it, which is the same rep's
    beside: Flags

    @property
    def radius(self) -> Floats:
        """The geofence that holds, in metres."""
        return np.where(np.isnan(self.own_radius), DEFAULT_RADIUS, self.own_radius)


def distance(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """Great-circle metres (haversine)."""
    p1, p2 = np.radians(lat1), np.radians(lat2)
    half = np.sin((p2 - p1) / 2) ** 2
    half = half + np.cos(p1) * np.cos(p2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    metres: Floats = 2 * EARTH * np.arcsin(np.sqrt(half))
    return metres


def six_places(degrees: Floats) -> Floats:
    """Degrees to a tenth of a metre, as phones and map services write them."""
    rounded: Floats = np.round(degrees, 6)
    return rounded


def moved(latitude: Floats, longitude: Floats, metres: Floats, draws: Draws) -> tuple[Floats, Floats]:
    """The places so many metres away in random directions."""
    bearing = draws.uniform(0, 2 * np.pi, np.shape(metres))
    north = metres * np.cos(bearing) / _DEGREE
    east = metres * np.sin(bearing) / (_DEGREE * np.cos(np.radians(latitude)))
    return latitude + north, longitude + east


def somewhere(city: Ints, shape: Shape, draws: Draws) -> tuple[Floats, Floats]:
    """Places spread evenly over the cities of these positions."""
    metres = _CITY_REACH * np.sqrt(draws.uniform(0, 1, shape))
    return moved(CITY_LATITUDE[city], CITY_LONGITUDE[city], metres, draws)


def make_accounts(reps: Ints, city: Ints, draws: Draws) -> Accounts:
    """Customers of the reps at these positions, who work in the cities of these positions."""
    count = len(reps) * ACCOUNTS_PER_REP
    latitude, longitude = somewhere(np.repeat(city, ACCOUNTS_PER_REP), count, draws)
    joins = draws.chance(0.15, count) & (np.arange(count) % ACCOUNTS_PER_REP > 0)
    joins[1:] &= ~joins[:-1]
    neighbour = np.where(joins, np.arange(count) - 1, np.arange(count))
    beside = moved(latitude[neighbour], longitude[neighbour], draws.uniform(0, 30, count), draws)
    own = np.array([150.0, 200.0, 500.0, 800.0])[draws.between(0, 3, count)]
    return Accounts(
        account_id=crm_ids("0015i", 90_000_000 + np.arange(count) * 3),
        owner=np.repeat(reps, ACCOUNTS_PER_REP),
        latitude=six_places(np.where(joins, beside[0], latitude)),
        longitude=six_places(np.where(joins, beside[1], longitude)),
        located=~draws.chance(0.025, count),
        own_radius=np.where(draws.chance(0.25, count), own, np.nan),
        beside=joins,
    )


def accounts_table(accounts: Accounts, crm_user_id: pa.Array, first_midnight: int, draws: Draws) -> pa.Table:
    """The customers as the CRM has them: the stream ``accounts``."""
    count = len(accounts.owner)
    modified = first_midnight - draws.between(1, 700 * 24 * 60, count) * 60
    columns = {
        "account_id": accounts.account_id,
        "name": _names(count, draws),
        "owner_id": crm_user_id.take(pa.array(accounts.owner)),
        "latitude": pa.array(accounts.latitude, mask=~accounts.located),
        "longitude": pa.array(accounts.longitude, mask=~accounts.located),
        "radius_m": pa.array(accounts.own_radius, mask=np.isnan(accounts.own_radius)),
        "modified_at": pa.array(modified * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
    }
    return pa.table(columns, schema=pa.schema(list(STREAMS["accounts"].column_types.items())))


def _names(count: int, draws: Draws) -> list[str]:
    words = draws.between(0, len(_WORDS) - 1, (count, 2)).tolist()
    kinds = draws.between(0, len(_KINDS) - 1, count).tolist()
    pairs = zip(words, kinds, strict=True)
    return [f"{_WORDS[a]}{_WORDS[b]}{_KINDS[kind]}{n:05d}" for n, ((a, b), kind) in enumerate(pairs, 1)]
