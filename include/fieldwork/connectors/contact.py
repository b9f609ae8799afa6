"""E-mail addresses and mobile numbers, written the same whichever system they come from: people are matched by them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def emails(column: pa.Array) -> pa.Array:
    """Lower case, no outer blanks; empty is unknown."""
    return known(pc.utf8_lower(pc.utf8_trim_whitespace(column)))


def mobiles(column: pa.Array) -> pa.Array:
    """Digits with country code, without + or 00; a bare mainland mobile number (11 digits from 13 to 19) gets 86."""
    digits = pc.replace_substring_regex(column, r"[^0-9]", "")
    digits = pc.replace_substring_regex(digits, r"^00", "")
    return known(pc.replace_substring_regex(digits, r"^(1[3-9][0-9]{9})$", r"86\1"))


def known(column: pa.Array) -> pa.Array:
    """The column with empty texts as null: what a vendor leaves empty is not known."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
