-- Worker processes, by their heartbeats. Of every organisation.

-- name: worker_seen!
insert into workers (name, version, concurrency, running, draining, started_at)
values (:name, :version, :concurrency, :running, :draining, now())
on conflict (name) do update set
    version = excluded.version, concurrency = excluded.concurrency, running = excluded.running,
    draining = excluded.draining, seen_at = now(),
    -- a name that was silent for so long is a new process, as in a container that started again
    started_at = case when workers.seen_at < now() - interval '1 minute' then now() else workers.started_at end;

-- name: worker_left!
delete from workers where name = :name;

-- name: workers_alive$
select count(*) from workers where seen_at > now() - interval '30 seconds';

-- name: forget_workers!
delete from workers where seen_at < now() - interval '1 hour';
