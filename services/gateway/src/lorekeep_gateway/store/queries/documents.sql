-- Documents as the public side shows them: with the visible version, or the newest where none was ever ready.

-- name: documents_page
select d.id, d.public_id, d.name, d.status, d.metadata, d.error, d.created_at, d.updated_at, d.collection_id,
       d.kind, coalesce(v.source, d.source) as source,
       v.id as version_id, v.id = d.version_id as visible, v.number, v.blob_sha256, v.size_bytes, v.media_type,
       v.verdict, v.warnings, v.chunk_count, v.properties, v.segment_count, coalesce(v.artefact_id, v.id) as artefact_id,
       (select p.public_id from documents p where p.id = d.parent_id) as parent,
       (select count(*) from documents k where k.parent_id = d.id and k.status <> 'deleting') as children_count
from documents d
left join lateral (
    select * from versions v
    where v.organisation_id = d.organisation_id and v.document_id = d.id
    order by v.id is not distinct from d.version_id desc, v.number desc
    limit 1
) v on true
where d.organisation_id = :organisation_id and d.collection_id = :collection_id and d.status <> 'deleting'
  and (:status::text is null or d.status = :status)
  and (:kind::text is null or d.kind = :kind)
  and (:parent_id::text is null or d.parent_id = :parent_id)
  and (:before::text is null or d.id < :before)
order by d.id desc
limit :limit;

-- name: document_shown^
select d.id, d.public_id, d.name, d.status, d.metadata, d.error, d.created_at, d.updated_at, d.collection_id,
       d.kind, coalesce(v.source, d.source) as source,
       v.id as version_id, v.id = d.version_id as visible, v.number, v.blob_sha256, v.size_bytes, v.media_type,
       v.verdict, v.warnings, v.chunk_count, v.properties, v.segment_count, coalesce(v.artefact_id, v.id) as artefact_id,
       (select p.public_id from documents p where p.id = d.parent_id) as parent,
       (select count(*) from documents k where k.parent_id = d.id and k.status <> 'deleting') as children_count
from documents d
left join lateral (
    select * from versions v
    where v.organisation_id = d.organisation_id and v.document_id = d.id
    order by v.id is not distinct from d.version_id desc, v.number desc
    limit 1
) v on true
where d.organisation_id = :organisation_id and d.collection_id = :collection_id and d.public_id = :public_id
  and d.status <> 'deleting';

-- name: documents_alive
-- Which of these documents may still be shown.
select d.id
from documents d
where d.organisation_id = :organisation_id and d.id = any(:ids::text[]) and d.status <> 'deleting';
