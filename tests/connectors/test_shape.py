"""What a sampler sees of pages that go by: names, kinds and lengths, and no values."""

from __future__ import annotations

import threading
from typing import Any

import orjson

from fieldwork.connectors.shape import FieldSeen, Sampler


def _seen(sampler: Sampler, call: str = "/call") -> dict[str, FieldSeen]:
    return {one.name: one for one in sampler.seen([call])}


def _page(*records: Any) -> bytes:
    return orjson.dumps({"errcode": 0, "result": {"list": list(records)}})


def test_names_kinds_and_lengths_of_every_field_are_seen() -> None:
    sampler = Sampler()
    records = [
        {"id": 7, "name": "Ann", "at": 1.5, "ok": True, "tags": ["x"], "more": {"a": 1}, "none": None, "empty": ""},
        {"id": 8, "name": "李雷和韩梅梅", "extra": "x"},
    ]
    sampler.page("/call", _page(*records), "result.list", ["id", "name", "gone"])
    assert _seen(sampler) == {
        "/call at": FieldSeen("/call at", False, ("number",), 2, 1),
        "/call extra": FieldSeen("/call extra", False, ("text",), 2, 1, 1),
        "/call gone": FieldSeen("/call gone", True, (), 2, 0),
        "/call id": FieldSeen("/call id", True, ("number",), 2, 2),
        "/call more": FieldSeen("/call more", False, ("object",), 2, 1),
        "/call name": FieldSeen("/call name", True, ("text",), 2, 2, 6),
        "/call ok": FieldSeen("/call ok", False, ("boolean",), 2, 1),
        "/call tags": FieldSeen("/call tags", False, ("list",), 2, 1),
    }


def test_an_odd_cell_is_no_other_kind_but_half_of_them_are() -> None:
    for odd, kinds in ((1, ("number",)), (5, ("number", "text"))):
        sampler = Sampler()
        sampler.records("/call", [{"id": "7"}] * odd + [{"id": 7}] * (10 - odd), ["id"])
        assert _seen(sampler)["/call id"].kinds == kinds


def test_ever_fewer_pages_are_looked_at_and_a_large_one_in_part() -> None:
    sampler = Sampler()
    for number in range(1, 601):
        sampler.page("/call", _page({"id": number}), "result.list", ["id"])
    assert _seen(sampler)["/call id"].looked_at == 202  # pages 1 to 200, 256 and 512
    sampler.page("/other", _page(*({"id": n} for n in range(1000))), "result.list", ["id"])
    assert _seen(sampler, "/other")["/other id"].looked_at == 200


def test_names_that_are_made_of_data_or_cannot_be_stored_have_an_end() -> None:
    sampler = Sampler()
    sampler.records("/call", [{f"2026-{n}": 1} for n in range(200)] + [{"a\0b": 1, "\ud800": 1, "x" * 101: 1}], [])
    for _ in range(5):
        sampler.records("/call", [{f"{n}-{_}": 1 for n in range(200)}], [])
    names = [one.name for one in sampler.seen(["/call"])]
    assert len(names) == 500
    assert all(name.isascii() and len(name) < 20 for name in names)


def test_what_is_no_page_tells_nothing() -> None:
    sampler = Sampler()
    for body in (b"", b"{", b"[]", b'{"result":null}', b'{"result":{"list":7}}', b'{"result":{"list":[7,null]}}'):
        sampler.page("/call", body, "result.list", ["id"])
    assert _seen(sampler) == {}


def test_many_threads_lose_no_record() -> None:
    sampler = Sampler()
    threads = [
        threading.Thread(target=lambda: [sampler.records("/call", [{"id": 1}], ["id"]) for _ in range(200)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _seen(sampler)["/call id"].looked_at == 1600
