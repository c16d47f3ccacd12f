-- What init has to do, found out before any of it is done.  Leaves in :statements an array of SQL,
-- in :messages a line for each thing done, in :warnings lines about what is left to the user.

with :tables_cte,
publication as (
	select p.oid, p.oid is not null as present,
		coalesce(p.puballtables, :'all_tables'::bool) as all_tables,
		:'via_root'::bool and not coalesce(p.pubviaroot, false) as set_via_root,
		p.oid is null or made.id is not null as ours,
		p.oid is null or made.id is not null or :'tables' <> '' as adds,
		-- the patterns of every init of it; without any, every table
		coalesce((select string_agg(distinct pattern, ',') from unnest(string_to_array(
			concat_ws(',', made.detail, nullif(:'tables', '')), ',')) as pattern), '*.*')
			as patterns,
		-- but what is named now is not excluded any more
		coalesce((select string_agg(distinct pattern, ',') from unnest(string_to_array(
			concat_ws(',', nullif(made.excluded, ''), nullif(:'exclude_tables', '')), ',')) as pattern
			where pattern <> all (string_to_array(:'tables', ','))), '') as excluded
	from (values (1)) as one_row
		left join pg_publication p on p.pubname = :'publication'
		left join pgcdc.made on made.kind = 'publication' and made.name = :'publication'
	where not :'schema_only'::bool
), likeness as (
	select replace(replace(replace(replace(pattern,
		'\', '\\'), '_', '\_'), '%', '\%'), '*', '%') as likeness
	from publication, unnest(string_to_array(patterns, ',')) as pattern
), excluded as (
	select t.* from tables t, publication p where excluded <> '' and pgcdc.is_excluded(excluded, t.oid)
), matched as (
	select * from tables t where exists (select from likeness where t.name like likeness)
		and t.oid not in (select oid from excluded)
), published as (
	select r.prrelid as oid
	from pg_publication_rel r join publication p on p.oid = r.prpubid
	union
	select c.oid
	from pg_publication_tables p join pg_namespace n on n.nspname = p.schemaname
		join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
	where p.pubname = :'publication'
), candidate as (
	-- A partition is published through the partitioned table, if that is.
	select t.*, p.all_tables or t.oid in (select oid from published)
		or t.oid in (select below.relid from published, pg_partition_tree(oid) as below) as member
	from publication p, matched t
	where t.oid not in (select below.relid from matched, pg_partition_tree(oid) as below
		where matched.relkind = 'p' and below.relid <> matched.oid)
), joining as (
	select c.* from candidate c, publication p
	where p.adds and not c.member and c.relpersistence = 'p'
		and (c.lacking = '{}' or :'full'::bool)
), missed as (
	-- joins with rows, or with partitions that have some, where a slot reads the publication already
	select * from joining j
	where exists (select from publication where present) and exists (
			select from pg_replication_slots s where s.slot_name = :'slot' or s.slot_name in (
				select name from pgcdc.made where kind = 'slot' and detail = :'publication'))
		and (pg_relation_size(j.oid) > 0 or exists (select from pg_partition_tree(j.oid)
			where isleaf and pg_relation_size(relid) > 0))
), fixed as (
	select * from every_table where :'full'::bool and oid in (
		select unnest(lacking) from (
			select lacking from candidate where member union all select lacking from joining) as l)
), granted as (
	select name, exists (select from pg_roles where rolname = name) as present
	from (select name from pgcdc.made where kind = 'role' union select nullif(:'role', '')) as r
	where name is not null
), problem(message, errcode) as (
	select format('table "%s" does not exist, or is not an ordinary or partitioned table', pattern),
		'42P01'
	from unnest(string_to_array(:'tables', ',')) as pattern
	where strpos(pattern, '*') = 0 and pattern not in (select name from tables)
	union all
	select format('publication "%s" exists and does not publish all tables; choose another name',
		:'publication'), '55000'
	from publication where present and :'all_tables'::bool and not all_tables
	union all
	select format('publication "%s" was not made by init; run ALTER PUBLICATION %1$I SET '
		'(publish_via_partition_root = true), or leave out --via-root', :'publication'), '55000'
	from publication where not ours and set_via_root
	union all
	select format('must be owner of table "%s" to publish it; run this as its owner or as a '
		'superuser, or choose others with --tables', name), '42501'
	from (select name, relowner from joining union all select name, relowner from fixed) as t
	where not pg_has_role(relowner, 'usage')
), step(n, item, statements, message) as (
	select 1, name, array[
			format('alter table %s replica identity full', ident),
			format('insert into pgcdc.made (kind, name, relation, detail) values '
				'(''identity'', %L, %L, %L) on conflict do nothing', name, ident,
				case relreplident when 'd' then 'default' else 'nothing' end)],
		format('set replica identity FULL on table "%s": %s', name, no_key)
	from fixed
	union all
	select 2, '', array[format('create publication %I', :'publication')
			|| case when all_tables then ' for all tables' else coalesce((select ' for table '
				|| string_agg('only ' || ident, ', ' order by name) from joining), '') end
			|| case when set_via_root then ' with (publish_via_partition_root = true)' else '' end],
		format('created publication "%s" (%s)', :'publication', case when all_tables
			then 'all tables' else (select count(*) || case count(*) when 1 then ' table'
			else ' tables' end from joining) end)
	from publication where not present
	union all
	select 3, '', array[format('insert into pgcdc.made (kind, name, detail, excluded, makes_full, since) '
			'values (''publication'', %L, %L, %L, %L, %s) on conflict (kind, name) where relation is '
			'null do update set detail = excluded.detail, excluded = excluded.excluded, '
			'makes_full = made.makes_full or excluded.makes_full, '
			'since = coalesce(excluded.since, made.since)', :'publication',
			patterns, excluded, :'full'::bool, case when present then 'null' else 'pg_current_wal_insert_lsn()' end)],
		null
	from publication where ours
	union all
	select 4, '', array[format('alter publication %I set (publish_via_partition_root = true)',
			:'publication')],
		format('changes of partitions in publication "%s" now bear the name of the partitioned '
			'table', :'publication')
	from publication where present and set_via_root
	union all
	select 5, '', array[format('alter publication %I add table %s', :'publication',
		string_agg('only ' || ident, ', ' order by name))], null
	from publication p, joining where p.present having count(*) > 0
	union all
	select 6, name, case when ours then '{}' else array[
			format('insert into pgcdc.made (kind, name, relation) values (''member'', %L, %L) '
				'on conflict do nothing', :'publication', ident)] end,
		format('added table "%s" to publication "%s"', name, :'publication')
	from publication p, joining where p.present
	union all
	select 6, name, array[format('update pgcdc.table_ids set rows_before = true where relation = '
		'%L::regclass', ident)], null
	from missed
	union all
	select 7, '', '{}', format('publication "%s" exists, left as it is', :'publication')
	from publication
	where present and not set_via_root and not exists (select from joining)
	union all
	select 7, '', array[format('alter publication %I add table only pgcdc.schema_log',
				:'publication')]
			|| case when ours then '{}' else array[format('insert into pgcdc.made (kind, name, '
				'relation) values (''member'', %L, ''pgcdc.schema_log'')', :'publication')] end,
		format('added schema changes to publication "%s"', :'publication')
	from publication where not all_tables and not :'no_ddl'::bool and not exists (
		select from pg_publication_rel where prpubid = publication.oid
			and prrelid = 'pgcdc.schema_log'::regclass)
	union all
	select 8, '', array[
			format('create role %I login replication', name),
			format('insert into pgcdc.made (kind, name) values (''role'', %L)', name)],
		format('created role "%s"; give it a password with "\password %I" in psql', name, name)
	from granted where name = :'role' and not present
	union all
	select 9, '', array[
			format('grant connect on database %I to %I', current_database(), name),
			format('insert into pgcdc.made (kind, name) values (''connect'', %L)', name)], null
	from granted where name = :'role' and not case when present
		then has_database_privilege(name, current_database(), 'connect')
		else has_database_privilege('public', current_database(), 'connect') end
	union all
	select 10, name, array[
			format('insert into pgcdc.made (kind, name, ours) values (''role'', %L, false) '
				'on conflict do nothing', name),
			format('grant usage on schema pgcdc to %I', name),
			format('grant select on all tables in schema pgcdc to %I', name),
			format('grant update (acked) on pgcdc.schema_log to %I', name),
			format('grant insert on pgcdc.schema_commits to %I', name),
			format('grant execute on function pgcdc.described(jsonb) to %I', name)],
		case when name = :'role' and present then format('role "%s" exists, granted it what '
			'pgcdc-read needs', name) end
	from granted where present or name = :'role'
	union all
	select 11, '', array[format('insert into pgcdc.made (kind, name, detail, ours) values '
			'(''slot'', %L, %L, %L) on conflict (kind, name) where relation is null '
			'do update set detail = excluded.detail, ours = made.ours or excluded.ours',
			:'slot', :'publication', not exists (select from pg_replication_slots
				where slot_name = :'slot'))], null
	from publication
), warning(n, item, message) as (
	select 1, t.name, format('table "%s" is left out: %s%s; give it a primary key, or use '
			'--replica-identity=full', t.name, case when first.oid <> t.oid
			then format('partition "%s": ', first.name) else '' end, first.no_key)
	from candidate t, publication p, every_table first
	where p.adds and not t.member and not :'full'::bool and first.oid = t.lacking[1]
	union all
	select 2, t.name, format('table "%s" is left out: it is unlogged; run ALTER TABLE %s SET LOGGED '
			'to publish it', t.name, t.ident)
	from candidate t, publication p
	where p.adds and t.relpersistence = 'u'
	union all
	select 3, name, format('table "%s" is left out: it is excluded', name)
	from excluded where name = any (string_to_array(:'tables', ',')) and oid not in (select oid from published)
	union all
	select 3, name, format('table "%s" is excluded but published; run ALTER PUBLICATION %I DROP TABLE %s', name,
		:'publication', ident)
	from excluded where oid in (select prrelid from pg_publication_rel, publication p where prpubid = p.oid)
	union all
	select 3, pattern, format('pattern "%s" matches no table', pattern)
	from publication, unnest(string_to_array(:'tables', ',')) as pattern
	where strpos(pattern, '*') > 0 and not exists (select from tables where name like replace(
		replace(replace(replace(pattern, '\', '\\'), '_', '\_'), '%', '\%'), '*', '%'))
	union all
	select 4, name, format('partitions added to table "%s" later need REPLICA IDENTITY FULL of '
			'their own, else UPDATE and DELETE of them fail; add a primary key', name)
	from fixed where relkind = 'p' and :'no_ddl'::bool
	union all
	select 5, '', 'tables created later without a primary key need REPLICA IDENTITY FULL, else UPDATE '
			'and DELETE of them fail'
	from publication where not present and all_tables and :'no_ddl'::bool
	union all
	select 6, name, format('the rows that table "%s" has by now are in no stream; copy the table', name)
	from missed
	union all
	select 7, '', format('publication "%s" is younger than slot "%s", whose changes from before it cannot '
			'be read; run SELECT pg_drop_replication_slot(%L), repeat this, and copy the tables '
			'anew', :'publication', :'slot', :'slot')
	from publication where not present
		and exists (select from pg_replication_slots where slot_name = :'slot')
	union all
	select 8, '', format('publication "%s" has no tables yet; %s', :'publication', case
			when not ours then 'add some with --tables or ALTER PUBLICATION'
			when exists (select from pg_event_trigger where evtname = 'pgcdc_command_end')
				then 'those whose names match its patterns join when they are made'
			else 'repeat init when there are some' end)
	from publication
	where not all_tables and not exists (select from published)
		and not exists (select from joining)
)
select
	(select message from problem order by message limit 1) as message,
	(select errcode from problem order by message limit 1) as errcode,
	(select array(select statement from step, unnest(statements) with ordinality as s(statement, i)
		order by n, item, i)) as statements,
	coalesce((select string_agg(regexp_replace(message, :'mask', '?', 'g'), E'\n'
		order by n, item) from step), '') as messages,
	coalesce((select string_agg('pgcdc: warning: ' || regexp_replace(message, :'mask', '?', 'g'),
		E'\n' order by n, item) from warning), '') as warnings
\gset
\if :{?message}
	\ir fail.sql
\endif
