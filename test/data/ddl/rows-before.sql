CREATE TABLE source (id int PRIMARY KEY, v text);
INSERT INTO source VALUES (1, 'a');
CREATE TABLE copy AS TABLE source;
SELECT id AS key INTO selected FROM source;
CREATE TABLE shape AS TABLE source WITH NO DATA;
CREATE TABLE IF NOT EXISTS copy AS TABLE source;
SELECT id INTO TEMP mine FROM source;
