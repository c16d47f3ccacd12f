-- One init or teardown at a time in a database; the lock ends with the transaction.
-- Waiting for it delays nobody else, so lock_timeout does not count.  The key is "pgcdc" in ASCII.

set local lock_timeout = 0;
do $$ begin perform pg_advisory_xact_lock(x'7067636463'::bigint); end $$;
set local lock_timeout = :'session_lock_timeout';
