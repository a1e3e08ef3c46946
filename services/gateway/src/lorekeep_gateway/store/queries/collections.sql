-- Collections of a workspace and their live generations. `allowed` is null for a key that may see all.

-- name: collection_add<!
insert into collections (id, organisation_id, workspace_id, name, metadata_schema, chunking, reading)
values (:id, :organisation_id, :workspace_id, :name, :metadata_schema, :chunking, :reading)
returning id;

-- name: collections_found
-- By name or id, in no order; only those that a key may see.
select c.id, c.name, c.metadata_schema, c.epoch, c.created_at, c.updated_at, c.generation_id,
       c.chunking, c.reading, g.model, g.fingerprint, g.dimensions, g.distance, g.tokenizer_fingerprint, g.prefix,
       g.chunk_strategy, g.max_tokens, g.overlap_tokens, g.min_tokens,
       exists (select from documents d where d.collection_id = c.id and d.status = 'deleting') as has_leftovers
from collections c
left join generations g on g.organisation_id = c.organisation_id and g.id = c.generation_id
where c.organisation_id = :organisation_id and c.workspace_id = :workspace_id and c.status = 'active'
  and (c.id = any(:references::text[]) or c.name = any(:references::text[]))
  and (:allowed::text[] is null or c.id = any(:allowed::text[]));

-- name: collections_page
select c.id, c.name, c.metadata_schema, c.epoch, c.created_at, c.updated_at, c.generation_id,
       c.chunking, c.reading, g.model, g.fingerprint, g.dimensions, g.distance, g.tokenizer_fingerprint, g.prefix,
       g.chunk_strategy, g.max_tokens, g.overlap_tokens, g.min_tokens, false as has_leftovers
from collections c
left join generations g on g.organisation_id = c.organisation_id and g.id = c.generation_id
where c.organisation_id = :organisation_id and c.workspace_id = :workspace_id and c.status = 'active'
  and (:allowed::text[] is null or c.id = any(:allowed::text[]))
  and c.id > :after
order by c.id
limit :limit;

-- name: collection_lock^
select c.id, c.name, c.metadata_schema, c.chunking, c.reading, c.generation_id
from collections c
where c.organisation_id = :organisation_id and c.id = :id and c.status = 'active'
for update;

-- name: collection_change!
update collections
set name = :name, metadata_schema = :metadata_schema, chunking = :chunking, reading = :reading, updated_at = now()
where organisation_id = :organisation_id and id = :id;

-- name: collection_spaces
-- The index spaces that ever held points of a collection.
select distinct model, fingerprint, dimensions, distance
from generations
where organisation_id = :organisation_id and collection_id = :collection_id;
