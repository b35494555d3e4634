-- What scripts/bench --engine mariadb (and mysql) dumps: kinds of rows as in bench.sql, in words that both servers know.
-- part: setup
CREATE TABLE digits (d int PRIMARY KEY);
INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
CREATE VIEW thousand AS SELECT a.d + 10 * b.d + 100 * c.d AS n FROM digits AS a, digits AS b, digits AS c;
CREATE TABLE numbers (n int PRIMARY KEY);
INSERT INTO numbers SELECT 1 + a.n + 1000 * b.n FROM thousand AS a, thousand AS b;
CREATE VIEW many AS SELECT x.n + 1000000 * y.d AS n FROM numbers AS x JOIN digits AS y;
CREATE TABLE words (id int PRIMARY KEY, word varchar(200) NOT NULL);
INSERT INTO words SELECT n, CONCAT(
    ELT(1 + n MOD 32, 'the', 'a', 'con', 'pro', 're', 'in', 'de', 'ex', 'sub', 'inter', 'per', 'trans', 'over', 'under', 'out', 'up',
        'mis', 'fore', 'back', 'counter', 'cap', 'tor', 'ven', 'ser', 'dic', 'man', 'ped', 'port', 'rup', 'scrib', 'spec', 'struc'),
    ELT(1 + FLOOR(n / 32) MOD 32, '', 's', 'ed', 'er', 'ing', 'ion', 'al', 'ly', 'tion.', 'ment,', 'able', 'ive', 'ous', 'ity', 'ance', 'ant',
        'ent', 'ful', 'ish', 'ism', 'ist', 'less', 'like', 'ness', 'or', 'ship', 'ure', 'ward', 'wise', 'y', 'age', 'ate')) FROM thousand;
INSERT INTO words SELECT 1000 + a.id, CONCAT(a.word, ' ', b.word, ' ', c.word, ' ', d.word, ' ', e.word) FROM words AS a
JOIN words AS b ON b.id = a.id * 7 MOD 1000 JOIN words AS c ON c.id = a.id * a.id MOD 1000
JOIN words AS d ON d.id = a.id * 31 MOD 1000 JOIN words AS e ON e.id = a.id * 113 MOD 1000;

-- part: accounts 101 bytes 20 %
CREATE TABLE accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
INSERT INTO accounts
SELECT n, 1 + FLOOR(n / 100000), FLOOR(RAND() * 10000) - 5000, RPAD('', 70, 'x ') FROM (SELECT n FROM many WHERE n <= ROWS) AS one;

-- part: posts 378 bytes 35 %
CREATE TABLE posts (id bigint PRIMARY KEY, author int NOT NULL, created datetime(6) NOT NULL, title text NOT NULL, body text NOT NULL);
INSERT INTO posts
SELECT one.n, 1 + FLOOR(20000 * POW(RAND(), 3)), TIMESTAMP('2020-01-01') + INTERVAL n * 180 + FLOOR(RAND() * 180) SECOND, a.word,
       CONCAT(a.word, ' ', b.word, ' ', c.word, ' ', d.word, '. ', e.word, ' ', f.word, '. ', a.word, ', ', c.word, ' ', e.word, '.')
FROM (SELECT n FROM many WHERE n <= ROWS) AS one
JOIN words AS a ON a.id = 1000 + CRC32(n) MOD 1000 JOIN words AS b ON b.id = 1000 + CRC32(n + 1000000) MOD 1000
JOIN words AS c ON c.id = CRC32(n + 2000000) MOD 1000 JOIN words AS d ON d.id = 1000 + n MOD 1000
JOIN words AS e ON e.id = 1000 + FLOOR(1000 * POW(CRC32(n + 3000000) MOD 1000 / 1000, 3)) JOIN words AS f ON f.id = 1000 + FLOOR(n / 7) MOD 1000;

-- part: events 262 bytes 25 %
CREATE TABLE events (id bigint PRIMARY KEY, happened datetime(6) NOT NULL, what json NOT NULL);
INSERT INTO events
SELECT n, TIMESTAMP('2026-03-01') + INTERVAL n * 700000 + FLOOR(RAND() * 700000) MICROSECOND, JSON_OBJECT(
    'kind', ELT(1 + FLOOR(6 * RAND()), 'order.created', 'order.paid', 'order.shipped', 'cart.changed', 'user.login', 'user.logout'),
    'user', CRC32(FLOOR(n / 8)) MOD 100000, 'session', LEFT(SHA2(FLOOR(n / 8), 256), 16),
    'address', CONCAT('10.', CRC32(FLOOR(n / 8) + 1) MOD 256, '.', CRC32(FLOOR(n / 8) + 2) MOD 256),
    'agent', CONCAT('Mozilla/5.0 (X11; Linux x86_64; rv:', 110 + CRC32(FLOOR(n / 8) + 3) MOD 30, '.0) Gecko/20100101 Firefox'),
    'amount', ROUND(RAND() * 500, 2), 'currency', 'EUR')
FROM (SELECT n FROM many WHERE n <= ROWS) AS one;

-- part: tokens 128 bytes 12 %
CREATE TABLE tokens (id int PRIMARY KEY, digest char(64) NOT NULL, etag char(32) NOT NULL, expires datetime NOT NULL);
INSERT INTO tokens SELECT n, SHA2(n, 256), LEFT(SHA2(n + 0.5, 256), 32), TIMESTAMP('2026-06-01') + INTERVAL n SECOND FROM (SELECT n FROM many WHERE n <= ROWS) AS one;

-- part: files 8223 bytes 8 %
CREATE TABLE files (id int PRIMARY KEY, name varchar(80) NOT NULL, content mediumblob NOT NULL);
SET SESSION group_concat_max_len = 1000000;
INSERT INTO files
SELECT one.n, CONCAT('scan-', one.n, '.jpg'), UNHEX(GROUP_CONCAT(SHA2(CONCAT(one.n, '/', t.n), 512) SEPARATOR ''))
FROM (SELECT n FROM many WHERE n <= ROWS) AS one JOIN thousand AS t ON t.n < 64 GROUP BY one.n;
