CREATE TABLE a (id int)\; CREATE TABLE b (id int)\; ALTER TABLE a ADD c int;
DO $$
BEGIN
	CREATE TABLE c (id int);
	EXECUTE 'ALTER TABLE c ADD d int';
END
$$;
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TABLE d (id int); END';
SELECT f();
CREATE SCHEMA s;
CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql SET search_path = s AS 'BEGIN CREATE TABLE e (id int); END';
SELECT g();
BEGIN;
CREATE TABLE kept (id int);
SAVEPOINT one;
ALTER TABLE kept ADD gone int;
CREATE TABLE gone (id int);
ROLLBACK TO one;
ALTER TABLE kept ADD v text;
COMMIT;
BEGIN;
CREATE TABLE gone (id int);
ROLLBACK;
DO $$
BEGIN
	ALTER TABLE kept ADD gone int;
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	ALTER TABLE kept ADD w text;
END
$$;
CREATE SCHEMA whole CREATE TABLE t (id int PRIMARY KEY) CREATE VIEW v AS SELECT id FROM t;
