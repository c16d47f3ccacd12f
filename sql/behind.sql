-- pgcdc init --snapshot, behind the dump: what init does behind the start of a slot that it has made.
--
-- Variables: slot; 0 or 1 in no_ddl.

\ir writer.sql
\set baseline_wanted 0
\set baseline 0
\set slot_wanted 0
\set ddl_begins 0
\ir baseline.sql
