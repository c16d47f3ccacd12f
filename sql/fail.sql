-- End the script with the error :message and the SQLSTATE :errcode.  bin/pgcdc turns
-- the code into an exit code.  An open transaction is rolled back by the end of the session.

select set_config('pgcdc.message', regexp_replace(:'message', :'mask', '?', 'g'), false) as message,
	set_config('pgcdc.errcode', :'errcode', false) as errcode
\gset fail_

do $$
begin
	raise exception using message = current_setting('pgcdc.message'),
		errcode = current_setting('pgcdc.errcode');
end
$$;
