"""The names of what is odd about a day: the one list of them.

attendance_day.sql finds them; docs/rules.md has an example of each, and each has a golden case.
"""

from __future__ import annotations

from typing import Final

#: name and meaning, in the order in which they stand on a row
ANOMALIES: Final[dict[str, str]] = {
    "base_differs_from_roster": "the attendance system compares the punches with other hours than the roster's",
    "day_differs_from_roster": "the attendance system gives a punch to another working day than the roster would",
    "half_day_missed": "at least half of the planned time was missed, though the person came",
    "long_span": "more than 16 hours between first in and last out",
    "missed_part": "nobody came to one part of a split shift",
    "missing_in": "punches, but no first in",
    "missing_out": "punches, but no last out",
    "near_duplicate": "punches 30 seconds or less apart, counted once",
    "no_punch": "no punch on a working day of irregular hours, on which none is asked for",
    "out_before_in": "an out before the first in; it is no last out",
    "punch_on_leave": "punches on a day of leave",
    "punch_on_rest_day": "punches on a rest day or holiday",
    "repeated_in": "two ins in a row with no out between; the first one counts",
    "repeated_out": "two outs in a row with no in between; the last one counts",
    "stated_plan_refused": "the attendance system states a working day or hours over a day away: not followed",
    "unpaired_in": "an in after the last out, with no out after it",
}
