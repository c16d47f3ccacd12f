-- Bring schema pgcdc up to date: each file of migrations/ is applied once, in this order, inside
-- the transaction and under the lock of the script that includes this one.  A released
-- migration is never changed; what is to change later is a new one at the end of the list.
-- Leaves in :done a line for each thing it did.

select not exists (select from pg_namespace where nspname = 'pgcdc') as wanted
\gset
\set done ''
\if :wanted
	create schema pgcdc;
	\set done 'created schema "pgcdc"'
\endif

select to_regclass('pgcdc.migrations') is null as wanted
\gset
\if :wanted
	create table pgcdc.migrations (
		name text primary key,
		applied_at timestamptz not null default now()
	);
\endif

\set known ''
\set migration 0001_made
\ir migrate_one.sql
\set migration 0002_schema_log
\ir migrate_one.sql
\set migration 0003_publish
\ir migrate_one.sql

select count(*) > 0 as newer,
	format('schema "pgcdc" has migration "%s", which this version of pgcdc does not know; '
		'use the newer pgcdc that made it', min(name)) as message,
	'55000' as errcode
from pgcdc.migrations
where name <> all (string_to_array(:'known', ','))
\gset
\if :newer
	\ir fail.sql
\endif
\unset message
