-- Versions beside their ingest: rebuilds, lists, restores, pruning.

-- name: rebuild_enqueue
-- One rebuild a document with a visible version, but where one is under way. `id` is how the new ids begin.
insert into jobs (id, organisation_id, collection_id, document_id, version_id, kind, queue, lane, traceparent, actor)
select :id || left(md5(gen_random_uuid()::text), 16), d.organisation_id, d.collection_id, d.id, d.version_id,
       'rebuild', 'reindex', 'bulk', :traceparent, :actor
from documents d
join collections c on c.organisation_id = d.organisation_id and c.id = d.collection_id and c.status = 'active'
where d.organisation_id = :organisation_id and d.collection_id = :collection_id
  and d.status <> 'deleting' and d.version_id is not null
  and (:document_ids::text[] is null or d.id = any(:document_ids::text[]))
  and not exists (select from jobs j where j.document_id = d.id and j.kind = 'rebuild'
                  and j.status in ('queued', 'running'))
returning id;

-- name: version_visible^
-- A version that its document shows, no row for another; asked under the collection's lock.
select v.shown_epoch
from versions v join documents d on d.id = v.document_id and d.version_id = v.id
where v.organisation_id = :organisation_id and v.id = :version_id and d.status <> 'deleting';

-- name: artefact_counted!
-- The segments of an artefact that was made anew, of every version that shares it.
update versions set segment_count = :segment_count
where organisation_id = :organisation_id and (id = :artefact_id or artefact_id = :artefact_id)
  and segment_count is not null;

-- name: versions_listed
-- What of a document can be restored or is shown, what is under way, and the newest if it failed; newest first.
select v.number, v.status, v.name, v.size_bytes, v.media_type, v.blob_sha256, v.metadata, v.verdict, v.warnings,
       v.chunk_count, v.restored_from, v.created_at, v.ready_at, v.id is not distinct from d.version_id as visible,
       v.ready_at is not null and v.id is distinct from d.version_id as restorable
from documents d
join versions v on v.organisation_id = d.organisation_id and v.document_id = d.id
where d.organisation_id = :organisation_id and d.id = :document_id and v.pruned_at is null and not v.outdated
  and (v.ready_at is not null or v.status in ('pending', 'processing')
       or (v.status = 'failed' and v.number = (select max(n.number) from versions n where n.document_id = d.id)))
order by v.number desc;

-- name: restore_hold^
-- The document, held against uploads into it; `document_id` is its internal id.
select id, public_id, version_id, name
from documents
where organisation_id = :organisation_id and collection_id = :collection_id and public_id = :public_id
  and status <> 'deleting'
for no key update;

-- name: restore_version^
-- A version of a held document, itself held against pruning.
select v.id, v.number, v.name, v.ready_at is not null and v.pruned_at is null and not v.outdated as restorable
from versions v
where v.organisation_id = :organisation_id and v.document_id = :document_id and v.number = :number
for share;

-- name: restore_add^
-- A new version like an older one, over the same artefact and bytes.
insert into versions (id, organisation_id, document_id, number, status, blob_sha256, size_bytes, media_type, name,
                      metadata, request_hash, verdict, warnings, segment_count, artefact_id, restored_from, source,
                      properties, reading)
select :id, v.organisation_id, v.document_id,
       (select max(n.number) + 1 from versions n where n.document_id = v.document_id), 'pending', v.blob_sha256,
       v.size_bytes, v.media_type, v.name, v.metadata, v.request_hash, v.verdict, v.warnings, v.segment_count,
       coalesce(v.artefact_id, v.id), v.number, v.source, v.properties, v.reading
from versions v
where v.organisation_id = :organisation_id and v.id = :version_id
returning number;

-- name: restore_enqueue!
insert into jobs (id, organisation_id, collection_id, document_id, version_id, kind, lane, traceparent, actor)
values (:id, :organisation_id, :collection_id, :document_id, :version_id, 'restore', :lane, :traceparent, :actor);

-- name: restore_note^
update documents set error = null, updated_at = now()
where organisation_id = :organisation_id and id = :document_id
returning status;

-- name: prune_mark!
-- After a version was shown: those behind the last three that were, and what failed among them, are kept no longer.
update versions v set outdated = true
where v.organisation_id = :organisation_id and v.document_id = :document_id and not v.outdated
  and v.status in ('ready', 'superseded', 'failed')
  and v.number < (select min(kept.number) from (
      select s.number from versions s
      where s.organisation_id = :organisation_id and s.document_id = :document_id and s.ready_at is not null
      order by s.number desc limit 3) kept
      having count(*) = 3);

-- name: prune_next^
-- One version to prune, of any organisation_id, for the janitor: not what is shown, nor what a job works from.
select v.id, v.organisation_id, v.blob_sha256, coalesce(v.artefact_id, v.id) as artefact_id
from versions v
where v.outdated and v.pruned_at is null
  and not exists (select from documents d where d.id = v.document_id and d.version_id = v.id)
  and not exists (select from jobs j where j.document_id = v.document_id and j.version_id = v.id
                  and j.status in ('queued', 'running'))
limit 1
for update of v skip locked;

-- name: prune_done!
update versions set pruned_at = now() where organisation_id = :organisation_id and id = :version_id;

-- name: prune_shared$
-- Whether a version that is kept needs the artefact.
select exists (select from versions where organisation_id = :organisation_id and id = :artefact_id
               and pruned_at is null)
    or exists (select from versions where organisation_id = :organisation_id and artefact_id = :artefact_id
               and pruned_at is null);
