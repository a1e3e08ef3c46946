-- Ingest that cannot lose, hang or lie: kinds of jobs and their history, versions that share an artefact, sources,
-- uploads in parts, webhooks with their deliveries, workers, chores, and tombstones of what was deleted.

-- Every change that a caller can see counts one up, so that a stream of events can be gone on with from any instance.
alter table jobs
    add column kind text not null default 'ingest' check (kind in ('ingest', 'restore', 'rebuild')),
    add column revision bigint not null default 1,
    add column parsed jsonb not null default '{}',        -- counters behind the last segment that was kept
    add column parse_state bytea,                         -- the parser's state there
    add column stage_seconds jsonb not null default '{}', -- time spent in each stage, over all runs
    add column run_count integer not null default 0;      -- runs begun so far, each a row of job_runs

create function count_job_revision() returns trigger language plpgsql as $$
begin
    if (new.status, new.stage, new.attempt, new.dead, new.cancel_requested, new.progress, new.warnings, new.error)
        is distinct from
       (old.status, old.stage, old.attempt, old.dead, old.cancel_requested, old.progress, old.warnings, old.error)
    then
        new.revision := old.revision + 1;
    end if;
    return new;
end $$;
create trigger job_revision before update on jobs for each row execute function count_job_revision();

create index jobs_by_state on jobs (queue, status, dead);
create index jobs_listed on jobs (organisation_id, created_at desc, id desc);
create index jobs_leased on jobs (organisation_id, collection_id, document_id) where lease_until is not null;
create index jobs_dead on jobs (organisation_id, finished_at desc) where dead;
create index jobs_finished on jobs (finished_at) where finished_at is not null;
create index jobs_succeeded on jobs (organisation_id, finished_at desc) where status = 'succeeded';

-- One claim of a job: who had it, how far it came, how it ended. `outcome` is null while it goes on.
create table job_runs (
    job_id text not null references jobs on delete cascade,
    organisation_id text not null,
    number integer not null check (number > 0),
    worker text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'put_back', 'handed_back', 'lease_lost')),
    stage text,
    error jsonb,
    progress_before jsonb not null default '{}',           -- the job's progress when the run began, for its own pace
    primary key (job_id, number)
);

-- The history of a job keeps itself: a claim counts `run_count` up and begins a run, whatever ends the claim ends it.
-- A job that is claimed from its worker ended for that worker when its lease ran out; one that is put back says why,
-- one that is handed back has no error.
create function keep_job_runs() returns trigger language plpgsql as $$
begin
    update job_runs set
        outcome = case when new.status = 'running' then 'lease_lost'
                       when new.status <> 'queued' then new.status
                       when new.error is null then 'handed_back'
                       else 'put_back' end,
        ended_at = case when new.status = 'running' then old.lease_until else now() end,
        stage = case when new.status = 'running' then old.stage else new.stage end,
        error = case when new.status <> 'running' then new.error end
    where job_id = new.id and outcome is null;
    if new.run_count > old.run_count then
        insert into job_runs (job_id, organisation_id, number, worker, progress_before)
        values (new.id, new.organisation_id, new.run_count, new.worker, new.progress);
    end if;
    return null;
end $$;
create trigger job_runs after update of status, run_count on jobs for each row
    when (new.run_count > old.run_count or (old.status = 'running' and new.status <> 'running'))
    execute function keep_job_runs();

-- Worker processes, by a heartbeat. Rows of those that went are cleared some time later.
create table workers (
    name text primary key,
    version text not null,
    concurrency integer not null,
    running integer not null default 0,
    draining boolean not null default false,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);

-- What one process of all does from time to time: the daily reconciliation and the like.
create table chores (
    name text primary key,
    lease_token uuid,
    lease_until timestamptz,
    last_began_at timestamptz,
    last_ended_at timestamptz,
    result jsonb
);

-- A version that was restored shares the artefact of the one it was restored from; null for one's own.
alter table versions
    add column artefact_id text,
    add column restored_from integer check (restored_from > 0),
    add column pruned_at timestamptz,                     -- its bytes and artefact are gone: too many came after it
    add column shown_epoch bigint,                        -- the epoch at which it appeared; null: never, or before this
    add column outdated boolean not null default false,   -- too many came after it: it is to be pruned
    add column source jsonb;                              -- as the document's, of this version; null: the document's
create index versions_outdated on versions (id) where outdated and pruned_at is null;
create index versions_by_artefact on versions (organisation_id, artefact_id) where artefact_id is not null;

-- Where a document comes from. `source` holds what its kind needs: {"question", "answer"} or {"url", ...}.
alter table documents
    add column kind text not null default 'file' check (kind in ('file', 'text', 'qna', 'website')),
    add column source jsonb not null default '{}';
create index documents_by_kind on documents (collection_id, kind, id) where kind <> 'file' and status <> 'deleting';

-- Uploads in parts, until they are completed, given up, or forgotten.
create table uploads (
    id text primary key,
    organisation_id text not null,
    collection_id text not null,
    actor text not null,
    name text not null,
    size_bytes bigint not null check (size_bytes > 0),
    part_bytes integer not null check (part_bytes > 0),
    sha256 text,                                          -- what the whole must have, where the caller said
    public_id text not null default '',
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    foreign key (organisation_id, collection_id) references collections (organisation_id, id) on delete cascade
);
create index uploads_by_collection on uploads (organisation_id, collection_id, id);
create index uploads_by_expiry on uploads (expires_at);

create table upload_parts (
    upload_id text not null references uploads on delete cascade,
    number integer not null check (number > 0),
    size_bytes integer not null,
    sha256 text not null,
    path text not null,
    primary key (upload_id, number)
);

-- Who wants to be told when jobs end. The secret signs, so it is kept as it is; it is shown once.
create table webhooks (
    id text primary key,
    organisation_id text not null,
    workspace_id text not null,
    collection_id text,                                   -- null: every collection of the workspace
    url text not null,
    secret text not null,
    events text[] not null,
    active boolean not null default true,
    failed_in_row integer not null default 0,             -- deliveries given up since one arrived or it was activated
    sending_until timestamptz,                            -- a delivery of it is being sent: one at a time
    actor text not null,
    created_at timestamptz not null default now(),
    unique (organisation_id, id),
    foreign key (organisation_id, workspace_id) references workspaces (organisation_id, id),
    foreign key (organisation_id, collection_id) references collections (organisation_id, id) on delete cascade
);
create index webhooks_by_workspace on webhooks (organisation_id, workspace_id, id);

-- Written in the transaction of what they tell of; sent, and sent again, by the ingest role.
create table webhook_deliveries (
    id text primary key,
    organisation_id text not null,
    webhook_id text not null,
    event text not null,
    payload jsonb not null,
    status text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed')),
    attempt integer not null default 0,
    next_at timestamptz not null default now(),
    lease_until timestamptz,
    response_status integer,
    error text,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    foreign key (organisation_id, webhook_id) references webhooks (organisation_id, id) on delete cascade
);
create index webhook_deliveries_listed on webhook_deliveries (webhook_id, created_at desc, id desc);
create index webhook_deliveries_waiting on webhook_deliveries (next_at) where status = 'waiting';
create index webhook_deliveries_owed on webhook_deliveries (webhook_id, next_at) where status = 'waiting';
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;

-- What was done is never rewritten, whoever asks; rows go when they are a year old.
alter table audit_logs add column detail jsonb not null default '{}';
create function guard_audit_log() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.occurred_at < now() - interval '365 days' then
        return old;
    end if;
    raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_log_append_only before update or delete on audit_logs
    for each row execute function guard_audit_log();

-- What was deleted and may still be written to by someone who was paused: looked for again, every day for a month.
create table tombstones (
    organisation_id text not null,
    collection_id text not null,
    document_id text not null default '',                 -- empty: the whole collection; both empty: the organisation
    spaces jsonb not null,                                -- index spaces that may hold chunks of it
    removed jsonb not null default '{}',                  -- the receipt so far: counts per store, over all tries
    removed_at timestamptz not null default now(),
    primary key (organisation_id, collection_id, document_id)
);
create index tombstones_by_age on tombstones (removed_at);
alter table organisations add column status text not null default 'active' check (status in ('active', 'deleting'));

-- The one place that says which way a job's status goes. A waiting job succeeds where the flip that its worker left
-- open is finished by another.
create function guard_job_status() returns trigger language plpgsql as $$
begin
    if not (case old.status
                when 'queued' then new.status in ('running', 'succeeded', 'failed', 'cancelled')
                when 'running' then new.status in ('queued', 'succeeded', 'failed', 'cancelled')
                when 'failed' then new.status = 'queued'
                when 'cancelled' then new.status = 'queued'
                else false
            end)
    then
        raise exception 'job % cannot go from % to %', old.id, old.status, new.status using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger job_status before update of status on jobs for each row
    when (old.status <> new.status) execute function guard_job_status();

-- Whoever ends a job, in the same transaction each webhook that wants to know gets a delivery; not of what is being
-- deleted.
create function tell_job_end() returns trigger language plpgsql as $$
begin
    insert into webhook_deliveries (id, organisation_id, webhook_id, event, payload)
    select 'dlv_' || replace(gen_random_uuid()::text, '-', ''), w.organisation_id, w.id, 'job.' || new.status,
           jsonb_build_object(
               'event', 'job.' || new.status, 'job_id', new.id, 'collection_id', new.collection_id,
               'document_id', d.public_id, 'version', v.number, 'status', new.status, 'dead', new.dead,
               'error', new.error, 'warnings', new.warnings, 'finished_at', coalesce(new.finished_at, now()))
    from documents d
    join versions v on v.organisation_id = d.organisation_id and v.id = new.version_id
    join collections c on c.organisation_id = d.organisation_id and c.id = d.collection_id and c.status = 'active'
    join organisations o on o.id = d.organisation_id and o.status = 'active'
    join webhooks w on w.organisation_id = d.organisation_id and w.workspace_id = c.workspace_id and w.active
                    and coalesce(w.collection_id, c.id) = c.id and 'job.' || new.status = any(w.events)
    where d.organisation_id = new.organisation_id and d.id = new.document_id and d.status <> 'deleting';
    return null;
end $$;
create trigger job_end after update of status on jobs for each row
    when (old.status <> new.status and new.status in ('succeeded', 'failed', 'cancelled'))
    execute function tell_job_end();
