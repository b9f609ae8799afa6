-- Why a column has its value: the one table of explanations, an entry for every column of the joined tables.
-- A new column needs one entry here (tests/warehouse/test_explanations.py). Run whole after every migration.
--
-- rule: in words; {name} stands for a value of the row, of its day's attendance, of its shift or of the rules of its day.
-- sources: the kinds of source rows that the value is computed from, and no others: punch (those of the working day),
--   check_in (field punches that may speak for a visit), leave, visit, account (of the visits, and those that check-ins
--   without a visit are near), task, opportunity. Empty: from the plan and the calendar.
-- inputs: the values between, by the same names as in rule.
create or replace view report.explanation with (security_invoker = true) as
with entry (dataset, column_name, rule, sources, inputs) as (
    values
    -- attendance_day
    (
        'attendance_day', 'employee_id', 'The person whom the links of identity name as the owner of the punches.',
        '{}', '{}'
    ),
    (
        'attendance_day', 'work_date',
        'The working day: of a punch the day that the source states, else the day of the shift that it is compared with,'
        ' else the date, near a shift that touches midnight the shift''s.',
        '{}', '{}'
    ),
    (
        'attendance_day', 'calendar_kind',
        'What the company says of the date, else the decree: workday, rest, holiday or makeup.',
        '{}', '{work_date}'
    ),
    (
        'attendance_day', 'shift',
        'The shift that the roster plans (the date''s own line of roster.csv before the person''s, the team''s and the'
        ' company''s entry, of a pattern its turn on the date), or the one whose times the source compares the punches'
        ' with; none on a day that is not worked.',
        '{punch}', '{work_date}'
    ),
    (
        'attendance_day', 'shift_start',
        'When the shift begins (on a half workday its worked half), or the planned start that the source states.',
        '{punch}', '{shift}'
    ),
    (
        'attendance_day', 'shift_end',
        'When the shift ends (on a half workday its worked half), or the planned end that the source states; of a flexible'
        ' shift {required_minutes} minutes after first in, but not before the earliest end.',
        '{punch,leave}', '{shift,first_in,required_minutes}'
    ),
    (
        'attendance_day', 'first_in',
        'The earliest in or field punch of the working day, near-duplicates ({duplicate_seconds} s) left out.',
        '{punch}', '{duplicate_seconds}'
    ),
    (
        'attendance_day', 'last_out',
        'The latest out or field punch after first in, near-duplicates ({duplicate_seconds} s) left out.',
        '{punch}', '{first_in,duplicate_seconds}'
    ),
    (
        'attendance_day', 'punches',
        'Punches of the working day; those {duplicate_seconds} s or less after another count with it.',
        '{punch}', '{duplicate_seconds}'
    ),
    (
        'attendance_day', 'worked_minutes',
        'Whole minutes from first in to last out, less what the breaks take of them; 0 when one of them is missing. Of a'
        ' shift in {part_count} parts each by its own punches, added up.',
        '{punch}', '{first_in,last_out,shift}'
    ),
    (
        'attendance_day', 'late_minutes',
        'Whole minutes from the shift''s start to first in, when more than the grace of {grace_in_minutes}; else 0. Leave'
        ' that covers the start moves it to its end. Part by part; a part that nobody came to counts whole before the first'
        ' punch of the day. 0 on leave, when absent, on days off, and with irregular hours.',
        '{punch,leave}', '{shift_start,first_in,grace_in_minutes,leave_minutes,part_count,hours_system}'
    ),
    (
        'attendance_day', 'early_minutes',
        'Whole minutes from last out to the shift''s end, when more than the grace of {grace_out_minutes}; else 0. Leave'
        ' that covers the end moves it to its start. Part by part; a part that nobody came to counts whole after the first'
        ' punch of the day. 0 on leave, when absent, on days off, and with irregular hours.',
        '{punch,leave}', '{shift_end,last_out,grace_out_minutes,leave_minutes,part_count,hours_system}'
    ),
    (
        'attendance_day', 'overtime_minutes',
        'Whole minutes from the shift''s end to last out, when {overtime_tolerance_minutes} or more; on a day off all'
        ' minutes worked. 0 unless the hours system ({hours_system}) is standard.',
        '{punch,leave}', '{shift_end,last_out,overtime_tolerance_minutes,status,worked_minutes,hours_system}'
    ),
    (
        'attendance_day', 'leave_minutes',
        'Whole minutes of the shift that leave, trip or outing covers, the breaks left out.',
        '{punch,leave}', '{shift_start,shift_end}'
    ),
    (
        'attendance_day', 'trip_minutes',
        'Of {leave_minutes} leave minutes those that a trip or outing covers and no leave.',
        '{punch,leave}', '{leave_minutes}'
    ),
    (
        'attendance_day', 'planned_minutes',
        'Whole minutes of the shift less its breaks; 0 on a day that is not worked.',
        '{punch}', '{shift_start,shift_end,shift}'
    ),
    (
        'attendance_day', 'attended_minutes',
        '{planned_minutes} planned - {leave_minutes} on leave - {missed_minutes} missed; 0 on leave and on days off. Unknown'
        ' when a punch is missing, and with irregular hours.',
        '{punch,leave}', '{planned_minutes,leave_minutes,missed_minutes,status}'
    ),
    (
        'attendance_day', 'missed_minutes',
        'Planned minutes, leave and breaks left out, that lie before first in or after last out, part by part; all of them'
        ' when absent. Unknown when a punch is missing, and with irregular hours.',
        '{punch,leave}', '{shift_start,shift_end,first_in,last_out,planned_minutes,leave_minutes}'
    ),
    (
        'attendance_day', 'hours_system',
        'The hours system that is configured: the person''s before the team''s before the company''s, else standard.',
        '{}', '{work_date}'
    ),
    (
        'attendance_day', 'settlement',
        'Of comprehensive hours the period that the configuration settles them over.', '{}', '{hours_system}'
    ),
    (
        'attendance_day', 'norm_minutes',
        'Standard hours: {planned_minutes} planned. Comprehensive: the minutes of a day that the configuration counts on'
        ' every workday of the calendar, or those planned. Irregular: 0.',
        '{punch}', '{hours_system,calendar_kind,planned_minutes}'
    ),
    (
        'attendance_day', 'status',
        'The first that holds: holiday, rest (not worked, by the calendar or the roster), leave (nothing of the shift is'
        ' left), present with irregular hours, absent (no in and no out), incomplete (one of them missing), late, early,'
        ' present.',
        '{punch,leave}',
        '{calendar_kind,hours_system,first_in,last_out,late_minutes,early_minutes,leave_minutes,planned_minutes}'
    ),
    (
        'attendance_day', 'anomalies',
        'Names of what is odd about the day (rules.md tells each).',
        '{punch,leave}', '{punches,first_in,last_out,status,missed_minutes,long_span_minutes}'
    ),
    ('attendance_day', 'rule_version', 'The version of the rules that holds on the day.', '{}', '{work_date}'),
    ('attendance_day', 'published_at', 'When this version of the row was published.', '{}', '{}'),
    -- visit_check
    (
        'visit_check', 'employee_id', 'The person whom the links of identity name as the owner of the visit.',
        '{visit}', '{}'
    ),
    ('visit_check', 'visit_id', 'The CRM''s id of the visit; cancelled and deleted visits are not checked.', '{visit}', '{}'),
    ('visit_check', 'work_date', 'The local date of the planned start.', '{visit}', '{planned_start}'),
    ('visit_check', 'account_id', 'The customer, as the CRM has it.', '{visit}', '{}'),
    ('visit_check', 'planned_start', 'As the CRM has it.', '{visit}', '{}'),
    ('visit_check', 'planned_end', 'As the CRM has it.', '{visit}', '{}'),
    ('visit_check', 'actual_start', 'As the rep entered it in the CRM.', '{visit}', '{}'),
    ('visit_check', 'actual_end', 'As the rep entered it in the CRM.', '{visit}', '{}'),
    (
        'visit_check', 'record_id',
        'The check-in that speaks for the visit: the one that proves it in the best assignment of all visits and check-ins,'
        ' each check-in proving at most one visit; else, of those that prove none, the nearest in time and place.',
        '{visit,account,check_in}', '{verdict,minutes_off,distance_m}'
    ),
    (
        'visit_check', 'checked_in_at', 'When that check-in was made.',
        '{visit,account,check_in}', '{record_id}'
    ),
    (
        'visit_check', 'minutes_off', '0 inside the planned span, else whole minutes to its nearer end.',
        '{visit,account,check_in}', '{planned_start,planned_end,checked_in_at}'
    ),
    (
        'visit_check', 'distance_m', 'Metres from the check-in to the customer, on a sphere of WGS-84''s mean radius.',
        '{visit,account,check_in}', '{record_id}'
    ),
    (
        'visit_check', 'accuracy_m', 'The position''s own error, as the device states it, not below 0.',
        '{visit,account,check_in}', '{record_id}'
    ),
    (
        'visit_check', 'radius_m', 'The account''s own radius, else {default_radius_m} m.',
        '{visit,account}', '{default_radius_m}'
    ),
    (
        'visit_check', 'score',
        'The mean of two shares, neither below 0: 1 - minutes off / minutes that are in time, and'
        ' 1 - (distance - forgiven accuracy) / radius; a place that is unknown counts 0.',
        '{visit,account,check_in}',
        '{minutes_off,visit_before_minutes,visit_after_minutes,distance_m,accuracy_m,accuracy_cap_m,default_radius_m}'
    ),
    (
        'visit_check', 'verdict',
        'The first that holds: verified (a check-in in time, from {visit_before_minutes} minutes before to'
        ' {visit_after_minutes} minutes after, and in range, distance less at most {accuracy_cap_m} m of accuracy within'
        ' the account''s radius or {default_radius_m} m), off_schedule (in range, same working day), out_of_range (in time),'
        ' unverifiable (no position to compare), no_check_in.',
        '{visit,account,check_in}',
        '{minutes_off,distance_m,accuracy_m,visit_before_minutes,visit_after_minutes,default_radius_m,accuracy_cap_m}'
    ),
    (
        'visit_check', 'reason_code',
        'Why the verdict is {verdict}: what time, place and the check-in''s position say of it (rules.md tells each).',
        '{visit,account,check_in}', '{verdict,minutes_off,distance_m,radius_m,signals}'
    ),
    (
        'visit_check', 'reason', 'The verdict and its reason_code in a sentence.',
        '{visit,account,check_in}', '{verdict,reason_code,minutes_off,distance_m}'
    ),
    (
        'visit_check', 'signals',
        'What is odd about the check-in''s position, by itself, beside the customer, and beside the other check-ins of its'
        ' working day: an error above {poor_accuracy_m} m, a way faster than {speed_limit_kmh} km/h, and others (rules.md).',
        '{visit,account,check_in}', '{record_id,accuracy_m,poor_accuracy_m,speed_limit_kmh}'
    ),
    (
        'visit_check', 'stayed_minutes',
        'Whole minutes from the first to the last of the check-ins at the customer that follow one another on the working'
        ' day with none elsewhere in between, this one among them; unknown when there is one alone.',
        '{visit,account,check_in}', '{checked_in_at}'
    ),
    (
        'visit_check', 'stayed_at_most_minutes',
        'Whole minutes from the first of these check-ins to the next one elsewhere; unknown when none follows.',
        '{visit,account,check_in}', '{checked_in_at,stayed_minutes}'
    ),
    ('visit_check', 'rule_version', 'The version of the rules that holds on the day.', '{visit}', '{work_date}'),
    ('visit_check', 'published_at', 'When this version of the row was published.', '{}', '{}'),
    -- unmatched_check_in
    (
        'unmatched_check_in', 'employee_id', 'The person whom the links of identity name as the owner of the punch.',
        '{check_in}', '{}'
    ),
    (
        'unmatched_check_in', 'record_id',
        'A field check-in that proves no visit in the best assignment of all visits and check-ins; near-duplicates'
        ' ({duplicate_seconds} s) are told once.',
        '{visit,account,check_in}', '{duplicate_seconds}'
    ),
    (
        'unmatched_check_in', 'work_date', 'The working day that the check-in belongs to.',
        '{check_in}', '{checked_in_at}'
    ),
    ('unmatched_check_in', 'checked_in_at', 'As the attendance system has it.', '{check_in}', '{}'),
    (
        'unmatched_check_in', 'visit_id',
        'The visit that it comes nearest to proving: in time and in range, then in range on the day, then in time and at'
        ' most {nearby_m} m away, then in time further away, then in time with a place unknown; none when no visit is in'
        ' question.',
        '{visit,account,check_in}', '{nearby_m}'
    ),
    (
        'unmatched_check_in', 'account_id',
        'The customer of that visit, when the check-in is in range or at most {nearby_m} m away; else the known customer in'
        ' whose geofence it is, then the nearest one up to {nearby_m} m away.',
        '{visit,account,check_in}', '{visit_id,nearby_m,default_radius_m,accuracy_cap_m}'
    ),
    (
        'unmatched_check_in', 'distance_m', 'Metres from the check-in to that customer ({account_id}).',
        '{visit,account,check_in}', '{account_id}'
    ),
    (
        'unmatched_check_in', 'accuracy_m', 'The position''s own error, as the device states it, not below 0.',
        '{check_in}', '{}'
    ),
    (
        'unmatched_check_in', 'reason_code',
        'Why it proves nothing, the first that holds: a visit it was meant for is proven by another, was at another hour or'
        ' is too far; it is off plan at a customer; its place is unknown; the visit is too far or its customer has no'
        ' position; a customer is near, or none is (rules.md).',
        '{visit,account,check_in}', '{visit_id,account_id,distance_m,nearby_m}'
    ),
    (
        'unmatched_check_in', 'reason', 'The reason_code in a sentence.',
        '{visit,account,check_in}', '{reason_code,distance_m}'
    ),
    (
        'unmatched_check_in', 'signals',
        'What is odd about its position, by itself, beside customers, and beside the other check-ins of its working day: an'
        ' error above {poor_accuracy_m} m, a way faster than {speed_limit_kmh} km/h, and others (rules.md).',
        '{visit,account,check_in}', '{accuracy_m,poor_accuracy_m,speed_limit_kmh}'
    ),
    (
        'unmatched_check_in', 'rule_version', 'The version of the rules that holds on the day.',
        '{check_in}', '{work_date}'
    ),
    ('unmatched_check_in', 'published_at', 'When this version of the row was published.', '{}', '{}'),
    -- uncounted_punch
    (
        'uncounted_punch', 'employee_id', 'The person whom the links of identity name as the owner of the punch.',
        '{punch}', '{}'
    ),
    (
        'uncounted_punch', 'record_id', 'A punch whose working day is not one of employment: it counts nowhere.',
        '{punch}', '{reason}'
    ),
    (
        'uncounted_punch', 'work_date',
        'The working day that it would belong to: the day that the source states, else that of the shift it is compared'
        ' with, else the date, near a shift that touches midnight the shift''s.',
        '{punch}', '{punched_at}'
    ),
    ('uncounted_punch', 'punched_at', 'As the attendance system has it.', '{punch}', '{}'),
    ('uncounted_punch', 'kind', 'As the attendance system has it.', '{punch}', '{}'),
    (
        'uncounted_punch', 'reason',
        'before_hire when the day is before the person was hired, else after_leaving; both by the employee''s own dates.',
        '{punch}', '{work_date}'
    ),
    (
        'uncounted_punch', 'rule_version', 'The version of the rules that holds on the day.', '{punch}', '{work_date}'
    ),
    ('uncounted_punch', 'published_at', 'When this version of the row was published.', '{}', '{}'),
    -- performance_day
    (
        'performance_day', 'team',
        'The person''s team on the day, as the attendance system told it then or as somebody has set it right.', '{}', '{}'
    ),
    (
        'performance_day', 'manager_employee_id',
        'Whom the manager''s id in the attendance system means on the day, unless somebody has said who the manager was.',
        '{}', '{}'
    ),
    (
        'performance_day', 'planned_days', '1 when minutes are planned ({planned_minutes}), else 0.',
        '{punch}', '{planned_minutes}'
    ),
    (
        'performance_day', 'leave_days', '{leave_minutes} minutes of leave / {planned_minutes} planned, four decimals.',
        '{punch,leave}', '{leave_minutes,planned_minutes}'
    ),
    (
        'performance_day', 'exposure_minutes',
        '{planned_minutes} planned - {leave_minutes} on leave; 0 when absent, on leave, on rest days and holidays.',
        '{punch,leave}', '{planned_minutes,leave_minutes,status}'
    ),
    (
        'performance_day', 'duty_minutes',
        '{planned_minutes} planned - {leave_minutes} on leave; 0 when incomplete, on leave, on days off, and under irregular'
        ' hours ({hours_system}), where no hours are asked for.',
        '{punch,leave}', '{planned_minutes,leave_minutes,status,hours_system}'
    ),
    (
        'performance_day', 'duty_kept_minutes',
        '{duty_minutes} of duty - {late_minutes} late - {early_minutes} early, not below 0; 0 when absent.',
        '{punch,leave}', '{duty_minutes,late_minutes,early_minutes,status}'
    ),
    (
        'performance_day', 'visits_planned', 'Visits whose planned start falls on the day; not cancelled, not deleted.',
        '{visit}', '{}'
    ),
    (
        'performance_day', 'visits_done', 'Of these {visits_planned}, those that the CRM calls done.',
        '{visit}', '{visits_planned}'
    ),
    (
        'performance_day', 'visits_verified', 'Of these {visits_planned}, those whose verdict is verified.',
        '{visit,account,check_in}', '{visits_planned}'
    ),
    (
        'performance_day', 'tasks_due', 'Tasks due on the day; not cancelled, not deleted.',
        '{task}', '{}'
    ),
    (
        'performance_day', 'tasks_on_time', 'Of these {tasks_due}, those done before the day''s midnight.',
        '{task}', '{tasks_due}'
    ),
    (
        'performance_day', 'follow_ups', 'Tasks with a customer that were completed on the day.',
        '{task}', '{}'
    ),
    ('performance_day', 'opportunities_created', 'Opportunities created on the day.', '{opportunity}', '{}'),
    ('performance_day', 'opportunities_won', 'Opportunities closed on the day and won.', '{opportunity}', '{}'),
    (
        'performance_day', 'amount_won',
        'The sum of these {opportunities_won} in {company_currency}; an amount without a currency is in it.',
        '{opportunity}', '{opportunities_won,company_currency}'
    ),
    (
        'performance_day', 'amount_won_other', 'The sums of these {opportunities_won} in other currencies; nothing is converted.',
        '{opportunity}', '{opportunities_won,company_currency}'
    ),
    (
        'performance_day', 'performance_index',
        '100 x the weighted mean of {visits_verified} of {visits_planned} visits verified (weight {visits_weight}),'
        ' {tasks_on_time} of {tasks_due} tasks on time ({tasks_weight}), {duty_kept_minutes} of {duty_minutes} minutes of'
        ' duty kept ({attendance_weight}). A share of nothing is left out, and the others count for more.',
        '{punch,leave,visit,account,check_in,task}',
        '{visits_verified,visits_planned,visits_weight,tasks_on_time,tasks_due,tasks_weight,duty_kept_minutes,duty_minutes,'
        'attendance_weight}'
    )
)

select dataset, column_name, rule, sources::text[] as sources, inputs::text[] as inputs
from entry
union all
-- what performance_day carries over as it is
select 'performance_day', column_name, rule, sources::text[], inputs::text[]
from entry
where
    dataset = 'attendance_day'
    and column_name in (
        'employee_id', 'work_date', 'status', 'worked_minutes', 'late_minutes', 'early_minutes', 'overtime_minutes',
        'planned_minutes', 'leave_minutes', 'rule_version', 'published_at'
    );

comment on view report.explanation is 'Why a column has its value: the rule in words, and what it is computed from';
comment on column report.explanation.dataset is 'The joined table (mart)';
comment on column report.explanation.column_name is 'The column';
comment on column report.explanation.rule is
'The rule; {name} stands for a value of the row, its day, its shift or the rules of its day';
comment on column report.explanation.sources is
'Kinds of source rows that the value is computed from: punch, check_in, leave, visit, account, task, opportunity';
comment on column report.explanation.inputs is 'The values between: columns of the row, its day, its shift, its rules';
