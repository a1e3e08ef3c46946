-- The blob store compared with the records. Pruned versions need nothing any more.

-- name: sweep_organisations
-- Every organisation_id.
select id from organisations;

-- name: sweep_live_parts
select p.path
from upload_parts p join uploads u on u.id = p.upload_id
where u.organisation_id = :organisation_id and p.path = any(:paths::text[]) and u.expires_at > now();

-- name: sweep_needed_blobs
select distinct blob_sha256
from versions
where organisation_id = :organisation_id and blob_sha256 = any(:hashes::text[]) and pruned_at is null
union
select blob_sha256
from attachments
where organisation_id = :organisation_id and blob_sha256 = any(:hashes::text[]);

-- name: sweep_needed_artefacts
-- Those of these artefacts that a version has or shares.
select each.id
from unnest(:ids::text[]) as each (id)
where exists (select from versions v
              where v.organisation_id = :organisation_id and v.id = each.id and v.pruned_at is null)
   or exists (select from versions v
              where v.organisation_id = :organisation_id and v.artefact_id = each.id and v.pruned_at is null);

-- name: sweep_blobs_page
-- Originals that versions need, by hash; `warned` where a version of it carries the warning.
select blob_sha256, bool_or(warnings @> to_jsonb(:warning::text)) as warned
from versions
where organisation_id = :organisation_id and blob_sha256 > :after and pruned_at is null
group by blob_sha256
order by blob_sha256
limit :limit;

-- name: scrub_page
-- The same over all organisations, by organisation_id and hash.
select organisation_id, blob_sha256, max(size_bytes) as size_bytes,
       bool_or(warnings @> to_jsonb(:warning::text)) as warned
from versions
where (organisation_id, blob_sha256) > (:organisation_id, :sha256) and pruned_at is null
group by organisation_id, blob_sha256
order by organisation_id, blob_sha256
limit :limit;

-- name: sweep_warn
update versions set warnings = warnings || to_jsonb(:warning::text)
where organisation_id = :organisation_id and blob_sha256 = :sha256 and pruned_at is null
  and not warnings @> to_jsonb(:warning::text)
returning id;

-- name: sweep_unwarn
update versions set warnings = warnings - :warning::text
where organisation_id = :organisation_id and blob_sha256 = :sha256 and warnings @> to_jsonb(:warning::text)
returning id;

-- name: chore_result$
select result from chores where name = :name;
