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

create index jobs_listed on jobs (organisation_id, created_at desc, id desc);
create index jobs_dead on jobs (organisation_id, finished_at desc) where dead;
create index jobs_finished on jobs (finished_at) where finished_at is not null;

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
    primary key (job_id, number)
);

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
    add column pruned_at timestamptz;                     -- its bytes and artefact are gone: too many came after it
alter table versions add column outdated boolean not null default false;  -- too many came after it: it is to be pruned
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
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where ended_at is not null;

-- What was deleted and may still be written to by someone who was paused: looked for again, every day for a month.
create table tombstones (
    organisation_id text not null,
    collection_id text not null,
    document_id text not null default '',                 -- empty: the whole collection
    spaces jsonb not null,                                -- index spaces that may hold chunks of it
    removed_at timestamptz not null default now(),
    primary key (organisation_id, collection_id, document_id)
);
create index tombstones_by_age on tombstones (removed_at);
alter table organisations add column status text not null default 'active' check (status in ('active', 'deleting'));
