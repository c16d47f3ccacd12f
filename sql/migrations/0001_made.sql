-- What init made in this database, so that teardown takes away that and nothing else.
--
--   kind         name           relation    detail
--   publication  publication    -           patterns of the tables that belong in it
--   member       publication    table       a table added to a publication that is not ours
--   identity     table          table       the replica identity it had, as ALTER TABLE says it
--   slot         slot           -           the publication it was set up with
--   role         role           -           -
--   connect      role           -           -; init granted CONNECT on the database
--   baseline     slot           -           -; the definition of all tables is logged behind its start
--   no-ddl       -              -           -; init was told to make no event triggers
--
-- "ours" is false for a slot or role that was there before init and is only used.
create table pgcdc.made (
	id bigint generated always as identity primary key,
	kind text not null,
	name text not null,
	relation regclass,
	detail text,
	ours boolean not null default true,
	made_at timestamptz not null default now()
);
create unique index on pgcdc.made (kind, name) where relation is null;
create unique index on pgcdc.made (kind, name, relation) where relation is not null;
