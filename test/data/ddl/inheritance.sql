CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE child (own int) INHERITS (parent);
CREATE TABLE other (id int NOT NULL, v text);
ALTER TABLE other INHERIT parent;
ALTER TABLE parent ADD c int;
ALTER TABLE parent RENAME c TO d;
ALTER TABLE other NO INHERIT parent;
DROP TABLE parent CASCADE;
