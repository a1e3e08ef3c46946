-- What was removed, remembered for a month. An empty `document_id` stands for a collection, an empty `collection_id` for
-- the organisation.

-- name: tombstone_leave!
insert into tombstones (organisation_id, collection_id, document_id, spaces)
values (:organisation_id, :collection_id, :document_id, '[]')
on conflict (organisation_id, collection_id, document_id) do nothing;

-- name: tombstones_leave!
-- The same for several documents.
insert into tombstones (organisation_id, collection_id, document_id, spaces)
select :organisation_id, :collection_id, each.id, '[]' from unnest(:document_ids::text[]) as each (id)
on conflict (organisation_id, collection_id, document_id) do nothing;

-- name: tombstone_note$
-- Adds counts to the receipt and index spaces to those that are known; gives the receipt's total.
insert into tombstones as t (organisation_id, collection_id, document_id, spaces, removed)
values (:organisation_id, :collection_id, :document_id,
        (select coalesce(jsonb_agg(distinct jsonb_build_object('model', g.model, 'fingerprint', g.fingerprint,
                                                               'dimensions', g.dimensions, 'distance', g.distance)),
                         '[]')
         from generations g where g.organisation_id = :organisation_id and g.collection_id = :collection_id),
        :counts)
on conflict (organisation_id, collection_id, document_id) do update
set spaces = (select coalesce(jsonb_agg(distinct each), '[]')
              from jsonb_array_elements(t.spaces || excluded.spaces) each),
    removed = (select jsonb_object_agg(key, value::bigint + coalesce((t.removed ->> key)::bigint, 0))
               from jsonb_each_text(excluded.removed))
returning removed;

-- name: tombstones_forget!
-- Of every organisation_id. What is still being removed is remembered.
delete from tombstones t
where t.removed_at < now() - interval '30 days'
  and not exists (select from organisations o where o.id = t.organisation_id and o.status = 'deleting')
  and not exists (select from collections c where c.organisation_id = t.organisation_id and c.id = t.collection_id
                  and c.status = 'deleting')
  and not exists (select from documents d where d.organisation_id = t.organisation_id and d.id = t.document_id);

-- name: tombstones_page
-- Of every organisation_id, those that name index spaces: the collection's present ones too.
select t.organisation_id, t.collection_id, t.document_id, all_spaces.spaces
from tombstones t
cross join lateral (
    select coalesce(jsonb_agg(distinct each), '[]') as spaces
    from (select jsonb_array_elements(t.spaces) as each
          union
          select jsonb_build_object('model', g.model, 'fingerprint', g.fingerprint,
                                    'dimensions', g.dimensions, 'distance', g.distance)
          from generations g
          where g.organisation_id = t.organisation_id and g.collection_id = t.collection_id) known
) all_spaces
where (t.organisation_id, t.collection_id, t.document_id) > (:organisation_id, :collection_id, :document_id)
  and t.collection_id <> ''
order by t.organisation_id, t.collection_id, t.document_id
limit :limit;
