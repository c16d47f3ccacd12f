-- Tables that come later join the publications of init by rule, and the event triggers' functions,
-- which do this and write the schema log.

-- Do tables without a key get REPLICA IDENTITY FULL, to join this publication?
alter table pgcdc.made add makes_full boolean not null default false;
-- Patterns of tables that do not belong in the publication, whatever else matches them.
alter table pgcdc.made add excluded text not null default '';
-- Where in the WAL was the publication made?  A slot cannot read rows from before it.
alter table pgcdc.made add since pg_lsn;

-- Is the name one that the patterns, separated by commas, are made for?
create function pgcdc.matches(patterns text, name text) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
	return exists (select from unnest(string_to_array(patterns, ',')) as pattern
		where name like replace(replace(replace(replace(pattern,
			'\', '\\'), '_', '\_'), '%', '\%'), '*', '%'));
end
$$;

-- Do the patterns match the table, or what it is a partition of?
create function pgcdc.is_excluded(patterns text, relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	return patterns <> '' and exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.oid = any (relation || array(select relid::oid from pg_partition_ancestors(relation)))
			and pgcdc.matches(patterns, n.nspname || '.' || c.relname));
end
$$;

-- Does the publication publish all tables, one of these, or one of these schemas?
create function pgcdc.publishes(publication oid, relations oid[], schemas oid[]) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	if exists (select from pg_publication where oid = publication and puballtables) or exists (
			select from pg_publication_rel where prpubid = publication and prrelid = any (relations)) then
		return true;
	end if;
	if current_setting('server_version_num')::int < 150000 then
		return false;
	end if;
	return exists (select from pg_publication_namespace
		where pnpubid = publication and pnnspid = any (schemas));
end
$$;

-- Does the publication publish the table: as such, or what it is a partition of?
create function pgcdc.is_member(publication oid, relation oid) returns boolean
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
	relations oid[] := relation || array(select relid::oid from pg_partition_ancestors(relation));
begin
	return pgcdc.publishes(publication, relations,
		array(select relnamespace from pg_class where oid = any (relations)));
end
$$;

-- The rows that a table has by now are in no stream: say so, here and in "pgcdc check".
create function pgcdc.misses_rows(relation oid) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	update pgcdc.table_ids t set rows_before = true where t.relation = misses_rows.relation;
	raise warning 'pgcdc: the rows that table % has by now are in no stream', relation::regclass
		using hint = 'Copy the table. See "pgcdc check".';
end
$$;

-- A table joins, and its rows so far are in no stream.  Those of a partition that was detached came
-- under the name of what it was a part of.
create function pgcdc.join_publication(publication name, relation oid, ident text, by_command boolean)
returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	execute format('alter publication %I add table only %s', publication, ident);
	if by_command then
		if exists (select from pg_event_trigger_ddl_commands() join pg_publication pub
				on pub.pubname = join_publication.publication
				where classid = 'pg_class'::regclass and objid <> relation
					and pgcdc.is_member(pub.oid, objid)) then
			return;
		end if;
	end if;
	if pg_relation_size(relation) > 0 or exists (select from pg_partition_tree(relation)
			where isleaf and pg_relation_size(relid) > 0) then
		perform pgcdc.misses_rows(relation);
	end if;
end
$$;

-- Tables join as soon as their UPDATE and DELETE would go on working, and those of their partitions:
-- with a key of their own, or with REPLICA IDENTITY FULL where init was told so.  That goes back
-- when the table gains a primary key, as it does behind its rows when a dump is restored.
-- "entered" is null where no event trigger calls this.
create function pgcdc.publish(touched oid[], entered oid[]) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1
set lock_timeout = '1s' as $$
declare
	t record;
	p record;
begin
	-- init does this itself
	if current_setting('pgcdc.init', true) = 'on'
			and pg_has_role(session_user, current_user, 'usage') then
		return;
	end if;
	perform pgcdc.misses_rows(e) from unnest(entered) as e;
	for t in
		select c.oid, format('%I.%I', n.nspname, c.relname) as ident,
			n.nspname || '.' || c.relname as name,
			c.relreplident <> 'f' and pgcdc.identity_index(c.oid) is null as keyless,
			c.relreplident, exists (select from pg_index i
				where i.indrelid = c.oid and i.indisprimary and i.indimmediate) as has_key
		from pg_class c
			join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and c.relpersistence = 'p' and n.nspname <> 'pgcdc'
			and c.oid = any (touched)
	loop
		if t.relreplident = 'f' and t.has_key then
			delete from pgcdc.made
			where kind = 'identity' and relation = t.oid and detail = 'default';
			if found then
				execute format('alter table %s replica identity default', t.ident);
			end if;
		end if;
		for p in
			select m.name, m.makes_full, pgcdc.is_member(pub.oid, t.oid) as member
			from pgcdc.made m join pg_publication pub on pub.pubname = m.name
			where m.kind = 'publication' and (pgcdc.is_member(pub.oid, t.oid)
				or pgcdc.matches(m.detail, t.name) and not pgcdc.is_excluded(m.excluded, t.oid))
		loop
			if not t.keyless and not p.member and not exists (
					select from pg_partition_tree(t.oid) join pg_class leaf on leaf.oid = relid
					where leaf.relkind = 'r' and leaf.relpersistence = 'p'
						and leaf.relreplident <> 'f'
						and pgcdc.identity_index(relid) is null) then
				perform pgcdc.join_publication(p.name, t.oid, t.ident, entered is not null);
			elsif t.keyless and p.makes_full and t.relreplident <> 'n' then	-- n: somebody has said so
				-- that is a command of its own, behind which this is called again
				insert into pgcdc.made (kind, name, relation, detail) values ('identity', t.name, t.oid,
					case t.relreplident when 'd' then 'default' else 'nothing' end)
				on conflict do nothing;
				execute format('alter table %s replica identity full', t.ident);
				exit;
			end if;
		end loop;
	end loop;
end
$$;

-- pgoutput goes on with the name of a schema, a type or, for rows of partitions, a partitioned
-- table that was renamed, and on servers 13 and 14 with what a table was a partition of, until a
-- publication is altered: set it to what it is.  From 15 to 17 any publication will do; on the
-- others it must be one that has the table, and a slot may be read with others than ours.
create function pgcdc.flush(tag text) returns void
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set lock_timeout = '1s' as $$
declare
	p record;
begin
	if tag not in ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN', 'ALTER EXTENSION')
			and not (tag = 'ALTER TABLE' and exists (
				select from pg_event_trigger_ddl_commands() join pg_class on oid = objid
				where classid = 'pg_class'::regclass and relkind = 'p')) then
		return;
	end if;
	for p in
		select pubname, concat_ws(', ', case when pubinsert then 'insert' end,
			case when pubupdate then 'update' end, case when pubdelete then 'delete' end,
			case when pubtruncate then 'truncate' end) as actions
		from pg_publication
		where puballtables or oid in (select prpubid from pg_publication_rel
			where prrelid = 'pgcdc.schema_log'::regclass
				or current_setting('server_version_num')::int not between 150000 and 179999)
	loop
		execute format('alter publication %I set (publish = %L)', p.pubname, p.actions);
	end loop;
end
$$;

-- Is there anything to log or to publish?  Not for commands that change no definition and come
-- often, nor for what is nobody else's.
create function pgcdc.concerns(tag text) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	return tag not in ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES', 'REFRESH MATERIALIZED VIEW', 'REINDEX',
			'CREATE PUBLICATION', 'ALTER PUBLICATION')
		and exists (select from pg_event_trigger_ddl_commands()
			where coalesce(schema_name, '') not in ('pgcdc', 'pg_temp'));
end
$$;

-- The tables that may have to join, by what the log knew before the command: it takes note of new
-- names, and of partitions that were detached.
create function pgcdc.may_join(tag text) returns oid[]
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
as $$
begin
	if tag not in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE INDEX',
			'ALTER INDEX', 'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE EXTENSION', 'ALTER EXTENSION') then
		return '{}';
	end if;
	return array(select distinct touched
		from pg_event_trigger_ddl_commands(), pgcdc.touched(classid, objid));
end
$$;

-- What ALTER TABLE has brought into a publication together with its rows, by what the log knew
-- before the command: a new partition, with all below it; what is logged now; what came into a
-- published schema.
create function pgcdc.entered(tag text, touched oid[]) returns oid[]
language plpgsql stable set search_path = pg_catalog, pg_temp set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = on set enable_hashjoin = off set enable_mergejoin = off
set enable_seqscan = off set enable_material = off set join_collapse_limit = 1 as $$
declare
	t record;
	old_schemas oid[];
	tables oid[] := '{}';
begin
	if tag <> 'ALTER TABLE' then
		return tables;
	end if;
	for t in
		select c.oid, c.relkind, k.unlogged, k.schema_name,
			array(select a.relid::oid from unnest(k.parents) as parent, pg_partition_ancestors(parent) as a)
				as old_ancestors
		from pgcdc.table_ids k
			join pg_class c on c.oid = k.relation
			join pg_namespace n on n.oid = c.relnamespace
		where k.relation = any (touched) and c.relkind in ('r', 'p') and (k.schema_name <> n.nspname
			or k.unlogged and c.relpersistence = 'p'
			or k.parents <> array(select inhparent from pg_inherits where inhrelid = c.oid))
	loop
		old_schemas := array(select oid from pg_namespace where nspname = t.schema_name
			union all select relnamespace from pg_class where oid = any (t.old_ancestors));
		if exists (
			select
			from (
				select t.oid as oid where t.relkind = 'r'
				union all
				select relid from pg_partition_tree(t.oid) where isleaf and t.relkind = 'p'
			) as leaf, lateral (
				select array(select relid::oid from pg_partition_ancestors(leaf.oid)
					where relid in (select relid from pg_partition_tree(t.oid))) as relations
			) as below, pgcdc.made m, pg_publication p
			where pg_relation_size(leaf.oid) > 0
				and (select relpersistence from pg_class c where c.oid = leaf.oid) = 'p'
				and p.pubname = case m.kind when 'publication' then m.name when 'slot' then m.detail end
				and pgcdc.is_member(p.oid, leaf.oid)
				and (t.unlogged or not pgcdc.publishes(p.oid, t.oid || below.relations || t.old_ancestors,
					old_schemas || array(select relnamespace from pg_class c
						where c.oid = any (below.relations) and c.oid <> t.oid)))
		) then
			tables := tables || t.oid;
		end if;
	end loop;
	return tables;
end
$$;

-- The event triggers call these two.  They run with the rights of who made them, for everybody's
-- DDL.  They set no search_path, which would hide the command's own one, and therefore
-- nothing in them may depend on it: full names only, and no operators.
-- The others list pg_temp last, else it would come first, and anybody may make tables and
-- types there.
-- No lock is waited for longer than ten seconds here, whatever the client has set.
create function pgcdc.on_command_end() returns event_trigger
language plpgsql security definer set lock_timeout = '10s' as $$
declare
	defines pg_catalog.bool;
	touched pg_catalog.oid[];
	entered pg_catalog.oid[] := '{}';
begin
	begin
		if not pgcdc.concerns(tg_tag) then
			return;
		end if;
		touched := pgcdc.may_join(tg_tag);
		entered := pgcdc.entered(tg_tag, touched);
		defines := pgcdc.log_command(tg_tag, pg_catalog.current_query(),
			pg_catalog.current_setting('search_path'));
	exception when others then
		perform pgcdc.log_gap(tg_tag, pg_catalog.current_query(),
			pg_catalog.current_setting('search_path'), sqlerrm);
	end;
	begin
		perform pgcdc.publish(touched, entered);
		if defines then
			perform pgcdc.flush(tg_tag);
		end if;
	exception when others then
		perform pgcdc.log_gap(tg_tag, pg_catalog.current_query(),
			pg_catalog.current_setting('search_path'), sqlerrm);
	end;
end
$$;
create function pgcdc.on_drop() returns event_trigger
language plpgsql security definer set lock_timeout = '10s' as $$
begin
	perform pgcdc.log_drop(tg_tag, pg_catalog.current_query(),
		pg_catalog.current_setting('search_path'));
exception when others then
	perform pgcdc.log_gap(tg_tag, pg_catalog.current_query(),
		pg_catalog.current_setting('search_path'), sqlerrm);
end
$$;

revoke execute on all functions in schema pgcdc from public;
