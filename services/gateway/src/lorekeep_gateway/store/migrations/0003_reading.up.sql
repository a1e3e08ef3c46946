-- How a collection's documents are read and cut, what documents say of themselves, documents inside of documents.

-- What was asked for at the collection: {"strategy", "preset", "max_tokens", "overlap_tokens", "min_tokens"}; what is
-- left out follows the model. A generation keeps what it was built with.
alter table collections
    add column chunking jsonb not null default '{}',
    add column reading jsonb not null default '{}';       -- {"strategy", "languages", "attachments"}
alter table generations
    add column chunk_strategy text not null default 'by_title'
        check (chunk_strategy in ('by_title', 'recursive', 'fixed', 'markdown', 'semantic', 'hierarchical')),
    add column prefix text not null default '';           -- the model's prompt before each passage: it counts

-- {"title", "authors", "created_at", "modified_at", "subject", "keywords"}
alter table versions add column properties jsonb not null default '{}';

-- What was asked for with the one document, over its collection's: {"strategy", "languages"}
alter table versions add column reading jsonb not null default '{}';
alter table uploads add column reading jsonb not null default '{}';

-- A mail's attachment or an archive's member is a document of its own that goes with its parent.
alter table documents
    add column parent_id text,
    add constraint documents_parent foreign key (organisation_id, parent_id) references documents (organisation_id, id);
create index documents_by_parent on documents (parent_id, id) where parent_id is not null;

-- What was found inside of a version, written while it is read; made documents of once all of it was read.
create table attachments (
    organisation_id text not null,
    version_id text not null,
    ordinal integer not null check (ordinal >= 0),
    name text not null,
    media_type text not null,
    blob_sha256 text not null,
    size_bytes bigint not null check (size_bytes > 0),
    document_id text,                                      -- null until the document was made
    primary key (version_id, ordinal),
    foreign key (organisation_id, version_id) references versions (organisation_id, id) on delete cascade
);
create index attachments_by_blob on attachments (organisation_id, blob_sha256);
