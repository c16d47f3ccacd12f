CREATE TABLE t (a text DEFAULT E'line\nfeed, \ttab, \\ and \u00e9, "quoted", it''s');
CREATE TABLE "a'b;
--c" ("\d" int)	/* {"action":"C"} */;
ALTER TABLE t ADD "$$%I%s:x" text DEFAULT $d$\x27'"$d$;
