-- The house: organisations down to versions, keys, jobs, flips. Every row carries its organisation.
-- Ids are text with a prefix that names their kind (org_, ws_, usr_, key_, col_, gen_, doc_, ver_, job_).

create table organisations (
    id text primary key,
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    created_at timestamptz not null default now()
);

create table workspaces (
    id text primary key,
    organisation_id text not null references organisations,
    name text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    created_at timestamptz not null default now(),
    unique (organisation_id, name),
    unique (organisation_id, id)
);

create table users (
    id text primary key,
    name text not null unique,
    instance_admin boolean not null default false,
    created_at timestamptz not null default now()
);

create table memberships (
    organisation_id text not null references organisations,
    user_id text not null references users,
    role text not null check (role in ('owner', 'admin', 'editor', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (organisation_id, user_id)
);

-- A key acts for its owner and carries groups. Only the SHA-256 of its 256-bit secret is kept.
create table api_keys (
    id text primary key,
    organisation_id text not null,
    workspace_id text not null,
    owner_id text not null,
    name text not null,
    secret_sha256 bytea not null check (octet_length(secret_sha256) = 32),
    groups text[] not null default '{}',
    scopes text[] not null check (scopes <@ array['search', 'ingest', 'manage', 'admin', 'act_as']),
    collection_ids text[],               -- null: all of the workspace
    rate_limited boolean not null default true,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    replaced_by text references api_keys,
    foreign key (organisation_id, owner_id) references memberships (organisation_id, user_id),
    foreign key (organisation_id, workspace_id) references workspaces (organisation_id, id)
);
create index api_keys_by_organisation on api_keys (organisation_id, created_at);

create table collections (
    id text primary key,
    organisation_id text not null,
    workspace_id text not null,
    name text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$' and name !~ '^col_'),
    status text not null default 'active' check (status in ('active', 'deleting')),
    metadata_schema jsonb not null default '{}',
    epoch bigint not null default 0,
    generation_id text,                  -- the live one; null until the first document is indexed
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (organisation_id, id),
    foreign key (organisation_id, workspace_id) references workspaces (organisation_id, id)
);
create unique index collections_by_name on collections (workspace_id, name) where status = 'active';
create index collections_by_workspace on collections (organisation_id, workspace_id, id) where status = 'active';
create index collections_by_update on collections (organisation_id, updated_at) where status = 'active';

-- One build of a collection's index by one embedding model and chunking.
create table generations (
    id text primary key,
    organisation_id text not null,
    collection_id text not null,
    model text not null,
    fingerprint text not null,
    tokenizer_fingerprint text not null,
    dimensions integer not null check (dimensions > 0),
    distance text not null check (distance in ('cosine', 'dot')),
    max_tokens integer not null,
    overlap_tokens integer not null,
    min_tokens integer not null,
    status text not null check (status in ('building', 'live', 'retired')),
    created_at timestamptz not null default now(),
    unique (organisation_id, id),
    foreign key (organisation_id, collection_id) references collections (organisation_id, id)
);
create unique index generations_live on generations (collection_id) where status = 'live';
alter table collections add foreign key (organisation_id, generation_id) references generations (organisation_id, id);

create table documents (
    id text primary key,
    organisation_id text not null,
    collection_id text not null,
    public_id text not null check (length(public_id) between 1 and 255),  -- the caller's own where one was given
    name text not null,
    status text not null check (status in ('draft', 'pending', 'processing', 'ready', 'failed', 'deleting')),
    metadata jsonb not null default '{}',
    version_id text,                     -- the visible one; null until one was ready
    content_preview text not null default '',
    error jsonb,                         -- {"reason", "message"}
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (organisation_id, id),
    foreign key (organisation_id, collection_id) references collections (organisation_id, id)
);
create unique index documents_by_public_id on documents (collection_id, public_id) where status <> 'deleting';
create index documents_listed on documents (collection_id, id) where status <> 'deleting';
create index documents_by_status on documents (collection_id, status, updated_at);
create index documents_left on documents (updated_at) where status = 'deleting';

create table versions (
    id text primary key,
    organisation_id text not null,
    document_id text not null,
    number integer not null check (number > 0),
    status text not null check (status in ('pending', 'processing', 'ready', 'failed', 'superseded')),
    blob_sha256 text not null,
    size_bytes bigint not null,
    media_type text not null,
    name text not null,
    metadata jsonb not null default '{}',
    request_hash text not null,          -- SHA-256 over bytes and metadata, for skips and idempotency
    verdict jsonb,
    warnings jsonb not null default '[]',
    chunk_count integer,
    segment_count integer,
    indexed boolean not null default false,  -- chunks of it may lie in the index
    created_at timestamptz not null default now(),
    ready_at timestamptz,
    retired_at timestamptz,                  -- when it was superseded or failed: its chunks are swept some time later
    unique (document_id, number),
    unique (organisation_id, id),
    foreign key (organisation_id, document_id) references documents (organisation_id, id)
);
alter table documents add foreign key (organisation_id, version_id) references versions (organisation_id, id);
create index versions_by_blob on versions (organisation_id, blob_sha256);
create index versions_to_sweep on versions (retired_at) where indexed and status in ('superseded', 'failed');

-- The queue. A claim sets lease_token; every later write carries it and fails without it.
create table jobs (
    id text primary key,
    organisation_id text not null,
    collection_id text not null,
    document_id text not null,
    version_id text not null,
    queue text not null default 'document_processing' check (queue in ('document_processing', 'reindex', 'maintenance')),
    lane text not null default 'bulk' check (lane in ('interactive', 'bulk')),
    status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    stage text check (stage in ('fetch', 'parse', 'chunk', 'embed', 'index', 'flip')),
    attempt integer not null default 0,
    dead boolean not null default false,
    progress jsonb not null default '{}',    -- {"pages_done", "pages_total", "chunks_indexed"}
    checkpoint jsonb not null default '{}',  -- counters; the segments lie in the blob store
    resume_state bytea,
    warnings jsonb not null default '[]',
    error jsonb,                             -- {"reason", "message"}
    traceparent text,
    actor text not null,                     -- key that asked for it
    cancel_requested boolean not null default false,
    lease_token uuid,
    lease_until timestamptz,
    worker text,
    run_after timestamptz not null default now(),
    deadline_at timestamptz,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    unique (organisation_id, id),
    foreign key (organisation_id, document_id) references documents (organisation_id, id),
    foreign key (organisation_id, version_id) references versions (organisation_id, id),
    check (status <> 'running' or (lease_token is not null and lease_until is not null))
);
create index jobs_waiting on jobs (organisation_id, lane desc, created_at, id) where status = 'queued';
create index jobs_running on jobs (organisation_id) where status = 'running';
create index jobs_leases on jobs (lease_until) where status = 'running';
create index jobs_by_document on jobs (document_id, created_at);

-- The open intent of a flip, at most one a collection. Whoever takes the collection's lock first finishes or undoes it.
create table flips (
    collection_id text primary key,
    organisation_id text not null,
    epoch bigint not null,                   -- E + 1
    versions jsonb not null,                 -- [{"document_id", "version_id", "previous_version_id"}]
    job_id text not null,
    created_at timestamptz not null default now(),
    foreign key (organisation_id, collection_id) references collections (organisation_id, id)
);

-- Answers to calls with an Idempotency-Key, kept 24 hours.
create table idempotency_keys (
    organisation_id text not null references organisations,
    key text not null check (length(key) between 1 and 255),
    request_hash text not null,
    response jsonb,                          -- null while the first call is under way
    http_status integer,
    created_at timestamptz not null default now(),
    primary key (organisation_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Append-only for the application: no code updates or deletes here.
create table audit_logs (
    id bigint generated always as identity primary key,
    organisation_id text not null,
    occurred_at timestamptz not null default now(),
    event_type text not null,
    actor text not null,
    target text not null default '',
    success boolean not null,
    address text not null default '',
    trace_id text not null default ''
);
create index audit_logs_by_organisation on audit_logs (organisation_id, occurred_at);
create index audit_logs_by_actor on audit_logs (actor, occurred_at) where actor <> '';
