-- pgcdc check: what is wrong, or could go wrong, with server, slot and publications.
--
-- Variables: slot, publication (names separated by commas), slot_given and publication_given, empty
-- for the default; 0 or 1 in json, quiet; tables_cte holds tables.sql.  Columns that not every
-- version has are taken from a row as JSON.

\ir session.sql

-- The init that a remedy is about: of each publication in :asked, of the first one in :init.
with word as (
	select n, name, case when name ~ '^[A-Za-z0-9_.-]+$' then name
		else '''' || replace(name, '''', '''\''''') || '''' end as word
	from (select 0 as n, :'slot' as name union all select n, name
		from unnest(string_to_array(:'publication', ',')) with ordinality as p(name, n)) as given
), asked as (
	select p.n, p.name, concat('pgcdc init', ' -S ' || case when :'slot_given' <> '' then s.word end,
		' --publication=' || case when :'publication_given' <> '' then p.word end) as init
	from word s, word p where s.n = 0 and p.n > 0
)
select json_agg(asked order by n) as asked, (array_agg(init order by n))[1] as init from asked
\gset
\ir check_log.sql

with :tables_cte,
server as (
	select current_setting('server_version_num')::int as version, pg_is_in_recovery() as standby
), me as (
	select rolname as name, rolsuper or rolreplication or exists (select from pg_roles r
			where r.rolname = 'rds_replication' and pg_has_role(r.oid, 'member')) as replicates,
		rolsuper or pg_has_role('pg_read_all_settings', 'usage') as sees_settings
	from pg_roles where rolname = current_user
), slot as (
	select s.slot_name, s.slot_type, s.plugin, s.database, s.active_pid, s.wal_status, to_jsonb(s) as j
	from (values (:'slot')) as asked(name) left join pg_replication_slots s on s.slot_name = asked.name
), plugins as (
	-- The setting is hidden from ordinary roles; minor versions before these do not have it.
	select setting, 'pgoutput' = any (string_to_array(translate(setting, '" ', ''), ',')) as allowed,
		sees_settings or version < case version / 10000 when 13 then 140000 when 14 then 140024
			when 15 then 150019 when 16 then 160015 when 17 then 170011 when 18 then 180006
			else 0 end as known
	from server, me left join pg_settings on pg_settings.name = 'output_plugin_libraries'
), capacity as (
	select current_setting('max_replication_slots')::int as slots,
		(select count(*) from pg_replication_slots) as slots_used,
		current_setting('max_wal_senders')::int as senders,
		(select count(*) from pg_stat_replication) as senders_used
), asked as (
	select * from json_to_recordset(:'asked') as a(name text, init text)
), publication as (
	select p.*, asked.init, pubupdate or pubdelete as needs_identity
	from pg_publication p join asked on asked.name = p.pubname
), published as (
	-- as the publication names them
	select p.pubname, p.init, p.needs_identity, c.oid, c.relkind
	from publication p
		join pg_publication_tables t on t.pubname = p.pubname
		join pg_namespace n on n.nspname = t.schemaname and n.nspname <> 'pgcdc'
		join pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
), holder as (
	-- the tables that hold the rows
	select p.pubname, p.init, p.needs_identity, t.*
	from published p
		left join lateral pg_partition_tree(p.oid) as below on p.relkind = 'p'
		join every_table t on t.oid = coalesce(below.relid, p.oid)
	where t.relkind = 'r' and t.relpersistence = 'p'
), restricted as (
	-- From version 15 on a table can be published with a column list and a row filter.  The
	-- columns of a filter are known from what the filter depends on.
	select p.pubname, r.prrelid, t.name, r.listed is not null as listed,
		array(select attname from pg_attribute
			where attrelid = r.prrelid and attnum = any (r.listed)) as listed_columns,
		array(select a.attname from pg_depend d join pg_attribute a
				on a.attrelid = r.prrelid and a.attnum = d.refobjsubid
			where r.filtered and d.classid = 'pg_publication_rel'::regclass and d.objid = r.oid
				and d.refobjid = r.prrelid and d.refobjsubid > 0
				and d.refobjsubid <> all (coalesce(r.listed, '{}'))) as filter_columns
	from publication p
		join (select *, to_jsonb(rel)->>'prqual' is not null as filtered, string_to_array(
				translate(to_jsonb(rel)->>'prattrs', '[],', ''), ' ')::int[] as listed
			from pg_publication_rel rel) as r on r.prpubid = p.oid
		join every_table t on t.oid = r.prrelid
	where p.needs_identity and (r.filtered or r.listed is not null)
), restricted_part as materialized (
	select r.*, coalesce(below.relid, r.prrelid) as part
	from restricted r left join lateral pg_partition_tree(r.prrelid) as below on true
), restricted_holder as (
	select r.pubname, r.name, r.listed, r.listed_columns, r.filter_columns, h.relreplident,
		array(select a.attname from pg_attribute a
			where a.attrelid = h.oid and a.attnum > 0 and not a.attisdropped
				and (h.relreplident = 'f' or exists (select from pg_index i where i.indrelid = h.oid
					and case h.relreplident when 'd' then i.indisprimary else i.indisreplident end
					and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])))) as identity_columns
	from restricted_part r join holder h on h.oid = r.part and h.pubname = r.pubname
	where h.no_key is null
), outside as (
	select t.* from tables t
	where not t.relispartition and t.oid not in (select oid from published)
		and not (t.relkind = 'p' and exists (select from pg_partition_tree(t.oid) below
			where below.relid in (select oid from published)))
), finding(n, item, name, status, message, remedy) as (
	select 1, '', 'version', case when version >= 130000 then 'ok' else 'bad' end,
		format('server version is %s', current_setting('server_version')), 'use 13 or later'
	from server
	union all
	select 2, '', 'standby', case when version < 160000 then 'bad' else 'note' end,
		'the server is a standby', case when version < 160000
		then 'read from the primary: a standby can decode from version 16 on'
		else 'keep wal_level = logical on the primary, and hot_standby_feedback on' end
	from server where standby
	union all
	select 3, '', 'wal_level',
		case current_setting('wal_level') when 'logical' then 'ok' else 'bad' end,
		format('wal_level is %s', current_setting('wal_level')),
		'set wal_level = logical and restart the server'
	union all
	select 4, '', 'plugin',
		case when setting is null and not known then 'note'
			when setting is null or allowed then 'ok' else 'bad' end,
		case when setting is null and not known
				then 'cannot tell whether output_plugin_libraries allows pgoutput'
			when setting is null or allowed then 'output plugin pgoutput is allowed'
			else format('output_plugin_libraries (%s) does not allow pgoutput',
				coalesce(nullif(translate(setting, '" ', ''), ''), 'empty')) end,
		case when setting is null then 'check as a superuser or a member of pg_read_all_settings'
			else 'add pgoutput to it and reload the server' end
	from plugins
	union all
	select 5, '', 'slots',
		case when slot_name is null and slots_used >= slots then 'bad' else 'ok' end,
		format('%s of %s replication slots are in use', slots_used, slots),
		'raise max_replication_slots and restart the server, or drop a slot'
	from capacity, slot
	union all
	select 6, '', 'senders',
		case when active_pid is null and senders_used >= senders then 'bad' else 'ok' end,
		format('%s of %s WAL senders are in use', senders_used, senders),
		'raise max_wal_senders and restart the server'
	from capacity, slot
	union all
	select 7, '', 'slot', 'bad', format('slot "%s" does not exist', :'slot'),
		format('make it with "%s"', :'init')
	from slot where slot_name is null
	union all
	select 7, '', 'slot', case when fault is null then 'ok' else 'bad' end,
		format('slot "%s" %s', slot_name, coalesce(fault, 'is a logical slot of pgoutput')), remedy
	from slot, lateral (select
		case when slot_type <> 'logical' then 'is a physical slot'
			when plugin <> 'pgoutput' then format('has plugin "%s"', plugin)
			when database <> current_database() then format('belongs to database "%s"', database)
			when wal_status = 'lost' or j->>'conflicting' = 'true'
					or j->>'invalidation_reason' is not null
				then format('is invalidated (%s): changes after %s are lost',
					coalesce(j->>'invalidation_reason', 'WAL or rows it needs were removed'),
					coalesce(j->>'confirmed_flush_lsn', 'its start'))
			when wal_status = 'unreserved'
				then 'is about to be invalidated: WAL it needs may be removed at any moment'
			when j->>'two_phase' = 'true' then 'is two-phase, which pgcdc-read does not decode'
			end as fault,
		case when wal_status = 'lost' or j->>'conflicting' = 'true'
					or j->>'invalidation_reason' is not null
				then format('drop it, run "%s" and copy the tables anew', :'init')
			when wal_status = 'unreserved'
				then 'let the reader catch up, or raise max_slot_wal_keep_size'
			when slot_type = 'logical' and plugin = 'pgoutput' and database <> current_database()
				then 'connect to that database, or choose another name'
			else 'choose another name' end as remedy) as judged
	where slot_name is not null
	union all
	select 8, name, 'publication', case when p.oid is null then 'bad' else 'ok' end,
		format('publication "%s" %s', name, case when p.oid is null then 'does not exist'
			else 'exists' end), format('make it with "%s"; a slot older than it cannot be read',
			asked.init)
	from asked left join publication p on p.pubname = name
	union all
	select 9, p.pubname, 'tables', case when puballtables or n > 0 or exists (
			select from pg_publication_rel r join pg_class c on c.oid = r.prrelid
			where r.prpubid = p.oid and c.relnamespace is distinct from to_regnamespace('pgcdc'))
			then 'ok' else 'bad' end,
		format('publication "%s" publishes %s table%s', p.pubname,
			case when puballtables then 'all, now ' else '' end || n,
			case n when 1 then '' else 's' end),
		format('add some with "%s --tables=..." or ALTER PUBLICATION', init)
	from publication p, lateral (
		select count(*) as n from published t where t.pubname = p.pubname) as counted
	union all
	select 10, pubname, 'operations', 'note', format('publication "%s" does not publish %s', pubname,
			concat_ws(', ', case when not pubinsert then 'INSERT' end,
				case when not pubupdate then 'UPDATE' end,
				case when not pubdelete then 'DELETE' end,
				case when not pubtruncate then 'TRUNCATE' end)),
		format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'')', pubname)
	from publication where not (pubinsert and pubupdate and pubdelete and pubtruncate)
	union all
	-- see check_partitions() of pgcdc-read: it refuses these
	select distinct 10, p.pubname, 'partition', 'bad', format('server %s can crash or mix columns up: '
			'partition "%s.%s" is published as "%s.%s", and has its columns in another order or dropped ones',
			version / 10000, cn.nspname, c.relname, rn.nspname, r.relname),
		format('ALTER PUBLICATION %I SET (publish_via_partition_root = false), make the partition anew, '
			'or use server 15 or later', p.pubname)
	from server, publication p
		join published t on t.pubname = p.pubname and t.relkind = 'p'
		join pg_class r on r.oid = t.oid join pg_namespace rn on rn.oid = r.relnamespace,
		lateral pg_partition_tree(r.oid) as below
		join pg_class c on c.oid = below.relid and c.relkind = 'r'
		join pg_namespace cn on cn.oid = c.relnamespace
	where version < 150000 and p.pubviaroot and (c.relnatts <> r.relnatts or exists (
		select from pg_attribute o left join pg_attribute u on u.attrelid = r.oid
			and u.attnum = o.attnum and u.attname = o.attname
		where o.attrelid = c.oid and o.attnum > 0 and u.attrelid is null))
	union all
	select 11, '', 'replica_identity', 'ok', 'every published table has a replica identity', null
	where exists (select from holder) and not exists (
		select from holder where needs_identity and no_key is not null)
	union all
	select distinct 11, name, 'replica_identity', 'bad',
		format('UPDATE and DELETE of table "%s" fail: %s', name, no_key),
		format('give it a primary key, or run "%s --replica-identity=full", or '
			'ALTER TABLE %s REPLICA IDENTITY FULL', min(init) over (partition by oid), ident)
	from holder where needs_identity and no_key is not null
	union all
	select distinct 12, t.name, 'replica_identity', 'note',
		format('partitions added to table "%s" later have no replica identity: it has no primary key',
			t.name), 'give it a primary key, or each new partition REPLICA IDENTITY FULL'
	from publication p join pg_publication_rel r on r.prpubid = p.oid
		join every_table t on t.oid = r.prrelid and t.relkind = 'p'
	where p.needs_identity and not exists (select from pg_index where indrelid = t.oid and indisprimary)
	union all
	select distinct 13, name, 'column_list', 'bad',
		format('UPDATE and DELETE of table "%s" fail: the column list of publication "%s" lacks '
			'columns of the replica identity', name, pubname),
		'add them to the list, or publish all columns'
	from restricted_holder
	where listed and (relreplident = 'f' or not identity_columns <@ listed_columns)
	union all
	select distinct 14, name, 'row_filter', 'bad',
		format('UPDATE and DELETE of table "%s" fail: the row filter of publication "%s" uses '
			'columns outside of the replica identity', name, pubname),
		'filter by columns of the key, or set REPLICA IDENTITY FULL'
	from restricted_holder where not filter_columns <@ identity_columns
	union all
	select 15, '', 'unpublished', 'note', format('%s without replica identity %s not published: %s%s',
			case count(*) when 1 then '1 table' else count(*) || ' tables' end,
			case count(*) when 1 then 'is' else 'are' end,
			array_to_string((array_agg(format('"%s"', name) order by name))[1:10], ', '),
			case when count(*) > 10 then ' and others' else '' end),
		format('add primary keys, or run "%s --replica-identity=full"', :'init')
	from outside where relpersistence = 'p' and lacking <> '{}'
	having count(*) > 0
	union all
	select 16, '', 'unlogged', 'note', format('unlogged tables are never published: %s%s',
			array_to_string((array_agg(format('"%s"', name) order by name))[1:10], ', '),
			case when count(*) > 10 then ' and others' else '' end),
		'ALTER TABLE ... SET LOGGED'
	from every_table where relpersistence = 'u'
	having count(*) > 0
	union all
	select 17, '', 'privileges', case when replicates then 'ok' else 'bad' end,
		format('role "%s" %s', name, case when replicates then 'may replicate'
			else 'may not replicate' end), format('ALTER ROLE %I REPLICATION', name)
	from me
	union all
	-- which pgcdc-translate does, where schema changes are logged
	select 18, '', 'schema', case when exists (select from pg_event_trigger
			where evtname = 'pgcdc_command_end') then 'bad' else 'note' end,
		format('role "%s" may not read schema "pgcdc"', me.name),
		format('run "%s --role=%s" as its owner', :'init', me.name)
	from me, pg_namespace n left join pg_class c on c.relnamespace = n.oid and c.relname = 'schema_log'
	where n.nspname = 'pgcdc' and not (has_schema_privilege(n.oid, 'usage')
		and coalesce(has_table_privilege(c.oid, 'select'), true))
	union all
	select 19, '', 'wal_retention', 'note', case current_setting('max_slot_wal_keep_size')
		when '-1' then 'max_slot_wal_keep_size is unlimited: a reader that stays away fills the disk'
		else format('a slot that falls %s behind is invalidated',
			current_setting('max_slot_wal_keep_size')) end,
		case current_setting('max_slot_wal_keep_size') when '-1' then 'watch "pgcdc status", or set a limit'
		else 'watch "pgcdc status"' end
	union all
	select 20, '', 'slot_timeout', 'note',
		format('a slot without a reader is invalidated after %s', current_setting(name)),
		'set idle_replication_slot_timeout = 0 to keep it'
	from pg_settings where name = 'idle_replication_slot_timeout' and setting <> '0'
	union all
	select 21, '', 'wal_sender_timeout', 'note', case setting when '0'
		then 'wal_sender_timeout is 0: a reader that vanished can hold the slot for hours'
		else format('wal_sender_timeout is only %s: a short pause ends the stream',
			current_setting(name)) end, 'set it to the default, 1min'
	from pg_settings where name = 'wal_sender_timeout' and setting::int < 1000
	union all
	select 22, '', 'encoding', 'note', 'the encoding of the database is SQL_ASCII: a value that is not '
		'valid UTF-8 ends the stream', 'move the data to a database with encoding UTF8'
	where current_setting('server_encoding') = 'SQL_ASCII'
	union all
	select 23, item, name, status, message, remedy
	from json_to_recordset(:'log_findings') as f(item text, name text, status text, message text, remedy text)
), shown as (
	select n, item, name, status, regexp_replace(message, :'mask', '?', 'g') as message,
		case when status <> 'ok' then regexp_replace(remedy, :'mask', '?', 'g') end as remedy
	from finding where status = 'bad' or not :'quiet'::bool
)
select
	case when :'json'::bool then coalesce(json_agg(json_build_object('name', name, 'status', status,
			'message', message, 'remedy', remedy) order by n, item)::text, '[]')
		else string_agg(format('%-5s%s%s', status, message, '; ' || remedy), E'\n' order by n, item)
		end as answer,
	bool_or(status = 'bad') is true as negative
from shown
\gset

\if :{?answer}
	select :'answer';
\endif
\if :negative
	\set message ''
	\set errcode PC001
	\ir fail.sql
\endif
