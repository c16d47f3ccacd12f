-- The ordinary and partitioned tables of the database's users, and whether their UPDATE and DELETE
-- can be published.  A fragment, for "with :tables_cte ... select"; bin/pgcdc passes it.
--
--   oid, relkind, relpersistence, relispartition, relowner, relreplident    as in pg_class
--   name     schema.table, as patterns and messages have it
--   ident    the same, quoted for SQL
--   no_key   why the table has no replica identity, or null: the rules are those of
--            RelationGetIndexList() in the server's relcache.c
--   lacking  the table itself and those of its partitions that hold rows, where they have no
--            replica identity: mostly none
--
-- The server asks only the partition that holds the row.  The partitioned table counts here all
-- the same: without a key of its own, partitions to come have none.
every_table as (
	select c.oid, c.relkind, c.relpersistence, c.relispartition, c.relowner, c.relreplident,
		n.nspname || '.' || c.relname as name,
		format('%I.%I', n.nspname, c.relname) as ident,
		case
		when c.relreplident = 'f' or c.relpersistence = 'u' then null
		when c.relreplident = 'n' then 'its replica identity is NOTHING'
		when exists (select from pg_index i where i.indrelid = c.oid
			and (i.indisvalid or c.relkind = 'p') and i.indimmediate and i.indpred is null
			and case c.relreplident when 'd' then i.indisprimary else i.indisreplident end)
			then null
		when c.relreplident = 'i' then 'its replica identity index is missing or not valid'
		when exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
			then 'its primary key is deferrable'
		else 'it has no primary key'
		end as no_key
	from pg_class c join pg_namespace n on n.oid = c.relnamespace
	where c.relkind in ('r', 'p') and c.relpersistence in ('p', 'u')
		and c.oid >= 16384	-- what initdb made is never published
		and n.nspname <> 'pgcdc'
), tree as (
	select t.oid as root, t.oid, t.name, t.no_key from every_table t
	union all
	select t.oid, leaf.oid, leaf.name, leaf.no_key
	from every_table t, pg_partition_tree(t.oid) p, every_table leaf
	where t.relkind = 'p' and p.isleaf and p.relid <> t.oid and leaf.oid = p.relid
), tables as (
	select t.*, lack.lacking
	from every_table t
		join (select root, coalesce(array_agg(oid order by oid <> root, name)
				filter (where no_key is not null), '{}') as lacking
			from tree group by root) as lack on lack.root = t.oid
)
