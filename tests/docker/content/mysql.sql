-- Everything that breaks naive dumps, but no emoji in the members of an enum, in comments and in literals of views: MySQL
-- itself makes `?` of them (SHOW CREATE TABLE and the data dictionary are utf8mb3), whatever tool asks.
-- Load as root into a fresh MySQL server:
--   mysql --default-character-set=utf8mb4 -uroot <mysql.sql
SET NAMES utf8mb4;
SET time_zone = '+02:00';

CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE DATABASE `empty` CHARACTER SET latin1;
CREATE DATABASE `we ird ``x`` "q" 'é \ 100%`;
CREATE DATABASE `a=b`;

CREATE USER app@'%' IDENTIFIED BY 'pa''ss\\word';
CREATE USER 'o''dd `user`'@'10.0.0.0/255.0.0.0' IDENTIFIED BY 'x' REQUIRE SSL WITH MAX_QUERIES_PER_HOUR 10
    PASSWORD EXPIRE INTERVAL 90 DAY FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2 ATTRIBUTE '{"why": "it''s \\"odd\\""}';
CREATE USER locked@localhost IDENTIFIED BY 'y' ACCOUNT LOCK;
CREATE USER nobody@localhost;
CREATE ROLE reader, writer;
GRANT SELECT ON shop.* TO reader;
GRANT reader TO writer;
GRANT INSERT, UPDATE ON shop.* TO writer WITH GRANT OPTION;
GRANT reader, writer TO app@'%' WITH ADMIN OPTION;
SET DEFAULT ROLE reader, writer TO app@'%';
GRANT PROCESS, REPLICATION CLIENT, BACKUP_ADMIN ON *.* TO app@'%';
GRANT ALL ON `we ird ``x`` "q" 'é \ 100%`.* TO 'o''dd `user`'@'10.0.0.0/255.0.0.0';

USE shop;
CREATE TABLE everything (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    txt longtext, bin longblob, fixed binary(8), var varbinary(300), latin varchar(50) CHARACTER SET latin1,
    moody enum('sad', 'it''s ok', 'ü', ''), many set('a', 'b', 'c'), doc json, day date, at timestamp(6) NULL,
    naive datetime(3), lasting time(2), y year, money decimal(65, 30), f float, d double, bits bit(13), place point,
    few int, twice bigint GENERATED ALWAYS AS (few * 2) STORED, thrice bigint GENERATED ALWAYS AS (few * 3) VIRTUAL,
    hidden int INVISIBLE DEFAULT 5, dflt varchar(40) DEFAULT (concat('x', '''')),
    CHECK (few <> 13), FULLTEXT KEY words (txt), KEY functional ((lower(latin)))
) AUTO_INCREMENT = 1000 COMMENT = 'it''s a "comment" \\ -- ü';
INSERT INTO everything (txt, bin, fixed, var, latin, moody, many, doc, day, at, naive, lasting, y, money, f, d, bits,
    place, few) VALUES
    ('quote '' double " back \\ newline \n return \r tab \t nul \0 ctrl-z \Z end', x'00ff5c270a0d1a22', x'00ff',
     x'', _latin1 x'e9fc', 'ü', 'a,c', '{"a": "é\\n", "b": [1, null, 1.5e300]}', '9999-12-31',
     '2026-11-23 23:00:00.123456', '1000-01-01 00:00:00.001', '-838:59:59', 1901,
     12345678901234567890.012345678901234567890123456789, 1.17549e-38, 1.7976931348623157e308, b'1010101010101',
     ST_GeomFromText('POINT(1.5 -2)'), 1),
    ('emoji 👩‍👩‍👧 and Ünïcödé', x'f09f9880', NULL, repeat(x'00', 300), '', '', '', 'null', NULL, NULL, NULL, NULL, NULL,
     -0.000000000000000000000000000001, -0.5, 5e-324, b'0', NULL, NULL),
    ('', '', '', NULL, NULL, NULL, NULL, '"s"', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 7),
    (repeat('long ', 50000), repeat(x'00ff27', 50000), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE everything SET hidden = 6 WHERE id = 1001;
CREATE TABLE zero (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, a int);
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
INSERT INTO zero VALUES (0, 1), (5, 2);
SET sql_mode = DEFAULT;
CREATE TABLE empty_table (a int, b varchar(10) DEFAULT 'x''y');
CREATE TABLE `odd ``table`` 'é \ "` (`co"l ``é` text, `select` int);
INSERT INTO `odd ``table`` 'é \ "` VALUES ('x', 1), ('\n', 2);
CREATE TABLE parent (id int PRIMARY KEY, child int);
CREATE TABLE child (id int PRIMARY KEY, parent int, FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO parent VALUES (1, 1);
INSERT INTO child VALUES (1, 1);
ALTER TABLE parent ADD FOREIGN KEY (child) REFERENCES child (id);
CREATE TABLE parted (at date NOT NULL, n int) PARTITION BY RANGE (year(at)) SUBPARTITION BY HASH (n) SUBPARTITIONS 2 (
    PARTITION p2025 VALUES LESS THAN (2026), PARTITION p2026 VALUES LESS THAN (2027), PARTITION rest VALUES LESS THAN MAXVALUE);
INSERT INTO parted WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 300)
    SELECT date '2024-11-01' + INTERVAL i * 3 DAY, i FROM s;
CREATE TABLE isam (a int) ENGINE = MyISAM;
INSERT INTO isam VALUES (1), (2);
CREATE TABLE log (at timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, line text);

CREATE FUNCTION plus (a int, b int) RETURNS int DETERMINISTIC RETURN a + b;
-- What the view's definer needs: without its grants nobody can make a view on this view.
GRANT SELECT ON shop.everything TO app@'%';
GRANT EXECUTE ON FUNCTION shop.plus TO app@'%';
CREATE DEFINER = app@'%' VIEW v1 AS SELECT id, few, plus(few, 1) AS more FROM everything;
CREATE VIEW v2 AS SELECT v1.*, 'it''s \\ ü' AS text FROM v1;
CREATE VIEW a_view_before_its_base AS SELECT * FROM v2;
DELIMITER //
CREATE DEFINER = app@'%' PROCEDURE `odd ``proc``` (IN a text, OUT b int) SQL SECURITY INVOKER COMMENT 'it''s; odd'
BEGIN
    -- a comment with ' and ;; and \
    SET b = length(concat(a, '''', "\\", '😀', '//'));
END //
CREATE TRIGGER logged AFTER INSERT ON zero FOR EACH ROW BEGIN INSERT INTO log (line) VALUES (concat('n;', NEW.id)); END //
CREATE TRIGGER logged_again AFTER INSERT ON zero FOR EACH ROW FOLLOWS logged INSERT INTO log (line) VALUES ('second') //
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT' //
CREATE FUNCTION ansi () RETURNS text DETERMINISTIC RETURN 'a' || 'b' //
SET sql_mode = DEFAULT //
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 23:00:00' DISABLE COMMENT 'n''s' DO
BEGIN DELETE FROM log WHERE line = ';'; END //
DELIMITER ;

GRANT SELECT ON shop.v1 TO locked@localhost;
GRANT SELECT (id, txt), UPDATE (txt) ON shop.everything TO locked@localhost;
GRANT DELETE ON shop.`odd ``table`` 'é \ "` TO 'o''dd `user`'@'10.0.0.0/255.0.0.0' WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION shop.plus TO locked@localhost;
GRANT EXECUTE ON PROCEDURE shop.`odd ``proc``` TO reader;

USE `we ird ``x`` "q" 'é \ 100%`;
CREATE TABLE t (a int, b text);
INSERT INTO t VALUES (1, 'x'), (2, NULL);
USE `a=b`;
CREATE TABLE t (a int);
INSERT INTO t VALUES (7);
