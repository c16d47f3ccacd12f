-- What is wrong with the schema log, for check.sql: leaves in :log_findings a JSON array of findings.
-- Only for a role that may read schema pgcdc; check.sql says so of others.  "init --baseline" alone
-- makes no publication and no slot, so it needs no names of them.

select coalesce((select has_schema_privilege(n.oid, 'usage') and (c.oid is null
			or has_table_privilege(c.oid, 'select')) and has_table_privilege(m.oid, 'select')
		from pg_namespace n
			join pg_class m on m.relnamespace = n.oid and m.relname = 'made'
			left join pg_class c on c.relnamespace = n.oid and c.relname = 'table_ids'
		where n.nspname = 'pgcdc'), false) as readable,
	exists (select from pg_namespace n join pg_class c on c.relnamespace = n.oid
		where n.nspname = 'pgcdc' and c.relname = 'table_ids') as present
\gset log_
\set log_findings '[]'
\if :log_readable
\if :log_present
	with trigger as (
		select asked.name, e.evtenabled
		from (values ('pgcdc_command_end'), ('pgcdc_drop')) as asked(name)
			left join pg_event_trigger e on e.evtname = asked.name
	), state as (
		select bool_and(evtenabled is not null) as made, bool_and(evtenabled is not distinct from 'A')
				and coalesce(current_setting('event_triggers', true), 'on') = 'on' as works,
			exists (select from pgcdc.made where kind = 'no-ddl') as unwanted
		from trigger
	), gap as (
		select count(*) as n, min(created_at) as since,
			(array_agg(command_tag || ': ' || (schema ->> 'gap') order by id desc))[1] as last
		from pgcdc.schema_log where schema ? 'gap' and not schema ? 'covered'
	), publication as (
		select p.pubname, a.init, m.since, p.puballtables or exists (select from pg_publication_rel r
				where r.prpubid = p.oid and r.prrelid = 'pgcdc.schema_log'::regclass) as has_log
		from pg_publication p
			join json_to_recordset(:'asked') as a(name text, init text) on a.name = p.pubname
			left join pgcdc.made m on m.kind = 'publication' and m.name = p.pubname
	), finding(item, name, status, message, remedy) as (
		select '', 'schema_log', 'ok', 'schema changes are logged', null from state where works
		union all
		select '', 'schema_log', 'note', 'schema changes are not logged: init was run with --no-ddl',
			case when owner.rolsuper then format('run "%s" as a superuser to have them', :'init')
			else format('to have them run "pgcdc teardown" as "%s", then "%s" as a superuser, and copy '
				'the tables anew', owner.rolname, :'init') end
		from state, pg_namespace n join pg_roles owner on owner.oid = n.nspowner
		where not made and unwanted and n.nspname = 'pgcdc'
		union all
		select t.name, 'schema_log', 'bad', format(case when evtenabled is null
				then 'event trigger "%s" does not exist: schema changes are not logged'
				when evtenabled = 'D' then 'event trigger "%s" is disabled: schema changes are not logged'
				else 'event trigger "%s" is not ENABLE ALWAYS: not all schema changes are logged' end,
				t.name), 'run "pgcdc init --baseline", which mends that'
		from trigger t, state where t.evtenabled is distinct from 'A' and not (unwanted and not made)
		union all
		select '', 'schema_log', 'bad', 'schema changes are not logged: the setting event_triggers is off',
			'set it to on, reload the server, then run "pgcdc init --baseline"'
		where current_setting('event_triggers', true) = 'off'
		union all
		select 'gap', 'schema_gap', 'bad', format('%s could not be logged since %s, the last: %s',
				case n when 1 then '1 schema change' else n || ' schema changes' end,
				date_trunc('second', since), last),
			'run "pgcdc init --baseline"'
		from gap where n > 0
		union all
		select t.schema_name || '.' || t.table_name, 'rows_before', 'bad',
			format('table "%s.%s" had rows before it was published, which are in no stream',
				t.schema_name, t.table_name), 'copy the table, then run "pgcdc init --baseline"'
		from pgcdc.table_ids t where t.rows_before
		union all
		select p.pubname, 'schema_published', 'bad',
			format('publication "%s" does not publish schema changes', p.pubname),
			format('ALTER PUBLICATION %I ADD TABLE pgcdc.schema_log, or run "%s"', p.pubname, p.init)
		from publication p, state where made and not has_log
		union all
		select p.pubname, 'publication_age', 'bad', format('publication "%s" is younger than slot "%s": '
				'changes before %s cannot be read', p.pubname, s.slot_name, p.since),
			format('run SELECT pg_drop_replication_slot(%L), then "%s", and copy the tables anew',
				s.slot_name, p.init)
		from publication p join pg_replication_slots s on s.slot_name = :'slot'
		where s.confirmed_flush_lsn < p.since
	)
	select json_agg(f) as findings from finding f
	\gset log_
\else
	select json_build_array(json_build_object('item', '', 'name', 'schema_log', 'status', 'bad',
		'message', 'schema "pgcdc" is of an older version: schema changes are not logged',
		'remedy', format('run "%s"', :'init'))) as findings
	\gset log_
\endif
\endif
