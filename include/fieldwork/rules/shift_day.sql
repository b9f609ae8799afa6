-- The kept hours of all shifts, made anew after shifts, rules or calendar have changed.
-- Grain: (shift, work_date, half). Inputs: ref.shift_hours. Key: as the grain.
insert into ref.shift_day
select * from ref.shift_hours
