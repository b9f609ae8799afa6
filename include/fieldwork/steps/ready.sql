-- Held rows of a stream that may go through: the newest of each record, when its owner is known on its day and, where
-- the suite holds rows of unknown customers, its customer too.
-- Grain: quarantine_id, by system. Inputs: waiting, ops.quarantine, ref.identity, core.account, core.employee; :stream,
-- :customer (rows wait for it), :system and :external_id (null: every id).
--
-- Rows about people are asked of the attendance system again and again; one is let through only where somebody has
-- decided by hand whose the id is or was, and only the row that gives that person's number, if there are several.
with owned as (
    select
        w.quarantine_id,
        w.system,
        w.external_id,
        i.employee_id,
        i.rule,
        line.content ->> 'account_id' as account_id,
        line.content ->> 'employee_no' as employee_no,
        coalesce(line.content ->> 'deleted', 'false') = 'true' as gone,
        count(*) over (partition by w.system, w.external_id) as rows_of_id
    from waiting as w
    join ops.quarantine as q on w.quarantine_id = q.quarantine_id
    cross join lateral (select coalesce(q.mended, q.payload) as content) as line
    join ref.identity as i
        on w.system = i.system and w.external_id = i.external_id
        and (
            w.day >= i.valid_from and w.day < coalesce(i.valid_to, 'infinity')
            or w.stream = 'employees' and i.employee_id = line.content ->> 'employee_no'
        )
    where
        w.stream = :stream and w.turn = 1 and q.status = 'held' and i.employee_id is not null
        and (
            cast(:system as text) is null
            or w.system = cast(:system as text) and w.external_id = cast(:external_id as text)
        )
)

select distinct o.system, o.quarantine_id
from owned as o
where
    (
        not :customer or o.account_id is null or o.gone
        or exists (select from core.account as a where a.system = o.system and a.account_id = o.account_id)
    )
    and (
        :stream <> 'employees'
        or o.rule in ('manual', 'file')
        and (
            o.rows_of_id = 1 or o.employee_no = o.employee_id
            or exists (
                select from core.employee as e where e.employee_id = o.employee_id and e.employee_no = o.employee_no
            )
        )
    )
order by o.system, o.quarantine_id
