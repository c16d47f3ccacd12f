-- The start of every script: a session in which names mean what they say.
-- Included by the others with \ir; sets nothing that a user set on purpose.

\set VERBOSITY verbose
\set SHOW_CONTEXT never

select pg_catalog.set_config('search_path', '', false) as search_path,
	pg_catalog.set_config('client_min_messages', 'warning', false) as client_min_messages,
	pg_catalog.set_config('standard_conforming_strings', 'on', false) as standard_conforming_strings,
	-- DDL that waits for a lock makes everybody behind it wait too: give up early.
	pg_catalog.set_config('lock_timeout', case pg_catalog.current_setting('lock_timeout')
		when '0' then '5s' else pg_catalog.current_setting('lock_timeout') end, false) as lock_timeout,
	-- The planner takes a WITH query for one row; with 10,000 tables that costs minutes.  What
	-- it thinks of a plan without nested loops would set off the compiler, which takes seconds.
	pg_catalog.set_config('enable_nestloop', 'off', false) as enable_nestloop,
	pg_catalog.set_config('jit', 'off', false) as jit
\gset session_

-- :'mask' makes a name fit for one line: it is the pattern of what is replaced by '?'.
\set mask '[[:cntrl:]]'

select current_setting('server_version_num')::int >= 130000 as supported,
	format('server version %s is too old; pgcdc works with 13 and later',
		current_setting('server_version')) as message,
	'0A000' as errcode
\gset
\if :supported
\else
	\ir fail.sql
\endif
\unset message
