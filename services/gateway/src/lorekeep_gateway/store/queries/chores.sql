-- What one process of all does from time to time. Of every organisation: these are the janitor's.

-- name: begin_chore$
-- Takes a chore that is due: never done, done long enough ago, or begun and not ended within its lease.
insert into chores as c (name, lease_token, lease_until, last_began_at)
values (:name, gen_random_uuid(), now() + :lease_seconds * interval '1 second', now())
on conflict (name) do update set
    lease_token = excluded.lease_token, lease_until = excluded.lease_until, last_began_at = excluded.last_began_at
where (c.lease_until is null or c.lease_until < now())
  and (c.last_ended_at is null or c.last_began_at > c.last_ended_at
       or c.last_began_at <= now() - :every_seconds * interval '1 second')
returning c.lease_token;

-- name: end_chore!
update chores set lease_token = null, lease_until = null, last_ended_at = now(), result = :result
where name = :name and lease_token = :lease_token;
