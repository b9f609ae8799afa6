from __future__ import annotations

import pyarrow as pa

from fieldwork.connectors.contact import emails, known, mobiles


def test_mobiles_are_digits_with_country_code() -> None:
    given = ["13800138000", "+86 138-0013-8000", "008613800138000", "+852 9123 4567", "12345", "", None, "none"]
    want = ["8613800138000", "8613800138000", "8613800138000", "85291234567", "12345", None, None, None]
    assert mobiles(pa.array(given)).to_pylist() == want


def test_emails_are_lower_case() -> None:
    assert emails(pa.array([" Wang@Example.COM ", "", None])).to_pylist() == ["wang@example.com", None, None]


def test_empty_is_unknown() -> None:
    assert known(pa.array(["", " ", "001", None])).to_pylist() == [None, " ", "001", None]
