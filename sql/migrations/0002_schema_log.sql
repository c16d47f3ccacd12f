-- The schema log: event triggers write here what each DDL command made of the tables, in the
-- transaction of the command, so it comes in the stream in order with the rows.  See
-- pgcdc-schema(5) for the columns and the JSON.
create table pgcdc.schema_log (
	id bigint generated always as identity primary key,
	lsn pg_lsn not null default pg_current_wal_insert_lsn(),
	-- from a sequence: a maximum would make concurrent DDL wait
	version bigint generated always as identity,
	schema_name text,
	command_tag text not null,
	object_type text,
	object_identity text,
	query text,
	-- where query is null: the entry whose query it is
	query_id bigint,
	search_path text,
	schema jsonb not null default '{}',
	dropped jsonb,
	created_at timestamptz not null default clock_timestamp(),
	acked boolean not null default false
);

-- Where entries were committed that took no lock on their tables, from pgcdc-translate: a trigger
-- cannot know it.  The entry itself may not be visible yet, when its commit waits for a standby.
create table pgcdc.schema_commits (
	id bigint primary key,
	lsn pg_lsn not null
);

-- The names of the tables that a row of the log describes.
create function pgcdc.described(schema jsonb) returns text[]
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
	return array(select (t ->> 'schema') || '.' || (t ->> 'name')
		from jsonb_array_elements(schema -> 'tables') as t);
end
$$;
-- Without a list of pending entries, which each command would have to search.
create index on pgcdc.schema_log using gin (pgcdc.described(schema)) with (fastupdate = off)
	where schema ? 'tables';
create index on pgcdc.schema_log (id) where schema ? 'gap';

-- The identity of each table, which no rename changes, and what the log last said of it.  As
-- regclass it survives a dump and restore.
create table pgcdc.table_ids (
	id bigint generated always as identity primary key,
	relation regclass not null unique,
	-- what it was attached to, or inherited from, as ALTER TABLE of that names only that
	parents oid[] not null default '{}',
	schema_name text not null,
	table_name text not null,
	-- md5 of the definition, so that the log holds only what changed
	digest text not null,
	-- nothing of an unlogged table is in a stream
	unlogged boolean not null default false,
	-- it had rows when it joined the publication, which therefore are in no stream
	rows_before boolean not null default false
);
create index on pgcdc.table_ids using gin (parents) with (fastupdate = off);

-- DROP INDEX does not say whose index it was; only those that can be a key are here.  An index is
-- made behind the rows when a dump is restored, so its name would not be known then.
create table pgcdc.table_keys (
	index oid primary key,
	table_id bigint not null references pgcdc.table_ids on delete cascade
);
create index on pgcdc.table_keys (table_id);

-- What a DELETE of the table can carry, as pgoutput sends it: under FULL a key all the same, the
-- primary one or else the first that cannot be null.
create function pgcdc.identity_index(relation oid) returns oid
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	return (
	select i.indexrelid
	from pg_class c join pg_index i on i.indrelid = c.oid
	where c.oid = identity_index.relation and i.indisunique and i.indimmediate and i.indpred is null
		and i.indexprs is null and (i.indisvalid or c.relkind = 'p')
		and case c.relreplident
			when 'd' then i.indisprimary
			when 'i' then i.indisreplident
			when 'f' then not exists (select from unnest(i.indkey[:i.indnkeyatts - 1]) as k(attnum)
				join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
				where not a.attnotnull)
			else false end
	order by i.indisprimary desc, i.indexrelid
	limit 1
	);
end
$$;

-- A table as the log has it.
create function pgcdc.definition(relation oid, id bigint) returns jsonb
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	return (
	select jsonb_strip_nulls(jsonb_build_object(
		'id', definition.id::text,
		'schema', n.nspname,
		'name', c.relname,
		'kind', case c.relkind when 'r' then 'table' when 'p' then 'partitioned table'
			else 'foreign table' end,
		'unlogged', case c.relpersistence when 'u' then true end,
		'partition', case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end,
		'parents', (select jsonb_agg(t.id::text order by h.inhseqno)
			from pg_inherits h join pgcdc.table_ids t on t.relation = h.inhparent
			where h.inhrelid = c.oid),
		'replica_identity', case c.relreplident when 'd' then 'default' when 'i' then 'index'
			when 'f' then 'full' else 'nothing' end,
		'primary_key', (select jsonb_agg(definition.id || '-' || k.attnum order by k.n)
			from pg_index i, unnest(i.indkey[:i.indnkeyatts - 1]) with ordinality as k(attnum, n)
			where i.indrelid = c.oid and i.indisprimary),
		'identity', (select jsonb_agg(definition.id || '-' || k.attnum order by k.n)
			from pg_index i, unnest(i.indkey[:i.indnkeyatts - 1]) with ordinality as k(attnum, n)
			where i.indexrelid = pgcdc.identity_index(c.oid)),
		'columns', (select jsonb_agg(jsonb_build_object(
				'id', definition.id || '-' || a.attnum,
				'name', a.attname,
				'type', format_type(a.atttypid, a.atttypmod),
				'nullable', not a.attnotnull,
				'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
				'generated', case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end,
				'expression', case when a.attgenerated <> ''
					then pg_get_expr(d.adbin, d.adrelid) end,
				'identity', case a.attidentity when 'a' then 'always'
					when 'd' then 'by default' end,
				'collation', case when a.attcollation <> t.typcollation then (
					select format('%I.%I', cn.nspname, co.collname)
					from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace
					where co.oid = a.attcollation) end,
				'storage', case when a.attstorage <> t.typstorage then case a.attstorage
					when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main'
					else 'extended' end end,
				'values', case when t.typtype = 'e' then (
					select jsonb_agg(e.enumlabel order by e.enumsortorder)
					from pg_enum e where e.enumtypid = t.oid) end,
				'unique', exists (select from pg_index i
					where i.indrelid = c.oid and i.indisunique and i.indimmediate
					and i.indnkeyatts = 1 and i.indkey[0] = a.attnum and i.indpred is null)
			) order by a.attnum)
			from pg_attribute a
				join pg_type t on t.oid = a.atttypid
				left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
			where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
	))
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where c.oid = relation
	);
end
$$;

-- Gives the definition of each of these tables that is another than what the log last said, and
-- takes note of it.  What is no table of a user is left out.  The row of a table is locked first,
-- as a command of another transaction may have changed the table: what it logged must not
-- be undone by what this one saw before.  What is set is what an expression is printed with.
create function pgcdc.changed(relations oid[])
returns table (relation oid, schema_name text, definition jsonb)
language plpgsql rows 10 set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1
set datestyle = 'ISO, YMD' set intervalstyle = 'postgres'
set timezone = 'UTC' set lc_monetary = 'C' set bytea_output = 'hex' set extra_float_digits = 1
set quote_all_identifiers = off set standard_conforming_strings = on as $$
declare
	known record;
	new_digest text;
begin
	insert into pgcdc.table_ids (relation, schema_name, table_name, digest)
	select c.oid, '', '', ''
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where c.oid = any (relations) and c.relkind in ('r', 'p', 'f')
		and c.relpersistence in ('p', 'u') and c.oid >= 16384 and n.nspname <> 'pgcdc'
		and not exists (select from pgcdc.table_ids t where t.relation = c.oid)
	order by c.oid
	on conflict do nothing;

	for known in
		select * from pgcdc.table_ids t where t.relation = any (relations)
		order by t.id for no key update
	loop
		relation := known.relation;
		definition := pgcdc.definition(relation, known.id);
		new_digest := md5(definition::text);
		if new_digest = known.digest then
			continue;
		end if;
		schema_name := definition ->> 'schema';
		update pgcdc.table_ids t set schema_name = changed.schema_name,
			table_name = changed.definition ->> 'name', digest = new_digest,
			unlogged = changed.definition ? 'unlogged',
			parents = array(select inhparent from pg_inherits where inhrelid = changed.relation)
		where t.id = known.id;
		delete from pgcdc.table_keys where table_id = known.id;
		insert into pgcdc.table_keys select indexrelid, known.id from pg_index
			where indrelid = changed.relation and indisunique and indimmediate
			on conflict (index) do update set table_id = excluded.table_id;
		-- the command does not say what a renamed table was called
		if known.digest <> '' and (known.schema_name, known.table_name)
				<> (schema_name, definition ->> 'name') then
			definition := definition || jsonb_build_object('was', jsonb_build_object(
				'schema', known.schema_name, 'name', known.table_name));
		end if;
		return next;
	end loop;
end
$$;

-- What the planner may not do here and below is to read a whole catalog: it takes each set for a
-- thousand rows, and a command concerns few.

-- The tables with a column of one of these types, or of an array, domain, range or composite of it.
create function pgcdc.users_of(types oid[]) returns oid[]
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1 as $$
begin
	return array(
	with recursive type(oid) as (
		select unnest(types)
		union
		select coalesce(t.oid, c.reltype)
		from type
			join pg_depend d on d.refclassid = 'pg_type'::regclass and d.refobjid = type.oid
			left join pg_type t on d.classid = 'pg_type'::regclass and t.oid = d.objid
			left join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid
				and c.relkind = 'c'
		where coalesce(t.oid, c.reltype) is not null
	)
	select distinct objid from pg_depend
	where refclassid = 'pg_type'::regclass and refobjid = any (array(select oid from type))
		and classid = 'pg_class'::regclass and objsubid > 0
	);
end
$$;

-- The tables that a command on this object may have changed: itself, what hangs below it or did
-- so before; the table of an index; those with a column of a type or collation, or with a
-- default of a sequence; and those that a schema or extension took along to another name, or
-- the types of which.
create function pgcdc.touched(class oid, object oid) returns setof oid
language plpgsql stable rows 10 set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1 as $$
declare
	relation record;
	tables oid[];
begin
	if class = 'pg_class'::regclass then
		select relkind, reltype into relation from pg_class where oid = object;
		if relation.relkind in ('i', 'I') then
			tables := array(select indrelid from pg_index where indexrelid = object);
		elsif relation.relkind = 'S' then
			tables := array(select a.adrelid from pg_depend d join pg_attrdef a on a.oid = d.objid
				where d.refclassid = class and d.refobjid = object
					and d.classid = 'pg_attrdef'::regclass);
		elsif relation.relkind = 'c' then
			tables := pgcdc.users_of(array[relation.reltype]);
		elsif relation.relkind in ('r', 'p', 'f') then
			tables := array[object];
		end if;
	elsif class = 'pg_type'::regclass then
		tables := pgcdc.users_of(array[object]);
	elsif class = 'pg_collation'::regclass then
		tables := array(select objid from pg_depend where refclassid = class and refobjid = object
			and classid = 'pg_class'::regclass and objsubid > 0);
	elsif class in ('pg_namespace'::regclass, 'pg_extension'::regclass) then
		tables := pgcdc.users_of(array(select objid from pg_depend
				where refclassid = class and refobjid = object and classid = 'pg_type'::regclass))
			|| array(select c.oid
				from pg_depend d join pg_class c on c.oid = d.objid
					join pg_namespace n on n.oid = c.relnamespace
					join pgcdc.table_ids t on t.relation = c.oid
				where d.refclassid = class and d.refobjid = object
					and d.classid = 'pg_class'::regclass and t.schema_name <> n.nspname);
	end if;

	if not exists (select from pg_inherits where inhparent = any (tables))
			and not exists (select from pgcdc.table_ids where parents && tables) then
		return query select unnest(tables);
		return;
	end if;
	return query
	with recursive tree(oid) as (
		select unnest(tables)
		union
		select below.oid
		from tree, lateral (
			select inhrelid as oid from pg_inherits where inhparent = tree.oid
			union
			select t.relation from pgcdc.table_ids t where t.parents @> array[tree.oid]
		) as below
	)
	select oid from tree;
end
$$;

-- The text of a command, unless there can be a secret in it.
create function pgcdc.loggable(tag text, query text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	if tag ~ '(USER MAPPING|SERVER|SUBSCRIPTION|FOREIGN DATA WRAPPER)$'
			or query ~* '(create|alter)\s+(user\s+mapping|server|subscription|foreign\s+data)'
			or query ~* '\ypassword\s*(=|\$|e?''|u&'')' then
		return null;
	end if;
	return loggable.query;
end
$$;

-- Writes an entry.  A long text goes into the first entry of the client's query only: a thousand
-- commands in one query of a megabyte are not to be a gigabyte.
create function pgcdc.write(entry pgcdc.schema_log) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	if octet_length(entry.query) > 8192 then
		select f.id into entry.query_id
		from (select coalesce(query_id, id) as id from pgcdc.schema_log order by id desc limit 1) as l
			join pgcdc.schema_log f on f.id = l.id
		where f.query = entry.query and f.created_at >= statement_timestamp();
	end if;
	insert into pgcdc.schema_log (schema_name, command_tag, object_type, object_identity, query,
		query_id, search_path, schema, dropped)
	values (entry.schema_name, entry.command_tag, entry.object_type, entry.object_identity,
		case when entry.query_id is null then entry.query end, entry.query_id,
		entry.search_path, coalesce(entry.schema, '{}'), entry.dropped);
end
$$;

-- What a command made, one entry a schema.  Is the definition of a table among it?
create function pgcdc.log_command(tag text, query text, path text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1
set quote_all_identifiers = off as $$
declare
	entry pgcdc.schema_log;
	defines boolean := false;
begin
	entry.command_tag := tag;
	entry.query := pgcdc.loggable(tag, query);
	entry.search_path := path;
	for entry.schema_name, entry.object_type, entry.object_identity, entry.schema in
		with command as (
			select row_number() over () as n, classid, objid, object_type, object_identity,
				in_extension, command_tag,
				case when object_type = 'schema' then n.nspname else c.schema_name end as schema_name
			from pg_event_trigger_ddl_commands() c
				left join pg_namespace n on classid = 'pg_namespace'::regclass and n.oid = objid
			where coalesce(c.schema_name, '') not in ('pgcdc', 'pg_temp')
		), changed as (
			select * from pgcdc.changed(array(
				select touched from command, pgcdc.touched(classid, objid)
				where tag not in ('COMMENT', 'SECURITY LABEL')))
		), object as (
			-- CREATE TABLE names the sequences of its columns first
			select distinct on (schema_name) * from command where not in_extension
			order by schema_name, command_tag = tag desc, n
		)
		select coalesce(o.schema_name, t.schema_name), o.object_type, o.object_identity, t.schema
		from object o full join (
			select schema_name, jsonb_build_object('tables', jsonb_agg(
				case when tag in ('CREATE TABLE AS', 'SELECT INTO')
					then definition || '{"rows_before": true}' else definition end
				order by relation)) as schema
			from changed group by schema_name) as t on t.schema_name = o.schema_name
		order by 1
	loop
		perform pgcdc.write(entry);
		defines := defines or entry.schema is not null;
	end loop;
	return defines;
end
$$;

-- What a command took away, one entry a schema.  What ALTER TABLE drops is in the definition of
-- the table, which its end logs.
create function pgcdc.log_drop(tag text, query text, path text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1
set quote_all_identifiers = off as $$
declare
	entry pgcdc.schema_log;
	dropped oid[] := array(select objid from pg_event_trigger_dropped_objects()
		where classid = 'pg_class'::regclass and objsubid = 0);
	altered oid[];
	gone jsonb;
begin
	-- columns that went with their type, defaults with their function, and keys
	altered := array(
		select objid from pg_event_trigger_dropped_objects()
		where classid = 'pg_class'::regclass and objsubid > 0
		union
		select to_regclass(format('%I.%I', address_names[1], address_names[2]))
		from pg_event_trigger_dropped_objects() where object_type = 'default value'
		union
		select t.relation from pgcdc.table_keys k join pgcdc.table_ids t on t.id = k.table_id
		where k.index = any (dropped));
	with gone as (
		delete from pgcdc.table_ids t where t.relation = any (dropped)
		returning t.id, t.schema_name, t.table_name
	)
	select jsonb_agg(jsonb_build_object('id', id::text, 'schema', schema_name, 'name', table_name)
		order by id) from gone into gone;
	if gone is null and tag not like 'DROP %' or tag = 'DROP PUBLICATION' then
		return;
	end if;

	entry.command_tag := tag;
	entry.query := pgcdc.loggable(tag, query);
	entry.search_path := path;
	for entry.schema_name, entry.object_type, entry.object_identity, entry.schema, entry.dropped in
		with object as (
			select distinct on (1) case when object_type = 'schema' then address_names[1]
				else d.schema_name end as schema_name, object_type, object_identity
			from pg_event_trigger_dropped_objects() with ordinality as d
			where original and not is_temporary and d.schema_name is distinct from 'pgcdc'
				-- what the script of an extension drops
				and (tag like '% EXTENSION' or coalesce(query, '') !~* '^\s*(create|alter)\s+extension\y')
			order by 1, ordinality
		), changed as (
			select schema_name, jsonb_build_object('tables', jsonb_agg(definition order by relation))
				as schema
			from pgcdc.changed(altered) group by schema_name
		), dropped as (
			select table_id ->> 'schema' as schema_name, jsonb_agg(table_id) as tables
			from jsonb_array_elements(gone) as table_id group by 1
		)
		select schema_name, o.object_type, o.object_identity, c.schema, d.tables
		from object o full join changed c using (schema_name) full join dropped d using (schema_name)
		order by 1
	loop
		perform pgcdc.write(entry);
	end loop;
end
$$;

-- A failure of the above blocks nobody: the log has a gap, which "pgcdc check" reports.  Where the log
-- itself is locked, too, only the WARNING tells of it.
create function pgcdc.log_gap(tag text, query text, path text, reason text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set lock_timeout = '1s' as $$
begin
	raise warning 'pgcdc: could not log this command: %', reason
		using hint = 'The command is done. See "pgcdc check".';
	insert into pgcdc.schema_log (command_tag, query, search_path, schema)
	values (tag, left(pgcdc.loggable(tag, query), 8192), path, jsonb_build_object('gap', reason));
exception when others then
	raise warning 'pgcdc: could not log that either: %', sqlerrm;
end
$$;

-- What all tables are, for whoever reads the log from here on, and as many entries.  Other servers'
-- entries, which a restored dump has brought, are not to come in between, and what was missing
-- so far is missing no more.
create function pgcdc.log_baseline() returns bigint
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1 as $$
declare
	n bigint;
begin
	delete from pgcdc.schema_log where lsn > pg_current_wal_insert_lsn();
	delete from pgcdc.schema_commits where lsn > pg_current_wal_insert_lsn();
	update pgcdc.schema_log set schema = schema || '{"covered": true}'
	where schema ? 'gap' and not schema ? 'covered';
	delete from pgcdc.table_ids t where not exists (select from pg_class where oid = t.relation);
	-- which waits for the commands of other transactions to end
	update pgcdc.table_ids set digest = '';
	insert into pgcdc.schema_log (schema_name, command_tag, schema)
	select schema_name, 'BASELINE', jsonb_build_object('baseline', true, 'tables',
		jsonb_build_array(definition))
	from pgcdc.changed(array(select oid from pg_class where relkind in ('r', 'p', 'f')));
	get diagnostics n = row_count;
	return n;
end
$$;
