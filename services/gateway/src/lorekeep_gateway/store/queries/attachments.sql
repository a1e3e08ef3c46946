-- Documents inside of documents: what was found in a version, and the documents that are made of it.

-- name: attachment_family^
-- Where a document stands among those that are inside of each other: how deep it lies, how many lie below the outermost
-- one, how many bytes their newest versions have; and the same of those that lie below the document itself.
with recursive up as (
    select d.id, d.parent_id, 0 as height from documents d
    where d.organisation_id = :organisation_id and d.id = :document_id
    union all
    select p.id, p.parent_id, up.height + 1
    from up join documents p on p.organisation_id = :organisation_id and p.id = up.parent_id
),
below as (
    select id, true as root, false as inside from up where parent_id is null
    union all
    select d.id, false, below.inside or below.id = :document_id
    from below join documents d on d.organisation_id = :organisation_id and d.parent_id = below.id
    where d.status <> 'deleting'
)
select (select max(height) from up) as depth, count(*) filter (where not root) as documents,
       coalesce(sum(newest.size_bytes) filter (where not root), 0)::bigint as size_bytes,
       count(*) filter (where inside) as documents_inside,
       coalesce(sum(newest.size_bytes) filter (where inside), 0)::bigint as size_inside_bytes
from below
left join lateral (
    select v.size_bytes from versions v
    where v.organisation_id = :organisation_id and v.document_id = below.id
    order by v.number desc limit 1
) newest on true;

-- name: attachment_keep!
-- Under the lease of the version's job. A version that is read again finds the same at the same place.
insert into attachments as a (organisation_id, version_id, ordinal, name, media_type, blob_sha256, size_bytes)
values (:organisation_id, :version_id, :ordinal, :name, :media_type, :blob_sha256, :size_bytes)
on conflict (version_id, ordinal) do update
set name = excluded.name, media_type = excluded.media_type, blob_sha256 = excluded.blob_sha256,
    size_bytes = excluded.size_bytes;

-- name: attachments_counted$
-- Forgets what an earlier reading found behind the last one; gives how many there are.
with gone as (
    delete from attachments
    where organisation_id = :organisation_id and version_id = :version_id and ordinal >= :count
)
select count(*) from attachments
where organisation_id = :organisation_id and version_id = :version_id and ordinal < :count;

-- name: children_parent^
-- A version that is being shown, if there is anything to do about documents inside of it. The lane, the caller and the
-- trace are those of the job that brought it; a version that was restored has what the first of its artefact has.
select d.id, d.public_id, d.collection_id, d.organisation_id, coalesce(v.artefact_id, v.id) as artefact_id, v.metadata,
       v.reading, j.lane, j.actor, j.traceparent
from documents d
join versions v on v.organisation_id = d.organisation_id and v.id = :version_id and v.document_id = d.id
join jobs j on j.organisation_id = d.organisation_id and j.id = :job_id
where d.organisation_id = :organisation_id and d.id = :document_id and d.status <> 'deleting'
  and (exists (select from documents k where k.parent_id = d.id and k.status <> 'deleting')
       or exists (select from attachments a where a.version_id = coalesce(v.artefact_id, v.id)));

-- name: attachments_of
select ordinal, name, media_type, blob_sha256, size_bytes from attachments
where organisation_id = :organisation_id and version_id = :version_id
order by ordinal;

-- name: children_hold_jobs
-- The jobs under way of the documents inside of one, locked before the documents are: workers take them in this order.
select j.id
from documents d join jobs j on j.organisation_id = d.organisation_id and j.document_id = d.id
where d.organisation_id = :organisation_id and d.parent_id = :parent_id and d.status <> 'deleting'
  and j.status in ('queued', 'running')
order by j.id
for update of j;

-- name: children_hold
-- The documents inside of one, locked against uploads into them until the transaction ends.
select id from documents
where organisation_id = :organisation_id and parent_id = :parent_id and status <> 'deleting'
order by id
for no key update;

-- name: children_newest
-- The documents inside of one, each with its newest version and that one's latest job, as `upload_newest`.
select d.id as document_id, d.public_id, d.kind, v.status, v.blob_sha256, v.media_type, v.name, v.metadata,
       v.reading, j.status as job_status, coalesce(j.cancel_requested, false) as cancel_requested
from documents d
join lateral (
    select * from versions v
    where v.organisation_id = d.organisation_id and v.document_id = d.id
    order by v.number desc
    limit 1
) v on true
left join lateral (
    select * from jobs j
    where j.organisation_id = d.organisation_id and j.document_id = d.id and j.version_id = v.id
    order by j.created_at desc
    limit 1
) j on true
where d.organisation_id = :organisation_id and d.parent_id = :parent_id and d.status <> 'deleting'
order by d.id;

-- name: children_taken
-- Those of these ids that documents have which are not inside of this one.
select public_id from documents
where organisation_id = :organisation_id and collection_id = :collection_id and public_id = any(:public_ids::text[])
  and status <> 'deleting' and parent_id is distinct from :parent_id;

-- name: children_add
-- New documents inside of one; fewer come back where another took an id meanwhile.
insert into documents (id, organisation_id, collection_id, public_id, name, status, metadata, parent_id)
select each.id, :organisation_id, :collection_id, each.public_id, each.name, 'pending', :metadata, :parent_id
from unnest(:ids::text[], :public_ids::text[], :names::text[]) as each (id, public_id, name)
order by each.id
on conflict (collection_id, public_id) where status <> 'deleting' do nothing
returning id;

-- name: children_changed!
-- What is visible of them stays as it is until their next versions are.
update documents
set status = case when version_id is null then 'pending' else status end, error = null, updated_at = now(),
    kind = 'file', source = '{}'
where organisation_id = :organisation_id and id = any(:ids::text[]);

-- name: children_versions!
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      metadata, reading, source, request_hash)
select each.id, :organisation_id, each.document_id,
       coalesce((select max(v.number) from versions v where v.organisation_id = :organisation_id
                 and v.document_id = each.document_id), 0) + 1,
       'pending', each.blob_sha256, each.size_bytes, each.media_type, each.name, :metadata, :reading, '{}',
       each.request_hash
from unnest(:ids::text[], :document_ids::text[], :hashes::text[], :sizes::bigint[], :media_types::text[],
            :names::text[], :request_hashes::text[])
     as each (id, document_id, blob_sha256, size_bytes, media_type, name, request_hash);

-- name: children_jobs!
insert into jobs (id, organisation_id, collection_id, document_id, version_id, lane, traceparent, actor)
select each.id, :organisation_id, :collection_id, each.document_id, each.version_id, :lane, :traceparent, :actor
from unnest(:ids::text[], :document_ids::text[], :version_ids::text[]) as each (id, document_id, version_id);

-- name: attachments_made!
update attachments a set document_id = each.document_id
from unnest(:ordinals::integer[], :document_ids::text[]) as each (ordinal, document_id)
where a.organisation_id = :organisation_id and a.version_id = :version_id and a.ordinal = each.ordinal;

-- name: attachments_left!
-- Found, but more than may be: no document is made of them, and nothing holds their bytes.
delete from attachments
where organisation_id = :organisation_id and version_id = :version_id and ordinal = any(:ordinals::integer[]);

-- name: attachments_warned!
update versions set warnings = warnings || to_jsonb(:warning::text)
where organisation_id = :organisation_id and id = :version_id;

-- name: attachments_pruned
-- What the artefact's version had found is kept no longer.
delete from attachments where organisation_id = :organisation_id and version_id = :version_id returning blob_sha256;

-- name: removal_attachment_blobs
select distinct a.blob_sha256
from versions v join attachments a on a.organisation_id = v.organisation_id and a.version_id = v.id
where v.organisation_id = :organisation_id and v.document_id = :document_id;

-- name: removal_hold_jobs_below
-- The jobs under way of documents inside of these, locked before the documents are: workers take them in this order.
with recursive below as (
    select id from documents where organisation_id = :organisation_id and parent_id = any(:document_ids::text[])
    union all
    select d.id from below join documents d on d.organisation_id = :organisation_id and d.parent_id = below.id
)
select j.id
from below join jobs j on j.organisation_id = :organisation_id and j.document_id = below.id
where j.status in ('queued', 'running')
order by j.id
for update of j;

-- name: removal_mark_below
-- Hides the documents inside of these. One that was being given further ones meanwhile is waited for, so this is
-- repeated until nothing is left.
with recursive below as (
    select id from documents where organisation_id = :organisation_id and parent_id = any(:document_ids::text[])
    union all
    select d.id from below join documents d on d.organisation_id = :organisation_id and d.parent_id = below.id
)
update documents d set status = 'deleting', updated_at = now()
from below
where d.organisation_id = :organisation_id and d.id = below.id and d.status <> 'deleting'
returning d.id;

-- name: removal_mark
update documents set status = 'deleting', updated_at = now()
where organisation_id = :organisation_id and id = any(:document_ids::text[]) and status <> 'deleting'
returning id;

-- name: removal_family
-- A document with all that is inside of it, the innermost first.
with recursive family as (
    select id, public_id, 0 as depth from documents
    where organisation_id = :organisation_id and collection_id = :collection_id and id = :document_id
    union all
    select d.id, d.public_id, family.depth + 1
    from family join documents d on d.organisation_id = :organisation_id and d.parent_id = family.id
)
select id, public_id from family order by depth desc, id limit :limit;
