"""The published datasets as Airflow assets: what other teams' DAGs may wait for."""

from __future__ import annotations

from typing import Final

from airflow.sdk import Asset

ATTENDANCE_DAY: Final = Asset("fieldwork.attendance_day", uri="x-fieldwork://mart/attendance_day")
VISIT_CHECK: Final = Asset("fieldwork.visit_check", uri="x-fieldwork://mart/visit_check")
PERFORMANCE_DAY: Final = Asset("fieldwork.performance_day", uri="x-fieldwork://mart/performance_day")

#: updated together, in publish's one transaction
PUBLISHED: Final = [ATTENDANCE_DAY, VISIT_CHECK, PERFORMANCE_DAY]
