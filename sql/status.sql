-- pgcdc status: how one slot is doing.
--
-- Variables: slot; 0 or 1 in json.  Columns that not every version has are taken from the row as
-- JSON: there they are null where they are missing.

\ir session.sql

with slot as (
	select to_jsonb(s) as j, s.confirmed_flush_lsn as confirmed, s.restart_lsn as restart,
		s.active_pid, s.wal_status, s.safe_wal_size
	from pg_replication_slots s
	where s.slot_name = :'slot'
), wal as (
	select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
		else pg_current_wal_lsn() end as current
), reader as (
	select r.application_name, r.usename, r.state, r.replay_lag, r.reply_time,
		coalesce(host(r.client_addr), case when r.usename is not null then 'local socket' end)
			as address
	from slot left join pg_stat_replication r on r.pid = slot.active_pid
), answer as (
	select j, confirmed, restart, current, active_pid, wal_status, safe_wal_size,
		reader.*,
		greatest(current - confirmed, 0) as lag,
		-- what the walsender measured; nothing to wait for is no lag
		case when current <= confirmed then 0
			else extract(epoch from replay_lag)::numeric(20, 6) end as lag_seconds,
		current - restart as retained,
		case
		when j->>'slot_type' <> 'logical' then 'it is a physical slot'
		when j->>'plugin' <> 'pgoutput' then format('its plugin is "%s", not "pgoutput"', j->>'plugin')
		when j->>'database' <> current_database()
			then format('it belongs to database "%s"', j->>'database')
		when j->>'invalidation_reason' is not null
			then format('it is invalidated: %s', j->>'invalidation_reason')
		when wal_status = 'lost' then 'it is invalidated: WAL it needs was removed'
		when j->>'conflicting' = 'true'
			then 'it is invalidated: it conflicts with recovery on this standby'
		when confirmed is null then 'it is still being created: that waits for open transactions'
		end as fault
	from slot, wal, reader
), line(n, name, value) as (
	select l.* from answer, lateral (values
		(1, 'slot', j->>'slot_name'),
		(2, 'plugin', j->>'plugin'),
		(3, 'database', j->>'database'),
		(4, 'usable', coalesce('no, ' || fault, 'yes')),
		(5, 'confirmed position', confirmed::text),
		(6, 'restart position', restart::text),
		(7, 'current position', current::text),
		(8, 'lag', lag || ' bytes'),
		(9, 'lag in time', coalesce(lag_seconds || ' s', 'unknown')),
		(10, 'retained WAL', retained || ' bytes'),
		(11, 'safe WAL', coalesce(safe_wal_size || ' bytes', 'unlimited')),
		(12, 'WAL status', wal_status),
		(13, 'reader', case when active_pid is null then 'none' else concat_ws(', ', 'PID ' || active_pid,
			nullif(application_name, ''), usename, address, state) end),
		(14, 'last reply', reply_time::text),
		(15, 'inactive since', j->>'inactive_since'),
		(16, 'failover', j->>'failover'),
		(17, 'two-phase', j->>'two_phase')
	) as l
)
select
	case when :'json'::bool then coalesce((select json_build_object(
			'slot', :'slot', 'exists', true, 'usable', fault is null, 'fault', fault,
			'slot_type', j->'slot_type', 'plugin', j->'plugin', 'database', j->'database',
			'confirmed_flush_lsn', confirmed, 'restart_lsn', restart, 'current_lsn', current,
			'lag_bytes', lag, 'lag_seconds', lag_seconds,
			'retained_wal_bytes', retained, 'safe_wal_bytes', safe_wal_size,
			'wal_status', wal_status, 'invalidation_reason', j->'invalidation_reason',
			'reader', case when active_pid is not null then json_build_object(
				'pid', active_pid, 'application_name', application_name, 'user', usename,
				'address', address, 'state', state, 'reply_time', reply_time) end,
			'inactive_since', j->'inactive_since', 'failover', j->'failover',
			'two_phase', j->'two_phase')::text from answer),
		json_build_object('slot', :'slot', 'exists', false, 'usable', false,
			'fault', 'it does not exist')::text)
	else coalesce((select string_agg(rpad(name, 20) || regexp_replace(value, :'mask', '?', 'g'),
			E'\n' order by n) from line where value is not null),
		regexp_replace(format('slot "%s" does not exist; make it with "pgcdc init%s"', :'slot',
			case when :'slot_given' <> '' then format(' -S %s --publication=...', :'slot') end),
			:'mask', '?', 'g'))
	end as answer,
	not exists (select from answer where fault is null) as negative
\gset

select :'answer';
\if :negative
	\set message ''
	\set errcode PC001
	\ir fail.sql
\endif
