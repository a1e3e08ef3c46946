-- Deliveries to webhooks, as the ingest role sends them: of every organisation, so each result names its own.

-- name: claim_deliveries
-- At most one of each webhook to which nothing is being sent: organisations with the fewest such first, none with more
-- than `most_each`, then those that wait longest. The lease on the webhook is looked at again once its row is locked,
-- so that no two senders ever have one webhook. A sender that died leaves its lease to run out. A row without `id` is
-- of a webhook whose delivery ended in this very moment.
with recursive owed as (
    (select webhook_id from webhook_deliveries where status = 'waiting' order by webhook_id limit 1)
    union all
    select (select d.webhook_id from webhook_deliveries d
            where d.status = 'waiting' and d.webhook_id > o.webhook_id order by d.webhook_id limit 1)
    from owed o
    where o.webhook_id is not null
), busy as (
    select organisation_id, count(*) as webhooks
    from webhooks
    where sending_until > now()
    group by organisation_id
), due as (
    select w.id, first.next_at,
           coalesce(b.webhooks, 0)
               + row_number() over (partition by w.organisation_id order by first.next_at) as place
    from owed o
    join webhooks w on w.id = o.webhook_id and (w.sending_until is null or w.sending_until <= now())
    left join busy b on b.organisation_id = w.organisation_id
    cross join lateral (
        select d.next_at from webhook_deliveries d
        where d.webhook_id = o.webhook_id and d.status = 'waiting' and d.next_at <= now()
        order by d.next_at limit 1
    ) first
), free as (
    select w.id
    from due join webhooks w on w.id = due.id
    where (w.sending_until is null or w.sending_until <= now()) and due.place <= :most_each
    order by due.place, due.next_at
    limit :limit
    for no key update of w skip locked
), held as (
    update webhooks w
    set sending_until = now() + make_interval(secs => :lease_seconds)
    from free
    where w.id = free.id
    returning w.id, w.organisation_id, w.url, w.secret, w.active, w.sending_until
), chosen as (
    select held.sending_until, next.id
    from held cross join lateral (
        select d.id from webhook_deliveries d
        where d.webhook_id = held.id and d.status = 'waiting' and d.next_at <= now()
        order by d.next_at limit 1
        for update skip locked
    ) next
), sent as (
    update webhook_deliveries d
    set attempt = d.attempt + 1, lease_until = chosen.sending_until
    from chosen
    where d.id = chosen.id
    returning d.id, d.webhook_id, d.event, d.payload, d.attempt, d.created_at
)
select held.organisation_id, held.id as webhook_id, held.url, held.secret, held.active,
       held.sending_until as lease_until, sent.id, sent.event, sent.payload, sent.attempt, sent.created_at
from held left join sent on sent.webhook_id = held.id;

-- name: delivery_webhook^
-- Held, so that counts of failures are whole.
select active, failed_in_row
from webhooks
where organisation_id = :organisation_id and id = :webhook_id
for no key update;

-- name: settle_delivery$
-- Only by the sender whose lease it is.
update webhook_deliveries
set status = :status, lease_until = null, response_status = :response_status, error = :error,
    next_at = now() + make_interval(secs => :pause_seconds),
    ended_at = case when :status <> 'waiting' then now() end
where organisation_id = :organisation_id and id = :id and status = 'waiting' and lease_until = :lease_until
returning id;

-- name: release_webhook!
-- Another may be sending by now, where the lease had run out; its hold stays.
update webhooks
set sending_until = nullif(sending_until, :lease_until), failed_in_row = :failed_in_row, active = :active
where organisation_id = :organisation_id and id = :webhook_id;

-- name: delivery_figures^
select coalesce(extract(epoch from now() - min(next_at)), 0)::float8 as oldest_seconds
from webhook_deliveries
where status = 'waiting' and next_at <= now();

-- name: forget_deliveries!
delete from webhook_deliveries
where ended_at < now() - make_interval(secs => :keep_seconds);

-- name: unclaim_webhook!
update webhooks set sending_until = null
where organisation_id = :organisation_id and id = :webhook_id and sending_until = :lease_until;
