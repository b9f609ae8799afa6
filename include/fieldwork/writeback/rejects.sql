-- Records that the CRM refused and that are not tried again until they change, newest first.
-- Grain and key: (system, kind, key). Input: ops.receipt. Parameters: kind, code (null = any), limit.
select
    system,
    kind,
    key,
    code,
    message,
    answered_at,
    payload is not null as in_crm
from ops.receipt
where
    not ok
    and refused_hash is not null
    and (cast(:kind as text) is null or kind = :kind)
    and (cast(:code as text) is null or code = :code)
order by answered_at desc, key asc
limit :limit
