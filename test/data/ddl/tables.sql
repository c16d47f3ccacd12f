CREATE TABLE t (id bigint PRIMARY KEY, note text);
CREATE TABLE IF NOT EXISTS t (other int);
CREATE UNLOGGED TABLE unlogged (id int);
CREATE TABLE copy (LIKE t INCLUDING ALL);
CREATE TABLE with_sequence (id bigserial PRIMARY KEY, n serial);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE of_type OF pair (PRIMARY KEY (a));
CREATE TABLE "Größe & Co" ("a b" int, "Ä.""quoted""" text);
CREATE TABLE empty ();
-- nobody else's: no entry
CREATE TEMP TABLE mine (id int PRIMARY KEY);
ALTER TABLE mine ADD c int;
CREATE INDEX ON mine (c);
CREATE TEMP TABLE copy_of_mine AS TABLE mine;
DROP TABLE mine;
ALTER TABLE unlogged SET LOGGED;
DROP TABLE IF EXISTS nothing;
DROP TABLE t, copy;
