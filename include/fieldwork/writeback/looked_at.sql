-- The receipts that asked for another look have had it.
-- Grain: one row of ops.receipt. Input: ops.receipt. Parameters: system, kind.
update ops.receipt
set look_again = false
where system = :system and kind = :kind and look_again
