-- pgcdc teardown: take away what init made, as pgcdc.made remembers it, and nothing else.
--
-- Variables: slot_given, role; 0 or 1 in dry_run.  With slot_given only that slot goes, and what
-- no other slot of init needs.  All in one transaction; the slots, which no rollback brings back,
-- are dropped last in it.

\ir writer.sql

begin;
\ir lock.sql

select to_regclass('pgcdc.made') is null as nothing,
	:'slot_given' <> '' and not exists (select from pg_replication_slots where slot_name = :'slot_given')
		as unknown,
	format('pgcdc: warning: there is no slot "%s"', regexp_replace(:'slot_given', :'mask', '?', 'g')) as warning
\gset
\if :nothing
	\if :unknown
		\warn :warning
	\endif
	select 'there is nothing to tear down';
	select format('schema "pgcdc" was not made by init, left as it is')
	from pg_namespace where nspname = 'pgcdc';
	select format('slot "%s" was not made by init, left as it is', slot_name)
	from pg_replication_slots where slot_name = coalesce(nullif(:'slot_given', ''), 'pgcdc');
	\quit
\endif

with slot as (
	select made.name, made.ours and s.slot_name is not null as dropped,
		s.slot_name is not null as present, made.detail as publication, s.active_pid
	from pgcdc.made left join pg_replication_slots s
		on s.slot_name = made.name and s.database = current_database()
	where made.kind = 'slot' and made.name = coalesce(nullif(:'slot_given', ''), made.name)
), remaining as (
	select name, detail as publication from pgcdc.made
	where kind = 'slot' and name not in (select name from slot)
), scope as (
	select not exists (select from remaining) and (:'slot_given' = '' or exists (select from slot))
		as everything
), publication as (
	select made.name, made.kind, made.relation
	from scope, pgcdc.made
	where made.kind in ('publication', 'member') and (everything
		or made.name in (select publication from slot)
		and made.name not in (select publication from remaining))
), role as (
	select made.name, made.ours and made.name = :'role' as dropped, made.ours
	from scope, pgcdc.made join pg_roles r on r.rolname = made.name
	where made.kind = 'role' and everything
), staying as (
	-- tables in somebody else's publication, where the application needs the replica identity
	select t.oid, p.pubname
	from pg_publication p
		join pg_publication_tables pt on pt.pubname = p.pubname
		join pg_namespace n on n.nspname = pt.schemaname
		join pg_class t on t.relnamespace = n.oid and t.relname = pt.tablename
	where (p.pubupdate or p.pubdelete) and not exists (select from publication m
		where m.name = p.pubname and (m.kind = 'publication' or m.relation = t.oid
			or m.relation in (select relid from pg_partition_ancestors(t.oid))))
), full_table as (
	select c.oid, n.nspname, c.relname, made.detail, (select min(pubname) from staying
		where oid = c.oid or oid in (select relid from pg_partition_ancestors(c.oid))) as needed_by
	from scope, pgcdc.made
		join pg_class c on c.oid = made.relation and c.relreplident = 'f'
		join pg_namespace n on n.oid = c.relnamespace
	where everything and made.kind = 'identity'
), step(n, item, statement, message) as (
	select 1, nspname || ' ' || relname, case when needed_by is null
			then format('alter table %I.%I replica identity %s', nspname, relname, detail) end,
		case when needed_by is null then format('set replica identity of table "%s.%s" back to %s',
				nspname, relname, upper(detail))
			else format('table "%s.%s" keeps replica identity FULL: publication "%s" needs it',
				nspname, relname, needed_by) end
	from full_table
	union all
	select 2, name, format('drop publication %I', name), format('dropped publication "%s"', name)
	from publication join pg_publication on pubname = name
	where kind = 'publication'
	union all
	select 3, m.name || ' ' || c.relname,
		format('alter publication %I drop table only %I.%I', m.name, n.nspname, c.relname),
		format('removed table "%s.%s" from publication "%s"', n.nspname, c.relname, m.name)
	from publication m
		join pg_publication p on p.pubname = m.name
		join pg_publication_rel r on r.prpubid = p.oid and r.prrelid = m.relation
		join pg_class c on c.oid = m.relation
		join pg_namespace n on n.oid = c.relnamespace
	where m.kind = 'member'
	union all
	select 4, made.name,
		format('revoke connect on database %I from %I', current_database(), made.name), null
	from pgcdc.made join role on role.name = made.name
	where made.kind = 'connect'
	union all
	select 0, evtname, format('drop event trigger %I', evtname), null
	from scope, pg_event_trigger
	where everything and evtname in ('pgcdc_command_end', 'pgcdc_drop')
	union all
	-- an index needs one of the functions, and the others need the tables
	select case proname when 'described' then 6 else 4 end, p.oid::text,
		format('drop function %s', p.oid::regprocedure), null
	from scope, pg_proc p
	where everything and p.pronamespace = 'pgcdc'::regnamespace
	union all
	select 5, '', format('drop table %s', string_agg(oid::regclass::text, ', ' order by relname)), null
	from scope, pg_class
	where everything and relnamespace = 'pgcdc'::regnamespace and relname in
		('made', 'migrations', 'schema_log', 'schema_commits', 'table_keys', 'table_ids')
	group by everything
	union all
	select 7, '', 'drop schema pgcdc', 'dropped schema "pgcdc"' from scope where everything
	union all
	select 7, name, format('delete from pgcdc.made where kind in (''slot'', ''baseline'') and name = %L',
		name), null
	from scope, slot where not everything
	union all
	select 8, name, format('delete from pgcdc.made where kind in (''publication'', ''member'') '
		'and name = %L', name), null
	from scope, (select distinct name from publication) as p where not everything
	union all
	select 9, name, case when dropped then format('drop role %I', name) end,
		case when dropped then format('dropped role "%s"', name)
		when ours then format('role "%s" is left; --role=%1$s drops it', name) end
	from role
	union all
	select 10, name, case when dropped then format('select pg_drop_replication_slot(%L)', name) end,
		case when dropped then format('dropped slot "%s"', name)
		else format('slot "%s" was there before init, left as it is', name) end
	from slot where present
	union all
	select 11, '', null, format('schema "pgcdc" is left for %s',
		string_agg(format('slot "%s"', name), ', ' order by name))
	from remaining having count(*) > 0
	union all
	select 12, '', null, format('role "%s" was not made by init, left as it is', :'role')
	where :'role' <> '' and not exists (select from pgcdc.made
		where kind = 'role' and name = :'role' and ours)
	union all
	select 13, '', null, format('slot "%s" was not made by init, left as it is', :'slot_given')
	where :'slot_given' <> '' and not :'unknown'::bool and not exists (select from slot)
)
select
	(select format('slot "%s" is active for PID %s; stop its reader first', name, active_pid)
		from slot where dropped and active_pid is not null order by name limit 1) as message,
	'55006' as errcode,
	(select array(select statement from step where statement is not null order by n, item))
		as statements,
	coalesce((select string_agg(regexp_replace(message, :'mask', '?', 'g'), E'\n'
		order by n, item) from step), '') as messages,
	:'unknown'::bool and not exists (select from slot) as unknown,
	:'warning' || coalesce((select format('; init made %s', string_agg(format('"%s"', name), ', ' order by name))
		from remaining having count(*) > 0), '') as warning
\gset
\if :{?message}
	\ir fail.sql
\endif

\if :unknown
	\warn :warning
\endif
\if :dry_run
	select statement || ';' from unnest(:'statements'::text[]) as statement;
	rollback;
\else
	\o /dev/null
	select statement from unnest(:'statements'::text[]) as statement
	\gexec
	\o
	commit;
	select :'messages' where :'messages' <> '';
\endif
