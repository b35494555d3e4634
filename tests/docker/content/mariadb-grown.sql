-- What an application has made by itself and changed for years. Not loaded from a dump. Load as root into a fresh server:
--   mariadb --default-character-set=utf8mb4 --binary-mode -uroot <mariadb-grown.sql
SET NAMES utf8mb4;
SET time_zone = '+02:00';

CREATE USER grower@'%' IDENTIFIED BY 'x';
CREATE ROLE looker;
CREATE DATABASE grown CHARACTER SET latin1;
ALTER DATABASE grown CHARACTER SET utf8mb4;
USE grown;

CREATE TABLE orders (
    id int PRIMARY KEY AUTO_INCREMENT, status varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'paid')),
    code char(3) CHARACTER SET latin1 CHECK (code IN ('a', 'b')), n int DEFAULT -1 CHECK (n BETWEEN -5 AND 10 AND n <> 3),
    day date DEFAULT (curdate()), word varchar(40) DEFAULT (concat('a', lower('B'))),
    g int GENERATED ALWAYS AS (n * 2 + 1) VIRTUAL, h varchar(60) GENERATED ALWAYS AS (concat(status, '-', n)) STORED,
    k int AS (if(n BETWEEN 1 AND 2 AND n <> 3 OR NOT n, 1, 0)) VIRTUAL,
    f float DEFAULT 0.1, d decimal(10, 2) DEFAULT '1.10', e enum('a', 'it''s', 'c)') DEFAULT 'a', s set('x', 'y') DEFAULT 'x,y',
    doc json, bits bit(3) DEFAULT b'101', bytes blob DEFAULT ('x'), `we ird``, (col` int COMMENT 'a; ), ''b'' `c`',
    at timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    KEY zz (n), UNIQUE KEY uu (status, n, id), KEY aa (code(2), n), KEY down (word(3) DESC),
    CONSTRAINT whole CHECK (n > -100 AND (n > 0 OR n < 0 OR f = 1) AND NOT (n = 3 AND f = 4) AND word <> 'a; (''b\\')
) COMMENT = 'x';
INSERT INTO orders (status, n, code, doc) VALUES ('new', 1, 'a', '{"a": 1}'), ('paid', 2, 'b', NULL), ('new', -2, NULL, '[]');
ALTER TABLE orders ADD COLUMN later int NULL AFTER id;
ALTER TABLE orders ADD UNIQUE KEY u2 (n, status, id), DROP KEY zz, ADD KEY zz (n, id);
ALTER TABLE orders MODIFY status varchar(20) COLLATE utf8mb4_bin DEFAULT 'new';
DELETE FROM orders WHERE n = -2;
INSERT INTO orders (status, n) VALUES ('new', 5), ('new', 6);
CREATE TABLE items (id int PRIMARY KEY, o1 int, o2 int, CONSTRAINT zfk FOREIGN KEY (o1) REFERENCES orders (id),
    CONSTRAINT afk FOREIGN KEY (o2) REFERENCES orders (id) ON DELETE SET NULL);
ALTER TABLE items ADD KEY late (o2, o1), DROP FOREIGN KEY afk;
ALTER TABLE items ADD CONSTRAINT afk FOREIGN KEY (o2) REFERENCES orders (id) ON UPDATE CASCADE;
INSERT INTO items VALUES (1, 1, NULL), (2, 1, 2);
CREATE TABLE mixed (a varchar(5) CHARACTER SET utf8mb4, b varchar(5) COLLATE utf8mb4_unicode_ci, c text,
    d varchar(9) CHARACTER SET utf8mb3, e varchar(3) CHARACTER SET binary, f varchar(5) COLLATE utf8mb4_bin DEFAULT _latin1'x',
    CHECK (a <> 'é'), CHECK (d = _utf8mb4'é' OR f = N'x'), g varchar(20) AS (concat(a, 'ü')) STORED) CHARACTER SET latin1;
INSERT INTO mixed (a, c, d) VALUES ('x', 'é', 'é');
CREATE TABLE days (at date NOT NULL, n int, k varchar(10)) PARTITION BY RANGE (to_days(at)) (
    PARTITION p1 VALUES LESS THAN (to_days('2026-01-01')), PARTITION pm VALUES LESS THAN MAXVALUE);
INSERT INTO days VALUES ('2025-01-01', 1, 'a'), ('2027-01-01', 2, 'b');
ALTER TABLE days REORGANIZE PARTITION pm INTO (PARTITION p2 VALUES LESS THAN (to_days('2027-01-01')),
    PARTITION pm VALUES LESS THAN MAXVALUE);
CREATE TABLE lists (k varchar(10), n int) PARTITION BY LIST COLUMNS (k) (
    PARTITION p1 VALUES IN ('a', 'b'), PARTITION p2 VALUES IN ('c', NULL));
CREATE TABLE hashes (k int) PARTITION BY HASH (k * 2 + 1) PARTITIONS 3;
CREATE TABLE keyed (k int PRIMARY KEY) PARTITION BY KEY () PARTITIONS 2;
ALTER TABLE keyed ADD PARTITION PARTITIONS 1;
CREATE TABLE hidden (id int PRIMARY KEY, secret int INVISIBLE DEFAULT 4, v varchar(9) AS (concat('x', id)) VIRTUAL INVISIBLE);
INSERT INTO hidden (id, secret) VALUES (1, 2), (2, 3);
CREATE SEQUENCE numbers START WITH 5 INCREMENT BY 2 MAXVALUE 1000 CACHE 10;
DO NEXTVAL(numbers), NEXTVAL(numbers);
CREATE TABLE numbered (id int DEFAULT NEXTVAL(numbers), a int);
INSERT INTO numbered (a) VALUES (1), (2);
CREATE TABLE versioned (id int PRIMARY KEY, a text) WITH SYSTEM VERSIONING;
SET timestamp = 1700000000;
INSERT INTO versioned VALUES (1, 'old'), (2, 'gone');
SET timestamp = 1700001000;
UPDATE versioned SET a = 'new' WHERE id = 1;
SET timestamp = 1700002000;
DELETE FROM versioned WHERE id = 2;
SET timestamp = DEFAULT;
CREATE TABLE counted (id int AUTO_INCREMENT PRIMARY KEY, a int);
INSERT INTO counted (a) VALUES (1), (2), (3);
INSERT INTO counted (a) SELECT a FROM counted;
INSERT INTO counted (a) SELECT a FROM counted;
DELETE FROM counted WHERE id > 3;
CREATE TABLE `odd ``table` (a int, b varchar(5)) ROW_FORMAT = DYNAMIC CHARACTER SET latin1 COMMENT = 'it''s; -- `x`';
CREATE TABLE empty_one (id int);
SET foreign_key_checks = 0;
CREATE TABLE lonely (a int, CONSTRAINT gone FOREIGN KEY (a) REFERENCES nowhere (id) ON DELETE CASCADE);
SET foreign_key_checks = 1;

CREATE VIEW a_few AS SELECT * FROM orders WHERE n BETWEEN 1 AND 5 AND status = 'x';
CREATE VIEW `odd ones` AS SELECT id, CASE WHEN status IN ('a', 'b') THEN 1 WHEN n BETWEEN 1 AND 2 AND n = 3 OR NOT n THEN 2
    ELSE -1 END k, (SELECT count(*) FROM orders o WHERE o.id = a_few.id AND o.n BETWEEN 1 AND 2) z,
    status LIKE 'a%' AND (id = 1 OR id = 2 OR id = 3) q, -n AS neg, - (-1) m, n DIV 2 dd, n % 2 mm, NOT n = 1 AS n1,
    (NOT n) = 1 AS n2, n XOR 1 xx, 'it''s \\ (ü' t, n IS NULL AND n <=> 1 b, CAST(n AS char) cc,
    CONVERT(status USING latin1) cv, status COLLATE utf8mb4_general_ci co, day + INTERVAL 1 MONTH db,
    json_extract(doc, '$.a') jj, 1.5e0 fl, 1.50 de, x'00ff' hx, b'101' bt, _latin1'x' la, NULL nu, true tr,
    date '2020-01-01' dl, concat_ws(',', status, n) cw, trim(BOTH 'x' FROM status) tm, substring(status FROM 1 FOR 2) ss,
    extract(YEAR FROM at) ey FROM a_few;
CREATE VIEW grouped AS SELECT status, count(*) c, group_concat(DISTINCT n ORDER BY n DESC SEPARATOR ';') gc FROM orders
    GROUP BY status, n HAVING count(*) > 1 AND (sum(n) > 1 OR status = 'x') ORDER BY 1 LIMIT 5;
CREATE VIEW united AS SELECT 1 AS one UNION SELECT 2 UNION ALL (SELECT 3 ORDER BY 1 LIMIT 1);
CREATE VIEW recursed AS WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3) SELECT i FROM s
    JOIN orders o ON (o.id = s.i AND o.n BETWEEN 1 AND 2) LEFT JOIN items USING (id)
    WHERE EXISTS (SELECT 1 FROM items i WHERE i.id = o.id) AND o.id IN (SELECT id FROM items)
    AND (o.id, o.n) IN ((1, 2), (3, 4)) AND o.id > ALL (SELECT 1);
CREATE ALGORITHM = MERGE DEFINER = grower@'%' SQL SECURITY INVOKER VIEW checked AS SELECT id FROM orders WHERE id > 1
    WITH CASCADED CHECK OPTION;
CREATE DEFINER = grower@'%' VIEW unread AS SELECT id, a FROM counted WHERE id > 1 WITH LOCAL CHECK OPTION;
CREATE VIEW zz_base AS SELECT a.id FROM (SELECT id FROM orders WHERE NOT (n = 1 AND id = 2 OR id = 3)) a;
CREATE VIEW aa_top AS SELECT * FROM zz_base;

DELIMITER //
CREATE PROCEDURE crlf (IN a int) COMMENT 'c'
BEGIN
  -- a comment; with ' and DELIMITER
  SELECT 'a
b', "tab	", '\\';
END //
SET GLOBAL log_bin_trust_function_creators = ON //
CREATE FUNCTION changes () RETURNS text BEGIN INSERT INTO empty_one VALUES (1); RETURN uuid(); END //
SET GLOBAL log_bin_trust_function_creators = OFF //
CREATE FUNCTION twice (a int) RETURNS int DETERMINISTIC RETURN (a * (2)) //
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES' //
CREATE FUNCTION "an""si" () RETURNS text DETERMINISTIC RETURN 'a\' || 'b' //
CREATE TRIGGER counted_in BEFORE INSERT ON counted FOR EACH ROW IF NEW.a IN (1, 2) THEN SET NEW.a = 3; END IF //
SET sql_mode = DEFAULT //
CREATE TRIGGER counted_too AFTER INSERT ON counted FOR EACH ROW
BEGIN
    -- Table structure for table `fake`
    INSERT INTO empty_one VALUES (NEW.id);
END //
CREATE EVENT rare ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01 00:00:00' ON COMPLETION PRESERVE COMMENT 'e' DO
BEGIN
    DELETE FROM counted WHERE a BETWEEN 1 AND 2;
END //
CREATE DEFINER = grower@'%' EVENT off ON SCHEDULE AT '2037-01-01 00:00:00' DISABLE DO DELETE FROM counted //
DELIMITER ;

GRANT SELECT, UPDATE ON grown.* TO looker;
GRANT looker TO grower@'%';
GRANT SELECT (id), INSERT ON grown.orders TO grower@'%';
GRANT EXECUTE ON PROCEDURE grown.crlf TO grower@'%';
