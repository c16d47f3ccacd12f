-- What --baseline mends besides the log: tables that a failure of the triggers has kept out of the
-- publications of init join them, and those that were named for their rows have been copied.

update pgcdc.table_ids set rows_before = false where rows_before;
select coalesce(array_agg(oid), '{}') as members from pg_publication_rel
\gset
select pgcdc.publish(array(select oid from pg_class where relkind in ('r', 'p') and not relispartition), null)
	as published
\gset
select concat_ws(E'\n', nullif(:'done', ''), string_agg(format('added table "%s.%s" to publication "%s"',
		regexp_replace(nspname, :'mask', '?', 'g'), regexp_replace(relname, :'mask', '?', 'g'),
		regexp_replace(pubname, :'mask', '?', 'g')), E'\n' order by pubname, nspname, relname)) as done
from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
	join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace
where r.oid <> all (:'members'::oid[])
\gset
