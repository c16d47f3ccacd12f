-- Tables whose shape changes all the time, under writers.  Each text holds the number of its
-- column: see shape.h.
CREATE SCHEMA shape;
CREATE SEQUENCE shape.ids;
CREATE TABLE shape.a (id bigint PRIMARY KEY, c1 text, c2 text, c3 text);
CREATE TABLE shape.b (id bigint PRIMARY KEY, c1 text, c2 text, c3 text);
CREATE TABLE shape.p (id bigint PRIMARY KEY, c1 text, c2 text, c3 text) PARTITION BY RANGE (id);
CREATE TABLE shape.p1 PARTITION OF shape.p FOR VALUES FROM (0) TO (1000);
CREATE TABLE shape.p2 PARTITION OF shape.p DEFAULT;

CREATE FUNCTION shape.texts(t regclass) RETURNS name[] LANGUAGE sql AS $$
	SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = t AND attnum > 1 AND NOT attisdropped
$$;

-- A table of these, by chance, whatever it is called now.
CREATE FUNCTION shape.any_table() RETURNS regclass LANGUAGE sql AS $$
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'shape%')
		AND relkind IN ('r', 'p') AND NOT relispartition
	ORDER BY random() LIMIT 1
$$;

CREATE FUNCTION shape.write(t regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	columns text;
	numbers text;
BEGIN
	-- From here on its shape stays.
	EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', t);
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
	WHERE attrelid = t AND attnum > 0 AND NOT attisdropped;
	SELECT string_agg(quote_literal(attnum), ', ' ORDER BY attnum) INTO numbers FROM pg_attribute
	WHERE attrelid = t AND attnum > 1 AND NOT attisdropped;
	EXECUTE format('INSERT INTO %s (%s) SELECT nextval(''shape.ids''), %s FROM generate_series(1, 3)',
		t, columns, numbers);
	EXECUTE format('UPDATE %s SET id = id WHERE id %% 11 = %s', t, (random() * 10)::int);
	EXECUTE format('DELETE FROM %s WHERE id %% 13 = %s', t, (random() * 12)::int);
END
$$;

-- One change of a table's shape, with rows before and after it.
CREATE FUNCTION shape.change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t regclass := shape.any_table();
	texts name[];
	free name;
	one name;
	two name;
BEGIN
	EXECUTE format('LOCK TABLE %s', t);
	texts := shape.texts(t);
	one := texts[1 + floor(random() * cardinality(texts))];
	two := texts[1 + floor(random() * cardinality(texts))];
	SELECT c INTO free FROM unnest(array['c1', 'c2', 'c3', 'c4', 'c5', 'c"6', 'ć7']) AS c
		WHERE c <> ALL (texts) ORDER BY random() LIMIT 1;
	PERFORM shape.write(t);
	CASE floor(random() * 10)
	WHEN 0 THEN
		IF free IS NOT NULL THEN EXECUTE format('ALTER TABLE %s ADD %I text', t, free); END IF;
	WHEN 1 THEN
		IF cardinality(texts) > 1 THEN EXECUTE format('ALTER TABLE %s DROP %I', t, one); END IF;
	WHEN 2 THEN
		IF free IS NOT NULL THEN EXECUTE format('ALTER TABLE %s RENAME %I TO %I', t, one, free); END IF;
	WHEN 3, 4 THEN
		IF one <> two THEN
			EXECUTE format('ALTER TABLE %s RENAME %I TO swap', t, one);
			EXECUTE format('ALTER TABLE %s RENAME %I TO %I', t, two, one);
			EXECUTE format('ALTER TABLE %s RENAME swap TO %I', t, two);
		END IF;
	WHEN 5 THEN
		EXECUTE format('ALTER TABLE %s DROP %I, ADD %2$I text', t, one);
	WHEN 6 THEN
		EXECUTE format('ALTER TABLE %s ALTER %I TYPE %s', t, one,
			(array['text', 'varchar(20)', 'char(9)'])[1 + floor(random() * 2)]);
	WHEN 7 THEN
		EXECUTE format('ALTER TABLE %s RENAME TO %I', t, 't' || floor(random() * 1000));
	WHEN 8 THEN
		CREATE SCHEMA IF NOT EXISTS shape2;
		EXECUTE format('ALTER TABLE %s SET SCHEMA %I', t, (array['shape', 'shape2'])[1 + floor(random() * 2)]);
	WHEN 9 THEN
		BEGIN
			EXECUTE format('ALTER TABLE %s RENAME %I TO gone', t, one);
			PERFORM shape.write(t);
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END CASE;
	PERFORM shape.write(t);
END
$$;
