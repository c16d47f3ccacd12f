-- The event triggers of the schema log, unless :no_ddl or :migrate.  Adds a line to :done for what
-- it did, and says in :ddl_begins whether schema changes were not logged before.  They are no
-- migration, as a role that may not make them can do without.

select not :'no_ddl'::bool and not :'migrate'::bool and count(*) filter (where evtenabled = 'A') < 2
		as ddl_begins,
	case count(*) when 2 then 'enabled' else 'created' end || ' event triggers that log schema changes'
		as message,
	:'no_ddl'::bool and count(*) = 0 as without
from pg_event_trigger where evtname in ('pgcdc_command_end', 'pgcdc_drop')
\gset
\if :ddl_begins
	do $$
	begin
		if not exists (select from pg_event_trigger where evtname = 'pgcdc_command_end') then
			create event trigger pgcdc_command_end on ddl_command_end
				execute function pgcdc.on_command_end();
		end if;
		if not exists (select from pg_event_trigger where evtname = 'pgcdc_drop') then
			create event trigger pgcdc_drop on sql_drop execute function pgcdc.on_drop();
		end if;
		-- also for DDL that is itself replicated
		alter event trigger pgcdc_command_end enable always;
		alter event trigger pgcdc_drop enable always;
	exception when insufficient_privilege then
		raise exception using errcode = sqlstate, message = format('role "%s" may not create event '
			'triggers, which log schema changes; ' || case
			when exists (select from pgcdc.made where kind = 'no-ddl')
				then 'do without them with --no-ddl, or run "pgcdc teardown" as "%1$s", then '
					'init as a superuser, and copy the tables anew'
			else 'run this as a superuser, or do without them with --no-ddl' end, current_user);
	end
	$$;
	delete from pgcdc.made where kind = 'no-ddl';
	select concat_ws(E'\n', nullif(:'done', ''), :'message') as done
	\gset
\elif :without
	insert into pgcdc.made (kind, name) values ('no-ddl', '') on conflict do nothing;
\endif
\unset message
