-- pgcdc init: schema pgcdc, then the publication, then the slot, each only if it is missing.
--
-- Variables: slot, publication, tables, exclude_tables, role; 0 or 1 in all_tables, full, via_root, failover,
-- migrate, dry_run, no_ddl, baseline, alone (nothing asks for a publication or slot), snapshot
-- (pgcdc-dump makes the slot, and behind.sql follows); tables_cte holds tables.sql.
-- One transaction does all but the slot, which cannot be made where something was written.

\ir writer.sql

-- Is the schema all that this is about?
select :'migrate'::bool or :'baseline'::bool and :'alone'::bool and exists (
	select from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where n.nspname = 'pgcdc' and c.relname = 'made') as schema_only,
	:'baseline'::bool and not :'dry_run'::bool as anew
\gset

-- What would fail later is said before anything is made.
with me as (
	select rolsuper, rolsuper or rolreplication
		or exists (select from pg_roles r where r.rolname = 'rds_replication'
			and pg_has_role(r.oid, 'member')) as may_replicate
	from pg_roles where rolname = current_user
), slot as (
	select to_jsonb(s) as j from pg_replication_slots s where slot_name = :'slot'
), publication as (
	select from pg_publication where pubname = :'publication'
), problem(n, holds, message, errcode) as (values
	(1, not has_database_privilege(current_database(), 'create') and not (
			exists (select from pg_namespace where nspname = 'pgcdc')
			and (:'schema_only'::bool or exists (select from publication))),
		format('permission denied for database "%s"; GRANT CREATE ON DATABASE %1$I TO %I',
			current_database(), current_user), '42501'),
	(2, :'migrate'::bool and not exists (select from pg_namespace where nspname = 'pgcdc'),
		'there is no schema "pgcdc" to bring up to date; make it with "pgcdc init"', '3F000'),
	-- from 10 on: not where nothing but the schema is touched
	(10, current_setting('wal_level') <> 'logical',
		format('wal_level is "%s"; set wal_level = logical and restart the server',
			current_setting('wal_level')), '55000'),
	(11, :'failover'::bool and current_setting('server_version_num')::int < 170000,
		format('a failover slot needs server version 17 or later, and this is %s; leave out '
			'--failover', current_setting('server_version')), '0A000'),
	(12, :'slot' !~ '^[a-z0-9_]{1,63}$',
		format('invalid slot name "%s"; use up to 63 lower case letters, digits and "_"',
			:'slot'), '42602'),
	(13, octet_length(:'publication') > 63 or octet_length(:'role') > 63,
		'the name of the publication or role is longer than 63 bytes; shorten it', '42602'),
	(14, strpos(:'publication', ',') > 0,
		format('invalid publication name "%s"; init makes one publication, and a comma '
			'separates names', :'publication'), '42602'),
	(20, (select j->>'slot_type' <> 'logical' from slot),
		format('slot "%s" exists but is physical; choose another name', :'slot'), '55000'),
	(21, (select j->>'plugin' <> 'pgoutput' from slot),
		format('slot "%s" exists but its plugin is "%s", not "pgoutput"; choose another name',
			:'slot', (select j->>'plugin' from slot)), '55000'),
	(22, (select j->>'database' <> current_database() from slot),
		format('slot "%s" exists but belongs to database "%s"; choose another name',
			:'slot', (select j->>'database' from slot)), '55000'),
	(23, (select j->>'wal_status' = 'lost' or j->>'invalidation_reason' is not null
			or j->>'conflicting' = 'true' from slot),
		format('slot "%s" exists but is invalidated: the changes after %s are lost; run '
			'SELECT pg_drop_replication_slot(%L), repeat this, and copy the tables anew',
			:'slot', (select coalesce(j->>'confirmed_flush_lsn', 'its start') from slot),
			:'slot'), '55000'),
	(24, (select j->>'two_phase' = 'true' from slot),
		format('slot "%s" exists but is two-phase, which pgcdc-read does not decode; choose '
			'another name', :'slot'), '55000'),
	(25, :'failover'::bool and (select j->>'failover' = 'false' from slot),
		format('slot "%s" exists without failover; run ALTER_REPLICATION_SLOT "%1$s" '
			'(FAILOVER true) on a replication connection, or choose another name', :'slot'),
		'55000'),
	(30, not exists (select from slot) and not (select may_replicate from me),
		format('role "%s" may not create a replication slot; run this as a superuser, or '
			'ALTER ROLE %1$I REPLICATION', current_user), '42501'),
	(31, not exists (select from slot) and (select count(*) from pg_replication_slots)
			>= current_setting('max_replication_slots')::int,
		format('all %s replication slots are in use; raise max_replication_slots and restart '
			'the server, or drop a slot', current_setting('max_replication_slots')), '55000'),
	(32, exists (select from pg_settings where name = 'output_plugin_libraries' and
			'pgoutput' <> all (string_to_array(translate(setting, '" ', ''), ','))),
		'output_plugin_libraries does not allow "pgoutput"; add it to the setting and reload '
			'the server', '42501'),
	(33, :'all_tables'::bool and not exists (select from publication)
			and not (select rolsuper from me),
		'only a superuser can publish all tables; leave out --all-tables', '42501'),
	(34, exists (select from pg_roles where rolname = :'role'
			and not (rolcanlogin and (rolreplication or rolsuper))),
		format('role "%s" exists but may not log in and replicate; ALTER ROLE %1$I LOGIN '
			'REPLICATION', :'role'), '55000')
)
select min(message) as message, min(errcode) as errcode from (
	select message, errcode from problem where holds and (n < 10 or not :'schema_only'::bool)
	order by n limit 1) as first_problem
\gset
\if :{?message}
	\ir fail.sql
\endif

begin;
\ir lock.sql
\ir migrate.sql
\ir triggers.sql

-- What the tables are before the first change that a slot has: each row behind the slot's start has
-- a definition at a lower position.
select :'ddl_begins'::bool or not :'no_ddl'::bool and not :'migrate'::bool
	and not exists (select from pgcdc.made where kind = 'baseline') as baseline_wanted,
	:'dry_run'::bool as skipped
\gset
\if :skipped
\elif :baseline_wanted
	select pgcdc.log_baseline() as n
	\gset baseline_
\endif

\if :anew
	\ir mend.sql
\endif

-- What joins the publication is decided here, not by the event triggers.
select set_config('pgcdc.init', 'on', false) as init
\gset session_
\ir plan.sql

select :'migrate'::bool and :'done' = '' and :'messages' = '' as up_to_date
\gset
\if :up_to_date
	\set done 'schema "pgcdc" is up to date, left as it is'
\endif
\if :dry_run
	rollback;
	select regexp_replace(:'done', '^', '-- ', 'gn') where :'done' <> '';
	select statement || ';' from unnest(:'statements'::text[]) as statement;
	select 'select pgcdc.log_baseline();' where :'baseline'::bool;
\else
	select statement from unnest(:'statements'::text[]) as statement
	\gexec
	commit;
	select concat_ws(E'\n', nullif(:'done', ''), nullif(:'messages', ''))
	where :'done' <> '' or :'messages' <> '';
\endif
\if :schema_only
	\if :anew
		\set slot_wanted 0
		\ir baseline.sql
	\endif
	\quit
\endif

select :'ddl_begins'::bool or not :'snapshot'::bool as baseline_now
\gset
\if :snapshot
\set slot_wanted 0
\else
begin;
\ir lock.sql
select not exists (select from pg_replication_slots where slot_name = :'slot') as slot_wanted,
	format('slot "%s" exists, left as it is', :'slot') as message,
	format('select * from pg_create_logical_replication_slot(%L, ''pgoutput''%s)', :'slot',
		case when :'failover'::bool then ', false, false, true' else '' end) as create_slot,
	(select format('pgcdc: warning: creating slot "%s" waits for %s open transactions to end',
		:'slot', count(*)) from pg_locks
		where locktype = 'transactionid' and mode = 'ExclusiveLock' and granted
		having count(*) > 0) as waits
\gset
\if :dry_run
	select :'create_slot' || ';' where :'slot_wanted'::bool;
	rollback;
	select :'warnings' <> '' as warn
	\gset
	\if :warn
		\warn :warnings
	\endif
	\quit
\elif :slot_wanted
	\if :{?waits}
		\warn :waits
	\endif
	:create_slot
	\gset created_
	select format('created slot "%s" at %s', :'slot', :'created_lsn');
\else
	select :'message';
\endif
commit;
\endif

\if :baseline_now
	\ir baseline.sql
\endif

-- What is older than the slot is for the user to copy.  A table that somebody has locked is not
-- waited for.
select format('%s rows already, which are in no stream; copy %s',
	case count(*) when 1 then '1 table has' else count(*) || ' tables have' end,
	case count(*) when 1 then 'it' else 'them' end)
from pg_publication_tables p
	join pg_namespace n on n.nspname = p.schemaname and n.nspname <> 'pgcdc'
	join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
	left join lateral pg_partition_tree(c.oid) as below on c.relkind = 'p'
where :'slot_wanted'::bool and p.pubname = :'publication'
	and case when exists (select from pg_locks where mode = 'AccessExclusiveLock' and granted
			and relation = coalesce(below.relid, c.oid)) then true
		else pg_relation_size(coalesce(below.relid, c.oid)) > 0 end
having count(*) > 0;
select :'warnings' <> '' as warn
\gset
\if :warn
	\warn :warnings
\endif
