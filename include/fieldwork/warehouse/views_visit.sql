-- What analysts read about visits and check-ins. Views hold no data: this file is run whole after every migration, before
-- views.sql, which gives the columns the comments of the tables that they come from.

create or replace view report.visit_check with (security_invoker = true) as
select
    c.employee_id,
    e.employee_no,
    e.name,
    p.team,
    c.visit_id,
    c.work_date,
    c.account_id,
    a.name as account,
    c.planned_start,
    c.planned_end,
    c.actual_start,
    c.actual_end,
    c.record_id,
    c.checked_in_at,
    c.minutes_off,
    c.distance_m,
    c.accuracy_m,
    c.radius_m,
    c.score,
    c.verdict,
    c.reason_code,
    c.reason,
    case c.reason_code
        when 'on_site' then timely.zh || '签到，距客户 ' || round(c.distance_m) || ' 米。'
        when 'too_early' then '签到时距客户 ' || round(c.distance_m) || ' 米，但' || timely.zh || '。'
        when 'too_late' then '签到时距客户 ' || round(c.distance_m) || ' 米，但' || timely.zh || '。'
        when 'too_far'
            then timely.zh || '签到，但距客户 ' || round(c.distance_m) || ' 米；有效范围 ' || round(c.radius_m) || ' 米。'
        when 'customer_not_located' then 'CRM 中没有该客户的位置，无法比对。'
        when 'check_in_not_located' then timely.zh || '签到，但没有位置。'
        when 'null_island' then timely.zh || '签到，但位置是 (0, 0)，等于没有位置。'
        when 'out_of_bounds' then timely.zh || '签到，但位置超出经纬度范围。'
        when 'position_incomplete' then timely.zh || '签到，但位置缺少经度或纬度。'
        when 'swapped_position' then timely.zh || '签到，但经纬度颠倒。'
        when 'check_in_taken' then '符合条件的签到都已证明其他拜访。'
        when 'no_check_in'
            then '从计划开始前 ' || r.visit_before_minutes || ' 分钟到计划结束后 ' || r.visit_after_minutes
                || ' 分钟没有签到。'
    end as reason_zh,
    c.signals,
    c.stayed_minutes,
    c.stayed_at_most_minutes,
    c.rule_version,
    c.published_at
from mart.visit_check as c
left join core.employee as e on c.employee_id = e.employee_id
left join mart.performance_day as p on c.employee_id = p.employee_id and c.work_date = p.work_date
left join core.account as a on c.account_id = a.account_id
left join ref.rule_version as r on c.rule_version = r.version
cross join lateral (
    select
        case
            when c.minutes_off = 0 then '在计划时间内'
            when c.checked_in_at < c.planned_start then '比计划开始早 ' || c.minutes_off || ' 分钟'
            else '比计划结束晚 ' || c.minutes_off || ' 分钟'
        end as zh
) as timely;

create or replace view report.unproven_visit with (security_invoker = true) as
select
    v.employee_id,
    v.employee_no,
    v.name,
    v.team,
    v.visit_id,
    v.work_date,
    v.account_id,
    v.account,
    v.planned_start,
    v.planned_end,
    v.record_id,
    v.checked_in_at,
    v.verdict,
    v.reason_code,
    v.reason,
    v.reason_zh,
    v.signals,
    near.work_date as off_plan_on
from report.visit_check as v
left join lateral (
    -- a visit that was moved to another day leaves its check-in behind
    select u.work_date
    from mart.unmatched_check_in as u
    where
        u.employee_id = v.employee_id and u.account_id = v.account_id and u.reason_code = 'off_plan'
        and u.work_date between v.work_date - 14 and v.work_date + 14
    order by abs(u.work_date - v.work_date), u.work_date
    limit 1
) as near on true
where v.verdict <> 'verified';

create or replace view report.unmatched_check_in with (security_invoker = true) as
select
    u.employee_id,
    e.employee_no,
    e.name,
    p.team,
    u.record_id,
    u.work_date,
    u.checked_in_at,
    u.account_id,
    a.name as account,
    owner.employee_id = u.employee_id as own_customer,
    u.distance_m,
    u.accuracy_m,
    u.visit_id,
    u.reason_code,
    u.reason,
    case u.reason_code
        when 'already_proven' then '距某次拜访的客户 ' || round(u.distance_m) || ' 米，该拜访已由另一次签到证明。'
        when 'other_hour' then '距某次拜访的客户 ' || round(u.distance_m) || ' 米，但不在其时间内。'
        when 'off_plan' then '计划外：距一个客户 ' || round(u.distance_m) || ' 米，此时没有对该客户的拜访。'
        when 'too_far' then '时间符合某次拜访，但不在其客户的有效范围内。'
        when 'customer_not_located' then '时间符合某次拜访，但 CRM 中没有其客户的位置。'
        when 'near_customer' then '此时没有拜访；最近的客户距 ' || round(u.distance_m) || ' 米。'
        when 'no_customer_near' then '此时没有拜访，' || round(r.nearby_m) || ' 米内没有客户。'
        when 'check_in_not_located' then '签到没有位置。'
        when 'null_island' then '位置是 (0, 0)，等于没有位置。'
        when 'out_of_bounds' then '位置超出经纬度范围。'
        when 'position_incomplete' then '位置缺少经度或纬度。'
        when 'swapped_position' then '经纬度颠倒。'
    end as reason_zh,
    u.signals,
    near.visit_id as moved_visit_id,
    near.work_date as moved_visit_on,
    u.rule_version,
    u.published_at
from mart.unmatched_check_in as u
left join core.employee as e on u.employee_id = e.employee_id
left join mart.performance_day as p on u.employee_id = p.employee_id and u.work_date = p.work_date
left join core.account as a on u.account_id = a.account_id
left join ref.identity as owner
    on a.system = owner.system and a.owner_id = owner.external_id
    and u.work_date >= owner.valid_from and u.work_date < coalesce(owner.valid_to, 'infinity')
left join ref.rule_version as r on u.rule_version = r.version
left join lateral (
    -- where a check-in is off plan, the visit may have been moved to another day
    select c.visit_id, c.work_date
    from mart.visit_check as c
    where
        u.reason_code = 'off_plan' and c.employee_id = u.employee_id and c.account_id = u.account_id
        and c.verdict <> 'verified' and c.work_date <> u.work_date
        and c.work_date between u.work_date - 14 and u.work_date + 14
    order by abs(c.work_date - u.work_date), c.work_date, c.visit_id
    limit 1
) as near on true;

create or replace view report.off_plan_visit with (security_invoker = true) as
select
    u.employee_id,
    max(u.employee_no) as employee_no,
    max(u.name) as name,
    max(u.team) as team,
    u.work_date,
    u.account_id,
    max(u.account) as account,
    bool_or(u.own_customer) as own_customer,
    min(u.checked_in_at) as first_check_in_at,
    max(u.checked_in_at) as last_check_in_at,
    count(*) as check_ins,
    case
        when count(*) > 1 then floor(extract(epoch from max(u.checked_in_at) - min(u.checked_in_at)) / 60)::integer
    end as stayed_minutes,
    min(u.distance_m) as nearest_m,
    max(u.moved_visit_id) as moved_visit_id,
    max(u.moved_visit_on) as moved_visit_on
from report.unmatched_check_in as u
where u.reason_code = 'off_plan'
group by u.employee_id, u.work_date, u.account_id;

create or replace view report.rescheduled_visit with (security_invoker = true) as
with version as (
    select employee_id, visit_id, account_id, work_date, planned_start, verdict, believed_until
    from mart.visit_check_history
    union all
    select employee_id, visit_id, account_id, work_date, planned_start, verdict, 'infinity'
    from mart.visit_check
),

followed as (
    select
        v.*,
        lead(planned_start) over later as next_start,
        lead(work_date) over later as next_date,
        lead(verdict) over later as next_verdict
    from version as v
    window later as (partition by visit_id order by believed_until)
)

select
    f.employee_id,
    e.employee_no,
    e.name,
    p.team,
    f.visit_id,
    f.account_id,
    a.name as account,
    f.work_date as moved_from_date,
    f.planned_start as moved_from,
    f.next_date as moved_to_date,
    f.next_start as moved_to,
    f.verdict as verdict_before,
    f.next_verdict as verdict_after,
    f.believed_until as moved_at
from followed as f
left join core.employee as e on f.employee_id = e.employee_id
left join mart.performance_day as p on f.employee_id = p.employee_id and f.work_date = p.work_date
left join core.account as a on f.account_id = a.account_id
where f.next_start <> f.planned_start;

create or replace view ref.location_signal with (security_invoker = true) as
select *
from (
    values
    ('accuracy_negative', 'The device says that the position is not valid', '设备表示位置无效'),
    ('accuracy_poor', 'The position admits an error so large that it tells little', '位置误差过大，参考价值低'),
    ('accuracy_zero', 'The position claims to have no error at all', '位置声称没有误差'),
    ('impossible_travel', 'Too far from the check-in before for the time between them', '与上一次签到相距太远，时间内无法到达'),
    ('null_island', 'The position is (0, 0): none', '位置是 (0, 0)，等于没有位置'),
    ('out_of_bounds', 'The position is no place on Earth: none', '位置超出经纬度范围，等于没有位置'),
    ('position_incomplete', 'Latitude or longitude is missing: none', '缺少经度或纬度，等于没有位置'),
    ('repeated_position', 'The same to the last digit as at an earlier check-in of the day', '与当天较早的一次签到位置完全相同'),
    ('swapped_position', 'Fits a customer only with latitude and longitude exchanged: none', '经纬度对调后才符合客户位置，等于没有位置')
) as told (signal, meaning, meaning_zh);

create or replace view report.location_signal with (security_invoker = true) as
with seen as (
    select employee_id, work_date, record_id, checked_in_at, signals
    from mart.visit_check
    where signals <> '{}'
    union
    select employee_id, work_date, record_id, checked_in_at, signals
    from mart.unmatched_check_in
    where signals <> '{}'
)

select distinct
    s.employee_id,
    e.employee_no,
    e.name,
    p.team,
    s.work_date,
    s.record_id,
    s.checked_in_at,
    one.signal,
    told.meaning,
    told.meaning_zh
from seen as s
cross join unnest(s.signals) as one (signal)
left join ref.location_signal as told on one.signal = told.signal
left join core.employee as e on s.employee_id = e.employee_id
left join mart.performance_day as p on s.employee_id = p.employee_id and s.work_date = p.work_date;

comment on view report.visit_check is 'One row per visit that was not cancelled: was the person there';
comment on view report.unproven_visit is 'Visits that no check-in proves, and why';
comment on view report.unmatched_check_in is
'Field check-ins that prove no visit: the customer at the place, and why each proves nothing';
comment on view report.off_plan_visit is
'Customers that were visited without a plan: their check-ins that are off plan, one row a person, day and customer';
comment on view report.rescheduled_visit is
'Visits whose planned start was changed after they had been published, one row a change';
comment on view report.location_signal is
'What is odd about the positions of check-ins, one row a check-in and signal: evidence, no verdict on anybody';
comment on column report.visit_check.account is 'The customer''s name';
comment on column report.visit_check.reason_zh is 'The verdict in a Chinese sentence';
comment on column report.unproven_visit.account is 'The customer''s name';
comment on column report.unproven_visit.reason_zh is 'The verdict in a Chinese sentence';
comment on column report.unproven_visit.off_plan_on is
'The nearest day within two weeks on which the person checked in at the customer off plan; null = none';
comment on column report.unmatched_check_in.account is 'The customer''s name';
comment on column report.unmatched_check_in.own_customer is
'The CRM says that the person owns the customer, as its user is linked on the day; null = it names no owner that we know';
comment on column report.unmatched_check_in.reason_zh is 'Why it proves nothing, in a Chinese sentence';
comment on column report.unmatched_check_in.moved_visit_id is
'An unproven visit to the customer on another day within two weeks: the plan may have been moved; null = none';
comment on column report.unmatched_check_in.moved_visit_on is 'The day for which that visit is planned now';
comment on column report.off_plan_visit.account is 'The customer''s name';
comment on column report.off_plan_visit.own_customer is 'As in unmatched_check_in';
comment on column report.off_plan_visit.first_check_in_at is 'The first check-in there';
comment on column report.off_plan_visit.last_check_in_at is 'The last check-in there';
comment on column report.off_plan_visit.check_ins is 'Check-ins there';
comment on column report.off_plan_visit.nearest_m is 'Metres from the nearest of them to the customer, WGS-84';
comment on column report.off_plan_visit.moved_visit_id is 'As in unmatched_check_in';
comment on column report.off_plan_visit.moved_visit_on is 'As in unmatched_check_in';
comment on column report.rescheduled_visit.account is 'The customer''s name';
comment on column report.rescheduled_visit.moved_from_date is 'The day for which it was planned before';
comment on column report.rescheduled_visit.moved_from is 'The planned start before';
comment on column report.rescheduled_visit.moved_to_date is 'The day for which it was planned then';
comment on column report.rescheduled_visit.moved_to is 'The planned start then';
comment on column report.rescheduled_visit.verdict_before is 'The verdict before';
comment on column report.rescheduled_visit.verdict_after is 'The verdict then';
comment on column report.rescheduled_visit.moved_at is 'When the change was published';
comment on column report.location_signal.signal is 'The signal''s name (ref.location_signal)';
comment on column report.location_signal.meaning is 'What it says';
comment on column report.location_signal.meaning_zh is 'What it says, in Chinese';
comment on view ref.location_signal is 'The names of what may be odd about a check-in''s position, and what they say';
comment on column ref.location_signal.signal is 'The name, as in the columns signals';
comment on column ref.location_signal.meaning is 'What it says';
comment on column ref.location_signal.meaning_zh is 'What it says, in Chinese';
