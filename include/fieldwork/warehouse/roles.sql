-- Roles, made anew after every migration. `fieldwork_reader` is what `fieldwork sql` reads as: it sees the joined
-- dataset, the ledger and the reference tables; no coordinates, no quarantined rows, no payloads for the CRM.
-- A server on which we may not create roles keeps working: `fieldwork sql` then says that it reads as the login itself.
do $$
begin
    if not exists (select 1 from pg_roles where rolname = 'fieldwork_reader') then
        begin
            create role fieldwork_reader nologin;
        exception
            when insufficient_privilege then
                return;
            when duplicate_object or unique_violation then
                null; -- another database of this server was migrated at the same moment
        end;
    end if;
    grant usage on schema core, ref, mart, report, ops to fieldwork_reader;
    grant select on all tables in schema core, ref, mart, report to fieldwork_reader;
    grant select on
        ops.run, ops.step, ops.batch, ops.slice, ops.watermark, ops.touched, ops.check_result, ops.batch_day,
        ops.batch_field, ops.known_field, ops.replay, ops.reconcile_total, ops.reconcile_finding, ops.identity_review
    to fieldwork_reader;
    grant select (
        quarantine_id, batch_id, system, stream, key, rule, reason, status, seen, set_aside_at, settled_at
    ) on ops.quarantine to fieldwork_reader;
    grant select on ops.write_batch, ops.write_mark to fieldwork_reader;
    grant select (
        event_id, quarantine_id, at, was, status, columns
    ) on ops.quarantine_event to fieldwork_reader;
    grant select (
        system, kind, key, ok, crm_id, code, message, look_again, outbox_id, answered_at
    ) on ops.receipt to fieldwork_reader;
    grant select (
        outbox_id, run_id, write_batch_id, system, kind, key, day, operation, correction, rank, state, existed, job,
        attempts, written_at, called_at, settled_at
    ) on ops.outbox to fieldwork_reader;
    grant select (
        conflict_id, system, kind, key, field, reason, state, resolution, write_batch_id, found_at, seen_at, settled_at
    ) on ops.conflict to fieldwork_reader;
    grant select on ops.webhook_endpoint, ops.webhook_mark to fieldwork_reader;
    grant select (
        event_id, endpoint, webhook_id, run_id, kind, key, work_date, changed, occurred_at, state, attempts, failures,
        replays, due_at, status, problem, written_at, called_at, settled_at
    ) on ops.webhook_event to fieldwork_reader;
end
$$;
