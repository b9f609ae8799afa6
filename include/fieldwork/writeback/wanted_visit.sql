-- What the CRM's visits should say about their check-ins, into pg_temp.wanted.
-- Grain and key: one row per visit that was judged (mart.visit_check); key = the CRM's own id of the visit.
-- A visit that is gone from mart, because it was cancelled or deleted, has no row: nothing is sent for it.
-- left_out: fields that the configuration does not map.
insert into pg_temp.wanted (key, payload)
select
    visit_id as key,
    jsonb_build_object(
        'checkin_verdict', verdict,
        'checkin_at', to_char(checked_in_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'checkin_minutes_off', minutes_off,
        'checkin_reason', reason
    ) - cast(:left_out as text[]) as payload
from mart.visit_check
