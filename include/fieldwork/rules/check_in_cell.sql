-- Notes in which cell of the grid each check-in lies whose row names a customer by nearness, or none: an account that
-- becomes known or moves there finds the person-days to judge again (steps/touch/accounts.sql).
-- Grain: (employee_id, record_id). Inputs: free_check_in. Rows of check-ins that prove a visit by now stay: harmless.
insert into place.check_in_cell (employee_id, record_id, work_date, punched_at, cell)
select
    employee_id,
    record_id,
    working_day,
    punched_at,
    (floor((latitude + 90) * 200) * 72000 + floor((longitude + 180) * 200))::bigint
from free_check_in
where no_place is null and not meant
order by employee_id, record_id
on conflict (employee_id, record_id) do update
    set work_date = excluded.work_date, punched_at = excluded.punched_at, cell = excluded.cell
    where (check_in_cell.work_date, check_in_cell.cell) is distinct from (excluded.work_date, excluded.cell)
