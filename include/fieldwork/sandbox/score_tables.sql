-- Grain: one table per part of the truth. Inputs: none. Keys: (employee_id, work_date); visit_id.
-- They live as long as the transaction, in the session of the scorer alone.
create temporary table truth_attendance (
    employee_id text not null,
    user_id text not null,
    work_date date not null,
    status text not null,
    late_minutes bigint not null,
    early_minutes bigint not null,
    worked_minutes bigint not null,
    first_in timestamptz,
    last_out timestamptz,
    primary key (employee_id, work_date)
) on commit drop;

create temporary table truth_visits (
    visit_id text not null primary key,
    employee_id text not null,
    work_date date not null,
    verdict text not null,
    user_id text,
    checked_in_at timestamptz
) on commit drop;

create temporary table truth_checkins (
    employee_id text not null,
    user_id text not null,
    punched_at timestamptz not null,
    visit_id text,
    account_id text,
    spoilt text
) on commit drop;
