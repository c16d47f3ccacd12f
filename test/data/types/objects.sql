-- Types that the cases name, made in a new database.
SET client_min_messages = warning;

CREATE SCHEMA "Odd ""Schema.";
CREATE SCHEMA "select";

CREATE TYPE mood AS ENUM ('ok', 'not "ok"', 'größe', '');
CREATE TYPE "Odd ""Schema."."Odd "" Type, \." AS ENUM ('a');
CREATE TYPE "select"."from" AS ENUM ('where');
CREATE TYPE "größe" AS ENUM ('XL');
CREATE TYPE _underscored AS ENUM ('a');
CREATE TYPE public.text AS ENUM ('not text');
CREATE TYPE long_name_of_64_bytes__one_more_than_an_identifier_in_postgres_c AS ENUM ('a');

CREATE TYPE pair AS (a integer, b pg_catalog.text);
CREATE TYPE nested AS (p pair, m mood, l pg_catalog.text[], x bytea, t timestamptz);
CREATE TYPE nothing AS ();
CREATE TABLE row_type (a integer, gone integer, b pg_catalog.text);
ALTER TABLE row_type DROP gone;

CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE DOMAIN more_positive AS positive CHECK (value > 1);
CREATE DOMAIN price AS numeric(10,2);
CREATE DOMAIN code AS varchar(5);
CREATE DOMAIN flag AS boolean;
CREATE DOMAIN blob AS bytea;
CREATE DOMAIN amount AS double precision;
CREATE DOMAIN list AS integer[];
CREATE DOMAIN feeling AS mood;
CREATE DOMAIN moment AS timestamptz(3);

CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE TYPE textrange AS RANGE (subtype = pg_catalog.text);

CREATE TABLE things (id integer);
CREATE TABLE "Odd ""Schema."."Things" (id integer);
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR @#@ (FUNCTION = int4pl, LEFTARG = integer, RIGHTARG = integer);

CREATE SCHEMA "my extensions";
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION hstore SCHEMA "my extensions";
CREATE EXTENSION ltree;
CREATE EXTENSION cube;
CREATE EXTENSION isn;
CREATE EXTENSION seg;
CREATE EXTENSION intarray;
CREATE EXTENSION lo;
