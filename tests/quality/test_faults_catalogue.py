"""The faults that concern a row, by their numbers in the project's catalogue of faults, and the tests that inject them.

Each ends in quarantine with the right reason, is loaded under a named rule, or is a typed error; and the counts add up.
Number 16 (ids that a system silently drops) is a matter of reconciliation: no row shows it.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest

from fieldwork.settings import ROOT

ROWS = "tests/steps/test_row_faults.py"
JSON = "tests/connectors/test_json_arrow.py"
TRANSPORT = "tests/connectors/test_transport.py"
TRIP = "tests/connectors/test_round_trip.py"

#: Number -> what it is, and who injects it.
COVERED: dict[int, tuple[str, list[str]]] = {
    5: (
        "a body that is cut",
        [
            f"{TRIP}::test_a_passing_fault_loses_and_doubles_nothing",
            f"{TRANSPORT}::test_a_passing_fault_is_asked_again",
        ],
    ),
    6: (
        "a web page, nothing, or no rows where there should be some",
        [
            f"{TRANSPORT}::test_a_web_page_instead_of_json_is_not_asked_again",
            "tests/steps/test_check.py::test_no_punches_where_people_should_work_is_an_error_with_a_name",
            "tests/quality/test_days.py::test_where_many_people_are_employed_a_worked_day_is_expected_to_have_rows",
        ],
    ),
    7: (
        "pages that come twice or overlap",
        [
            f"{ROWS}::test_a_page_that_comes_twice_is_a_typed_error",
            f"{ROWS}::test_visits",
            "tests/steps/test_load.py::test_copies_in_one_batch_are_duplicates_and_the_latest_counts",
        ],
    ),
    8: (
        "a cursor that never ends",
        [
            f"{TRIP}::test_a_lasting_fault_has_a_name",
            "tests/connectors/test_paging.py::test_a_cursor_that_never_ends_is_a_loop",
        ],
    ),
    10: (
        "a row that is updated after its window has passed",
        [
            "tests/steps/test_extract.py::test_days_read_before_are_read_again_three_days_back",
            "tests/oracle/test_companies.py::test_facts_that_come_later_restate_what_they_touch",
        ],
    ),
    11: (
        "equal stamps at the border of a page",
        [f"{ROWS}::test_records_of_one_second_over_the_border_of_a_page_are_all_loaded"],
    ),
    12: (
        "a source whose clock is wrong",
        [
            f"{ROWS}::test_visits",
            "tests/steps/test_check.py::test_now_is_the_runs_not_the_clocks",
            "tests/steps/test_load.py::test_the_watermark_is_the_greatest_stamp_of_the_source",
        ],
    ),
    15: (
        "a department that we may not read",
        ["tests/e2e/test_faults.py::test_what_stays_is_a_typed_error_and_the_next_run_goes_on"],
    ),
    19: (
        "answers that are too large or too deep, numbers that are none",
        [
            f"{ROWS}::test_punches",
            f"{ROWS}::test_a_page_that_cannot_be_read_is_a_typed_error_and_nothing_of_it_is_staged",
            f"{TRANSPORT}::test_a_compressed_bomb_is_too_large",
            f"{JSON}::test_one_bad_cell_spoils_its_row_only",
        ],
    ),
    20: (
        "a key twice, no UTF-8, half a surrogate pair, U+0000",
        [
            f"{ROWS}::test_punches",
            f"{ROWS}::test_a_page_that_cannot_be_read_is_a_typed_error_and_nothing_of_it_is_staged",
            "tests/steps/test_extract.py::test_text_that_postgresql_cannot_hold_is_a_typed_error_without_the_text",
        ],
    ),
    21: ("text in another encoding", ["tests/sandbox/test_files.py::test_another_encoding_is_refused_with_its_line"]),
    22: (
        "marks of byte order, quotes, line ends, ragged rows",
        [
            "tests/sandbox/test_files.py::test_the_mark_does_not_stick_to_the_first_column",
            "tests/sandbox/test_files.py::test_excel_marks_quotes_line_ends_and_unknown_columns_are_fine",
            "tests/sandbox/test_files.py::test_what_is_wrong_is_said_by_file_line_and_column_without_the_value",
        ],
    ),
    23: (
        "leading zeros",
        [f"{ROWS}::test_punches", "tests/quality/test_marks.py::test_an_employee_number_that_lost_its_zeros"],
    ),
    24: (
        "formulas, which stay text",
        [f"{ROWS}::test_punches", "tests/cli/test_sql.py::test_csv_holds_no_formula_and_a_table_no_markup"],
    ),
    47: (
        "fields that are new, gone, renamed, of another kind, longer; a new word",
        [
            "tests/steps/test_fields.py::test_an_attendance_system_of_another_version",
            "tests/steps/test_fields.py::test_a_crm_whose_object_was_changed",
            f"{ROWS}::test_punches",
            f"{ROWS}::test_visits",
        ],
    ),
    60: (
        "null island, latitude and longitude swapped, degrees millionfold, an accuracy of 5,000 m",
        [
            f"{ROWS}::test_punches",
            "tests/rules/test_unmatched_check_in.py::test_signals_are_told_once_a_check_in_with_their_meaning",
        ],
    ),
    61: (
        "data mixed up",
        [
            "tests/connectors/test_datum.py::test_a_city_comes_back_to_its_place",
            "tests/connectors/test_datum.py::test_nothing_moves_outside_the_mainland",
            "tests/connectors/test_datum.py::test_a_datum_has_a_name",
        ],
    ),
    62: (
        "night shifts, days of 23 and 25 hours",
        [
            "tests/rules/test_working_day.py::test_where_a_punch_belongs",
            "tests/oracle/test_companies.py::test_every_joined_row_is_what_the_design_says",
        ],
    ),
    63: (
        "doubled, missing and impossible punches; a stated day far away",
        [f"{ROWS}::test_punches", "tests/oracle/test_companies.py::test_every_joined_row_is_what_the_design_says"],
    ),
    64: (
        "ids used again by others, names and hands that change",
        [
            "tests/steps/test_load.py::test_a_number_taken_over_does_not_merge_two_people",
            "tests/warehouse/test_merge.py::test_of_several_links_the_one_that_holds_on_the_day_counts",
            "tests/stories/test_stories.py::test_a_story",
            "tests/steps/test_decide.py::test_rows_that_waited_go_through_when_the_link_is_made_and_touch_just_their_days",
            "tests/steps/test_posting.py::test_a_transfer_counts_in_both_teams_from_the_day_on_which_it_is_read",
            "tests/steps/test_held_workflow.py::test_people_who_are_mended_take_the_rows_of_their_ids_along",
        ],
    ),
    65: (
        "make-up workdays, holidays, a year without a decree",
        [
            "tests/rules/test_calendar.py::test_kinds",
            "tests/rules/test_calendar.py::test_a_year_without_a_decree",
            "tests/quality/test_days.py::test_holidays_are_not_compared_nor_compared_with",
        ],
    ),
}  # fmt: skip
#: Sources 5 to 8, 10 to 12, 15, 19, 20; files as far as rows of JSON and CSV meet them; drift; meaning of the data.
CONCERN_A_ROW = {5, 6, 7, 8, 10, 11, 12, 15, 19, 20, 21, 22, 23, 24, 47, 60, 61, 62, 63, 64, 65}


@cache
def _tests_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_number_that_concerns_a_row_is_covered() -> None:
    assert COVERED.keys() == CONCERN_A_ROW


@pytest.mark.parametrize("number", COVERED)
def test_the_tests_of_a_number_are_there(number: int) -> None:
    what, named = COVERED[number]
    assert what
    assert named
    assert [one for one in named if one.partition("::")[2] not in _tests_of(one.partition("::")[0])] == []
