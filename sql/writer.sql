-- The start of every script that writes, :command: refuse a schema pgcdc that is not ours, and a
-- server that takes no changes.

\ir session.sql

-- Whoever owns its tables could put triggers on them, and those would run with the rights of
-- whoever runs this.  Nor can what is in them be taken over: teardown trusts it.
select count(*) > 0 as foreign_schema,
	format('schema "pgcdc" belongs to role "%s", not to "%s"; run this as "%1$s"',
		min(owner.rolname), current_user)
	|| case when bool_or(me.rolsuper) and :'command' = 'init' and not (:'no_ddl'::bool or :'migrate'::bool)
		then format(' with --no-ddl, or for event triggers "pgcdc teardown" as "%s", then init '
			'as a superuser, and copy the tables anew', min(owner.rolname)) else '' end as message,
	'42501' as errcode
from pg_namespace n
	join pg_roles owner on owner.oid = n.nspowner
	join pg_roles me on me.rolname = current_user
where n.nspname = 'pgcdc' and owner.oid <> me.oid and not (owner.rolsuper and me.rolsuper)
\gset
\if :foreign_schema
	\ir fail.sql
\endif
\unset message

select pg_is_in_recovery() as failed,
	'the server is a standby; run this on its primary' as message, '25006' as errcode
\gset
\if :failed
	\ir fail.sql
\endif
\unset message
