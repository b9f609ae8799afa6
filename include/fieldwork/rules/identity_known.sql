-- Rows of ids that have a link: do they still describe the person whom the link names?
-- Grain: seq. Inputs: claim, person, ref.identity, :system, :today. Key: seq.
--
-- by hand (manual, file): the link says it; but a row with the number of somebody else who is known tells of that one.
-- One id that two rows of the read give to two employee numbers at the same time is nobody's until somebody decides.
-- A link that a rule made is asked again when the row contradicts it:
--   same     the number is the same, or the mobile number or e-mail is, or nothing speaks against it
--   other    another number, or all else differs, and hired after the person of the link had left or was hired
--   unclear  the rest: the link ends, rows wait
with twice as (
    select a.user_id, array_agg(distinct coalesce(p.employee_id, a.employee_no)) as candidates
    from claim as a
    join claim as b
        on a.user_id = b.user_id and a.employee_no <> b.employee_no
        and coalesce(a.hired_on, '-infinity') <= coalesce(b.left_on, 'infinity')
        and coalesce(b.hired_on, '-infinity') <= coalesce(a.left_on, 'infinity')
    left join person as p on a.employee_no = p.employee_no
    group by a.user_id
),

linked as (
    -- the link of the row's day, else the last one before it
    select distinct on (c.seq)
        c.seq,
        i.employee_id,
        i.rule in ('manual', 'file') as by_hand,
        coalesce(i.valid_to <= c.day, false) as ended,
        i.valid_to
    from claim as c
    join ref.identity as i on i.system = :system and c.user_id = i.external_id and c.day >= i.valid_from
    order by c.seq asc, i.valid_from desc
),

named as (
    -- of ids that are linked by hand: whom the row's number names
    select c.seq, min(coalesce(p.employee_id, i.employee_id)) as employee_id
    from claim as c
    left join person as p on c.employee_no = p.employee_no
    left join ref.identity as i
        on i.system = :system and c.user_id = i.external_id and c.employee_no = i.employee_id
        and i.rule in ('manual', 'file')
    group by c.seq
),

compared as (
    select
        c.seq,
        c.user_id,
        c.hired_on,
        linked.employee_id as was,
        coalesce(linked.by_hand and (c.employee_no = p.employee_no or c.employee_no = linked.employee_id), false) as own,
        case when linked.by_hand then named.employee_id end as named,
        linked.by_hand,
        linked.ended,
        linked.valid_to,
        twice.candidates,
        p.employee_id is not null as has_facts,
        p.last_day is not null as had_left,
        coalesce(c.employee_no = p.employee_no, false) as number_same,
        coalesce(c.employee_no <> p.employee_no, false) as number_differs,
        coalesce(c.mobile = p.mobile, false) or coalesce(c.email = p.email, false) as contact_same,
        coalesce(c.mobile <> p.mobile, false) or coalesce(c.email <> p.email, false) as contact_differs,
        coalesce(c.name = p.name, false) as name_same,
        coalesce(c.name <> p.name, false) as name_differs,
        coalesce(c.hired_on = p.hired_on, false) as hired_same,
        coalesce(c.hired_on > coalesce(p.last_day, p.hired_on), false) as hired_later
    from claim as c
    left join linked on c.seq = linked.seq
    left join twice on c.user_id = twice.user_id
    left join named on c.seq = named.seq
    left join person as p on linked.employee_id = p.employee_id
    where linked.seq is not null or twice.user_id is not null
),

judged as (
    select
        *,
        case
            when own or named is not null then 'same'
            when candidates is not null then 'claimed_twice'
            when by_hand and ended then 'outside_link'
            when by_hand and was is null then 'unlinked'
            when by_hand or not has_facts or contact_same then 'same'
            when number_differs and hired_later then 'other'
            when number_differs and (hired_same or name_same) then 'same'
            when number_differs then 'reused_or_renumbered'
            when hired_later and contact_differs and name_differs then 'other'
            when hired_later and had_left and name_differs then 'reused_or_renumbered'
            else 'same'
        end as verdict
    from compared
)

update claim as c
set
    state = case j.verdict when 'same' then 'known' when 'other' then 'new' else 'held' end,
    employee_id = case when j.verdict = 'same' then case when j.own then j.was else coalesce(j.named, j.was) end end,
    rule = case when j.verdict = 'same' then 'source' end,
    was = case when not j.by_hand then j.was end,
    since = case
        when j.verdict = 'other' then j.hired_on
        when j.verdict = 'same' and j.ended and not j.by_hand then j.valid_to
        when j.verdict in ('reused_or_renumbered', 'claimed_twice') and not j.by_hand and not j.ended
            then cast(:today as date)
    end,
    reason = case when j.verdict not in ('same', 'other') then j.verdict end,
    candidates = case j.verdict
        when 'claimed_twice' then j.candidates
        when 'reused_or_renumbered' then array[j.was]
        when 'outside_link' then array_remove(array[j.was], null)
        when 'unlinked' then array[]::text[]
    end
from judged as j
where c.seq = j.seq
