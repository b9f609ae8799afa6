"""Pages as vendors really send them: fast where they keep their word, tolerant where they do not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from fieldwork.connectors import json_arrow
from fieldwork.connectors.json_arrow import document, read_page, read_pages
from fieldwork.errors import BadResponse, FieldworkError, PayloadTooLarge

FIELDS = {"id": pa.int64(), "s": pa.string(), "f": pa.float64(), "b": pa.bool_(), "d": pa.decimal128(18, 2)}
HEAD = {"errcode": pa.int64(), "result.more": pa.bool_()}


def _read(rows: str, head: str = '"errcode":0') -> json_arrow.Page:
    return read_page(f'{{{head},"rows":{rows}}}'.encode(), "rows", FIELDS, HEAD)


def _row(**cells: Any) -> dict[str, Any]:
    return dict.fromkeys(FIELDS) | cells


def test_a_page_as_promised_is_read_without_python_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrow, "_read_tolerantly", None)
    page = _read('[{"id":1,"s":"},{","f":2,"b":true,"d":1234567.89,"other":{"x":[1]}},{"id":2}]')
    assert page.rows.to_pylist() == [_row(id=1, s="},{", f=2.0, b=True, d=Decimal("1234567.89")), _row(id=2)]
    assert page.head == {"errcode": 0, "result.more": None}
    assert page.faults.to_pylist() == [None, None]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_document_over_many_lines(line_end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrow, "_read_tolerantly", None)
    text = '{@"errcode":@0,@"rows":[@{"id":1,@"s":"a\\nb"}@]@}@@'.replace("@", line_end)
    page = read_page(text.encode(), "rows", FIELDS, HEAD)
    assert page.rows.to_pylist() == [_row(id=1, s="a\nb")]


def test_rows_and_scalars_inside_an_object() -> None:
    body = b'{"errcode":0,"result":{"more":true,"list":[{"id":1}]}}'
    page = read_page(body, "result.list", FIELDS, HEAD)
    assert page.rows.to_pylist() == [_row(id=1)] and page.head["result.more"] is True


@pytest.mark.parametrize("result", ["", ',"result":null', ',"result":{}', ',"result":[]'])
def test_no_list_is_not_an_empty_list(result: str) -> None:
    page = read_page(f'{{"errcode":0{result}}}'.encode(), "result.list", FIELDS, HEAD)
    assert (page.listed, len(page.rows)) == (False, 0)
    assert read_page(b'{"errcode":0,"result":{"list":[]}}', "result.list", FIELDS, HEAD).listed


def test_numbers_as_text_and_text_as_numbers() -> None:
    page = _read('[{"id":"7","s":5,"f":"2.5","b":"true","d":"0.125"},{"id":"8"}]', '"errcode":"0"')
    assert page.rows.to_pylist() == [_row(id=7, s="5", f=2.5, b=True, d=Decimal("0.13")), _row(id=8)]
    assert page.faults.to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('{"id":"seven"}', "id is not a number"),
        ('{"id":1.5}', "id is not a number"),
        ('{"id":true}', "id is not a number"),
        ('{"id":99999999999999999999}', "id is not a number"),
        ('{"f":NaN}', "f is not a number"),
        ('{"f":1e400}', "f is not a number"),
        ('{"f":"NaN"}', "f is not a number"),
        ('{"b":"yes"}', "b is not true or false"),
        ('{"d":1e40}', "d is not a number"),
        ('{"s":{"x":1}}', "s is not a text that can be stored"),
        ('{"s":"\\ud800"}', "s is not a text that can be stored"),
        ('{"s":"a\\u0000b"}', "s holds U+0000"),
        ("7", "a row is no record"),
        ("null", "a row is no record"),
    ],
)
def test_one_bad_cell_spoils_its_row_only(row: str, fault: str) -> None:
    page = _read(f'[{{"id":1,"s":"good"}},{row},{{"id":3,"s":"good"}}]')
    assert page.faults.to_pylist() == [None, fault, None]
    assert page.rows.column("id").to_pylist()[::2] == [1, 3]
    assert page.rows.column("s").to_pylist()[::2] == ["good", "good"]
    page.rows.validate(full=True)


def test_a_nul_is_taken_out_of_the_text() -> None:
    assert _read('[{"id":1,"s":"a\\u0000b"}]').rows.column("s").to_pylist() == ["ab"]
    assert _read('[{"id":1,"s":"a\\\\u0000b"}]').faults.to_pylist() == [None]


def test_a_key_that_stands_twice_keeps_the_last() -> None:
    assert _read('[{"id":1,"id":2}]').rows.column("id").to_pylist() == [2]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BadResponse),
        (b"[1]", BadResponse),
        (b"\xff\xfe", BadResponse),
        (b'{"rows":[{"s":"\xff"}]}', BadResponse),
        (b'{"rows":[{"id":1}', BadResponse),
        (b'{"rows":[]}{"rows":[]}', BadResponse),
        (b'{"rows":{"id":1}}', BadResponse),
        (b'{"rows":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}", PayloadTooLarge),
    ],
    ids=["empty", "list", "no-utf8", "no-utf8-inside", "cut", "two", "no-list", "deep"],
)
def test_what_is_no_page_has_a_name(body: bytes, kind: type[FieldworkError]) -> None:
    with pytest.raises(kind):
        read_page(body, "rows", FIELDS, HEAD)


def test_a_small_document() -> None:
    assert document(b'{"a":1}') == {"a": 1}
    with pytest.raises(BadResponse):
        document(b"[]")
    with pytest.raises(PayloadTooLarge):
        document(b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}")


WHOLE = b'{"errcode":0,"rows":[{"id":1,"s":"a"},{"id":2}]}'
ERROR = b'{"errcode":88}'
EMPTY = b'{"errcode":0,"rows":[]}'


@pytest.mark.parametrize(
    "bodies",
    [
        [WHOLE, EMPTY, ERROR, WHOLE],
        [EMPTY, EMPTY],
        [b' \n{"errcode":0,\n"rows":[{"id":3}]}\r\n', WHOLE],
        [b'{"errcode":0,"rows":[{"s":"a\\u0000b"}]}', WHOLE],
    ],
    ids=["with-an-error", "empty", "many-lines", "nul"],
)
def test_pages_read_at_once_are_the_pages_read_alone(bodies: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [read_page(body, "rows", FIELDS, HEAD) for body in bodies]
    monkeypatch.setattr(json_arrow, "_read_tolerantly", None)
    assert [_told(page) for page in read_pages(bodies, "rows", FIELDS, HEAD)] == [_told(page) for page in alone]


@pytest.mark.parametrize(
    "odd",
    [
        b'{"errcode":0,"rows":[{"id":"7"}]}',
        b'{"errcode":0,"rows":[null,{"id":7}]}',
        b'{"errcode":0,"rows":[{"f":1e999}]}',
        b'{"errcode":"0","rows":[]}',
    ],
)
def test_an_odd_page_leaves_its_neighbours_as_they_are(odd: bytes) -> None:
    pages = read_pages([WHOLE, odd, WHOLE], "rows", FIELDS, HEAD)
    assert [_told(page) for page in pages] == [
        _told(read_page(body, "rows", FIELDS, HEAD)) for body in (WHOLE, odd, WHOLE)
    ]


@pytest.mark.parametrize(
    "bodies",
    [
        [WHOLE + WHOLE, b"  "],
        [WHOLE + b" " + WHOLE, WHOLE],
        [b'{"errcode":0,"rows":[{"id":1}', b"]}" + WHOLE],
        [b'{"errcode":0,"s":"}', b'{"}' + WHOLE],
        [b"[1]", WHOLE + WHOLE],
    ],
    ids=["two-and-none", "two-and-one", "runs-over", "text-runs-over", "no-object"],
)
def test_documents_that_do_not_keep_to_their_answer_are_refused(bodies: list[bytes]) -> None:
    with pytest.raises(BadResponse):
        read_pages(bodies, "rows", FIELDS, HEAD)


def test_pages_too_large_to_be_read_at_once_are_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrow, "_AT_ONCE", len(WHOLE) + 1)
    read: list[int] = []
    fast = json_arrow._read_fast
    monkeypatch.setattr(json_arrow, "_read_fast", lambda bodies, *rest: read.append(len(bodies)) or fast(bodies, *rest))
    assert len(read_pages([WHOLE, WHOLE], "rows", FIELDS, HEAD)) == 2
    assert read == [1, 1]


def _told(page: json_arrow.Page) -> tuple[Any, ...]:
    return page.head, page.rows.to_pylist(), page.faults.to_pylist(), page.listed
