-- pgcdc trim: delete what nothing needs any more from the schema log.
--
-- Variables: before, a position or empty; 0 or 1 in dry_run.  Of each table stays the newest
-- definition at or below the position, which the rows behind it are read with, and all that is
-- above it.  The position is the first that a logical slot of this database can still read
-- rows of, or the stated one, whichever is lower.

\ir writer.sql

select :'before' <> '' and :'before' !~ '^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$' as failed,
	format('invalid position "%s" for option "--before"; expected one such as 0/1A2B3C4D',
		:'before') as message, '22023' as errcode
\gset
\if :failed
	\ir fail.sql
\endif
select c.oid is null as nothing
from (values (1)) as one_row left join (pg_class c join pg_namespace n on n.oid = c.relnamespace
	and n.nspname = 'pgcdc') on c.relname = 'schema_log'
\gset
\if :nothing
	select 'there is no schema log to trim';
	\quit
\endif

begin;
\ir lock.sql
select coalesce(least(min(least(restart_lsn, confirmed_flush_lsn)), nullif(:'before', '')::pg_lsn)::text, '')
	as position
from pg_replication_slots
where slot_type = 'logical' and database = current_database() and restart_lsn is not null
	and wal_status <> 'lost'
\gset
select :'position' = '' as failed,
	'there is no slot, whose position would say what is needed; give one with --before' as message,
	'22023' as errcode
\gset
\if :failed
	\ir fail.sql
\endif
\unset message

select :'dry_run'::bool as dry_run, count(*) as entries from pgcdc.schema_log
\gset
with mention as (
	select l.id, l.lsn, t ->> 'id' as table_id, false as dropped
	from pgcdc.schema_log l, jsonb_array_elements(l.schema -> 'tables') as t
	where l.lsn <= :'position'
	union all
	select l.id, l.lsn, t ->> 'id', true
	from pgcdc.schema_log l, jsonb_array_elements(l.dropped) as t
	where l.lsn <= :'position'
), needed as (
	select id from (
		select distinct on (table_id) id, dropped from mention order by table_id, lsn desc, id desc
	) as newest where not dropped
	union
	select id from pgcdc.schema_log where lsn > :'position'
	union
	-- what "pgcdc check" reports
	select id from pgcdc.schema_log where schema ? 'gap' and not schema ? 'covered'
), gone as (
	delete from pgcdc.schema_log
	where id not in (select id from needed)
		and id not in (select query_id from pgcdc.schema_log join needed using (id)
			where query_id is not null)
	returning id
)
select count(*) as n from gone
\gset gone_
delete from pgcdc.schema_commits where lsn <= :'position';
select format('%s %s of %s entries of the schema log, up to %s', case when :'dry_run'::bool then
	'would delete' else 'deleted' end, :'gone_n', :'entries', :'position');
\if :dry_run
	rollback;
\else
	commit;
\endif
