-- Days on which a changed task was due or completed. Grain: (employee_id, work_date). Input: delta, both sides.
insert into touch (employee_id, work_date)
select employee_id, due_on from delta where due_on is not null
union
select employee_id, (completed_at at time zone :zone)::date from delta where completed_at is not null
