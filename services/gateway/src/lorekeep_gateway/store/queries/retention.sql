-- What is kept for a while and then forgotten, in portions, so that no delete holds locks for long. Of every
-- organisation: these are the janitor's.

-- name: forget_jobs^
-- Ended jobs with their runs, never the newest of a document: it says how the document came to be as it is. Looks at a
-- portion behind `finished_at` and `id`, gives where the next one begins, null at the end.
with looked as (
    select id, finished_at from jobs
    where finished_at < now() - :job_retention_days * interval '1 day'
      and (finished_at, id) > (:finished_at::timestamptz, :id::text)
    order by finished_at, id limit :limit
),
old as (
    select j.id from looked join jobs j using (id)
    where j.status in ('succeeded', 'failed', 'cancelled')
      and exists (select from jobs later where later.document_id = j.document_id
                  and (later.created_at, later.id) > (j.created_at, j.id))
      and not exists (select from flips f where f.job_id = j.id)
    for update of j skip locked
),
gone as (delete from jobs using old where jobs.id = old.id returning jobs.id)
select (select count(*) from gone) as gone, last.finished_at, last.id
from (select) one left join (select * from looked order by finished_at desc, id desc limit 1) last on true;

-- name: forget_ended_deliveries$
with old as (
    select id from webhook_deliveries where ended_at < now() - :job_retention_days * interval '1 day'
    order by ended_at limit :limit
    for update skip locked
),
gone as (delete from webhook_deliveries w using old where w.id = old.id returning w.id)
select count(*) from gone;

-- name: forget_audit$
-- The one place that takes from the audit log: what is too old of its first rows, which are its oldest.
with old as (
    select id from (select id, occurred_at from audit_logs order by id limit :limit) first
    where occurred_at < now() - :audit_retention_days * interval '1 day'
),
gone as (delete from audit_logs a using old where a.id = old.id returning a.id)
select count(*) from gone;
