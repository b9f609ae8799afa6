-- Records that stand in the CRM as we want them are refused no more, whoever mended them.
-- Grain: one row of ops.receipt. Inputs: ops.outbox (outbox_ids), ops.receipt. Parameter: outbox_ids.
update ops.receipt
set ok = true, code = null, message = null, refused_hash = null, refused_fields = null
from ops.outbox as o
where
    o.outbox_id = any(cast(:outbox_ids as bigint[]))
    and o.state = 'same'
    and receipt.system = o.system
    and receipt.kind = o.kind
    and receipt.key = o.key
    and not receipt.ok
