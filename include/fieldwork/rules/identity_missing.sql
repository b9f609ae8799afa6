-- People whom a full read lacks, and people who are back in it.
-- Grain: one row per employee whose presence changed. Inputs: incoming (this read), :system.
update core.employee as e
set missing_since = case when e.missing_since is null then now() end
where
    e.system = :system
    and (e.missing_since is null) <> exists (select 1 from incoming as i where i.user_id = e.user_id)
