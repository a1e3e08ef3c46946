-- Webhooks of a workspace and their deliveries, as the public side shows and changes them. `allowed` is null for a key
-- that may see all; a key bound to collections sees the webhooks of those alone. The secret is read by name only.

-- name: webhooks_hold!
-- Held to the end of the transaction, so that what is counted then stays the count.
select from workspaces where organisation_id = :organisation_id and id = :workspace_id for no key update;

-- name: webhooks_count$
select count(*) from webhooks where organisation_id = :organisation_id and workspace_id = :workspace_id;

-- name: webhook_add^
insert into webhooks (id, organisation_id, workspace_id, collection_id, url, secret, events, actor)
values (:id, :organisation_id, :workspace_id, :collection_id, :url, :secret, :events, :actor)
returning id, url, events, active, collection_id, created_at;

-- name: webhook_secret$
select secret from webhooks where organisation_id = :organisation_id and id = :id;

-- name: webhook_shown^
select id, url, events, active, collection_id, created_at
from webhooks
where organisation_id = :organisation_id and workspace_id = :workspace_id and id = :id
  and (:allowed::text[] is null or collection_id = any(:allowed::text[]));

-- name: webhooks_page
select id, url, events, active, collection_id, created_at
from webhooks
where organisation_id = :organisation_id and workspace_id = :workspace_id and id > :after
  and (:allowed::text[] is null or collection_id = any(:allowed::text[]))
order by id
limit :limit;

-- name: webhook_change^
-- What is null stays. Made active, its failures are forgotten.
update webhooks
set url = coalesce(:url::text, url), events = coalesce(:events::text[], events), active = coalesce(:active::boolean, active),
    failed_in_row = case when :active::boolean then 0 else failed_in_row end
where organisation_id = :organisation_id and id = :id
returning id, url, events, active, collection_id, created_at;

-- name: webhook_rotate$
update webhooks set secret = :secret where organisation_id = :organisation_id and id = :id returning id;

-- name: webhook_remove$
delete from webhooks where organisation_id = :organisation_id and id = :id returning id;

-- name: deliveries_page
-- Newest first, behind the delivery `before`.
select d.id, d.event, d.status, d.attempt, d.next_at, d.response_status, d.error, d.created_at, d.ended_at
from webhook_deliveries d
where d.organisation_id = :organisation_id and d.webhook_id = :webhook_id
  and (:status::text is null or d.status = :status)
  and (:before::text is null or (d.created_at, d.id) < (
      select b.created_at, b.id from webhook_deliveries b
      where b.organisation_id = :organisation_id and b.webhook_id = :webhook_id and b.id = :before))
order by d.created_at desc, d.id desc
limit :limit;

-- name: delivery_replay^
-- One that waits or is being sent goes on as it is, only that it waits no longer.
update webhook_deliveries
set status = 'waiting', next_at = now(),
    attempt = case when status = 'waiting' then attempt else 0 end, ended_at = null,
    error = case when status = 'waiting' then error end,
    response_status = case when status = 'waiting' then response_status end
where organisation_id = :organisation_id and webhook_id = :webhook_id and id = :id
returning id, event, status, attempt, next_at, response_status, error, created_at, ended_at;
