-- Apply migrations/:migration.sql unless it was.  Adds to :known, and a line to :done.

select concat_ws(',', nullif(:'known', ''), :'migration') as known,
	not exists (select from pgcdc.migrations where name = :'migration') as wanted
\gset
\if :wanted
	\ir migrations/:migration.sql
	insert into pgcdc.migrations (name) values (:'migration');
	select concat_ws(E'\n', nullif(:'done', ''), format('applied migration "%s"', :'migration')) as done
	\gset
\endif
