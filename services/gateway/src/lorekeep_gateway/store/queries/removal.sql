-- Removal: hidden at once by the status, gone step by step. Only rows marked `deleting` are ever taken.

-- name: removal_hold_jobs
-- A document's jobs under way, locked before the document is: workers take them in this order too.
select j.id
from documents d join jobs j on j.organisation_id = d.organisation_id and j.document_id = d.id
where d.organisation_id = :organisation_id and d.collection_id = :collection_id and d.public_id = :public_id
  and d.status <> 'deleting' and j.status in ('queued', 'running')
order by j.id
for update of j;

-- name: removal_mark_document^
update documents set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and collection_id = :collection_id and public_id = :public_id
  and status <> 'deleting'
returning id;

-- name: removal_mark_collection^
update collections set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and id = :id and status = 'active'
returning id;

-- name: removal_cancel_jobs
-- Ends waiting and running jobs. A worker loses its token, so it can write no row any more; `lease_until` stays, since
-- until then it may still write to the index.
update jobs
set status = 'cancelled', cancel_requested = true, lease_token = null, finished_at = now(),
    error = jsonb_build_object('reason', 'deleted', 'message', 'The document was deleted.')
where organisation_id = :organisation_id and (:collection_id::text is null or collection_id = :collection_id)
  and (:document_ids::text[] is null or document_id = any(:document_ids::text[])) and status in ('queued', 'running')
returning id;

-- name: removal_leased$
-- Whether a worker may still take itself for the owner of one of these jobs.
select exists (select from jobs
               where organisation_id = :organisation_id and collection_id = :collection_id
                 and (:document_ids::text[] is null or document_id = any(:document_ids::text[]))
                 and lease_until > now());

-- name: removal_documents
-- Documents of a collection that is to go: at first those that nothing is inside of.
select id, public_id from documents
where organisation_id = :organisation_id and collection_id = :collection_id
  and not exists (select from documents k where k.parent_id = documents.id)
order by id
limit :limit;

-- name: removal_hold_document$
select id from documents where organisation_id = :organisation_id and id = :document_id for update;

-- name: removal_hold_collection$
select id from collections where organisation_id = :organisation_id and id = :id for update;

-- name: removal_versions
select id, blob_sha256 from versions where organisation_id = :organisation_id and document_id = :document_id;

-- name: removal_blob_shared$
select exists (select from versions
               where organisation_id = :organisation_id and blob_sha256 = :sha256 and document_id <> :document_id
                 and pruned_at is null)
    or exists (select from attachments a
               join versions v on v.organisation_id = a.organisation_id and v.id = a.version_id
               where a.organisation_id = :organisation_id and a.blob_sha256 = :sha256
                 and v.document_id <> :document_id);

-- name: removal_unlink!
update documents set version_id = null, updated_at = now()
where organisation_id = :organisation_id and id = :document_id and version_id is not null;

-- name: removal_job_rows$
with gone as (delete from jobs where organisation_id = :organisation_id and document_id = :document_id returning id)
select count(*) from gone;

-- name: removal_version_rows!
delete from versions where organisation_id = :organisation_id and document_id = :document_id;

-- name: removal_document_row!
delete from documents where organisation_id = :organisation_id and id = :document_id;

-- name: removal_upload_paths
-- Where the parts of uploads into a collection lie.
select p.path
from uploads u join upload_parts p on p.upload_id = u.id
where u.organisation_id = :organisation_id and u.collection_id = :id;

-- name: removal_document_tombstones!
-- The collection's own tombstone stands for them.
delete from tombstones where organisation_id = :organisation_id and collection_id = :id and document_id <> '';

-- name: removal_flip_rows!
delete from flips where organisation_id = :organisation_id and collection_id = :id;

-- name: removal_collection_unlink!
update collections set generation_id = null where organisation_id = :organisation_id and id = :id;

-- name: removal_generation_rows!
delete from generations where organisation_id = :organisation_id and collection_id = :id;

-- name: removal_collection_row!
delete from collections where organisation_id = :organisation_id and id = :id and status = 'deleting';

-- name: removal_left_documents
-- Of every organisation_id, for the janitor. What is inside of another goes with that one.
select d.organisation_id, d.collection_id, d.id
from documents d
join collections c on c.organisation_id = d.organisation_id and c.id = d.collection_id and c.status = 'active'
where d.status = 'deleting' and d.updated_at <= now() - make_interval(secs => :older_than_seconds)
  and not exists (select from jobs j where j.organisation_id = d.organisation_id and j.collection_id = d.collection_id
                  and j.document_id = d.id and j.lease_until > now())
  and not exists (select from documents p where p.id = d.parent_id and p.status = 'deleting')
order by d.updated_at
limit :limit;

-- name: removal_left_collections
-- Of every organisation_id, for the janitor.
select c.organisation_id, c.id
from collections c
join organisations o on o.id = c.organisation_id and o.status = 'active'
where c.status = 'deleting' and c.updated_at <= now() - make_interval(secs => :older_than_seconds)
  and not exists (select from jobs j where j.organisation_id = c.organisation_id and j.collection_id = c.id
                  and j.lease_until > now())
order by c.updated_at
limit :limit;

-- name: removal_left_organisations
-- For the janitor, at once: whoever marks one leaves the rest to it. The tombstone tells since when.
select o.id
from organisations o
join tombstones t on t.organisation_id = o.id and t.collection_id = '' and t.document_id = ''
where o.status = 'deleting'
order by t.removed_at
limit :limit;
