-- What one attempt came to.
-- Grain: one row of ops.webhook_event. Inputs: the outcome. Keys: event_id.
update ops.webhook_event
set
    attempts = attempts + 1,
    failures = failures + :failed,
    state = :state,
    status = :status,
    problem = :problem,
    called_at = clock_timestamp(),
    due_at = clock_timestamp() + make_interval(secs => cast(:wait_s as double precision)),
    settled_at = case when :state <> 'waiting' then clock_timestamp() end
where event_id = :event_id
