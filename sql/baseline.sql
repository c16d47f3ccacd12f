-- The definition of all tables once more, behind the start of the slot: for a reader that has only
-- the stream, and for transactions that were open when the event triggers came, whose commands
-- nobody has logged.  Not for a slot that has it, unless :baseline.

begin;
\ir lock.sql
select not :'no_ddl'::bool and (:'baseline_wanted'::bool or :'baseline'::bool or :'slot_wanted'::bool
		or not exists (select from pgcdc.made where kind = 'baseline' and name = :'slot')) as wanted,
	-- a slot that is made has waited for them
	:'ddl_begins'::bool and not :'slot_wanted'::bool as may_wait,
	set_config('pgcdc.begin', pg_snapshot_xmax(pg_current_snapshot())::text, false) as begin
\gset
select (select format('pgcdc: warning: the schema log waits for %s open transactions to end', count(*))
	from pg_locks
	where :'may_wait'::bool and locktype = 'transactionid' and mode = 'ExclusiveLock' and granted
	having count(*) > 0) as waits
\gset older_
\if :{?older_waits}
	\warn :older_waits
	do $$
	begin
		while pg_snapshot_xmin(pg_current_snapshot())::text::bigint
				< current_setting('pgcdc.begin')::bigint loop
			perform pg_sleep(0.1);
		end loop;
	end
	$$;
\endif
\if :wanted
	select pgcdc.log_baseline() as n
	\gset baseline_
	insert into pgcdc.made (kind, name)
	select 'baseline', slot_name from pg_replication_slots join pgcdc.made on name = slot_name
	where kind = 'slot' and database = current_database()
	on conflict do nothing;
	select format('logged the definition of %s', case :'baseline_n'::bigint when 1 then '1 table'
		else :'baseline_n' || ' tables' end)
	where :'baseline'::bool or :'baseline_n'::bigint > 0;
\endif
commit;
