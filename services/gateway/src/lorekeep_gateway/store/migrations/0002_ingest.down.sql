drop trigger job_runs on jobs;
drop trigger job_end on jobs;
drop trigger job_status on jobs;
drop function tell_job_end, guard_job_status, keep_job_runs;
alter table organisations drop column status;
drop trigger audit_log_append_only on audit_logs;
drop function guard_audit_log;
alter table audit_logs drop column detail;
drop table tombstones, webhook_deliveries, webhooks, upload_parts, uploads, chores, workers, job_runs;
drop index documents_by_kind, versions_by_artefact, jobs_succeeded, jobs_finished, jobs_dead, jobs_listed,
    jobs_leased, jobs_by_state;
alter table documents drop column source, drop column kind;
drop index versions_outdated;
alter table versions
    drop column shown_epoch, drop column outdated, drop column source, drop column pruned_at, drop column restored_from, drop column artefact_id;
drop trigger job_revision on jobs;
drop function count_job_revision;
alter table jobs
    drop column run_count, drop column stage_seconds, drop column parse_state, drop column parsed,
    drop column revision, drop column kind;
