-- Days on which a changed opportunity was created or closed. Grain: (employee_id, work_date). Input: delta, both sides.
insert into touch (employee_id, work_date)
select employee_id, (created_at at time zone :zone)::date from delta where created_at is not null
union
select employee_id, closed_on from delta where closed_on is not null
