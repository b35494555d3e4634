-- What scripts/bench dumps: the kinds of rows that databases have, the same in every run. Each part runs in a session of
-- its own; ROWS is filled in from how many bytes a row takes in a plain dump and the part's share in percent.
-- part: setup
CREATE FUNCTION prose(words int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(
        ('{the,a,con,pro,re,in,de,ex,sub,inter,per,trans,over,under,out,up,mis,fore,back,counter,
           cap,tor,ven,ser,dic,man,ped,port,rup,scrib,spec,struc,ten,ter,vis,voc,form,grad,jec,leg,
           log,min,mit,mob,mor,mot,nat,nov,pend,plic,pon,quer,sent,sequ,sign,sol,son,spir,sta,tact,
           temp,tract,vac,ver}'::text[])[1 + floor(64 * power(random(), 2))::int]
        || ('{"",s,ed,er,ing,ion,al,ly,"tion.","ment,",able,ive,ous,ity,ance,ant,ent,ful,ish,ism,ist,less,
              like,ness,or,ship,ure,ward,wise,y,age,ate}'::text[])[1 + floor(32 * power(random(), 2))::int], ' ')
    FROM generate_series(1, words)
$$;

-- part: accounts 97 bytes 20 % (as pgbench makes them)
SELECT setseed(0.5);
CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int, filler char(84)) WITH (fillfactor = 100);
INSERT INTO pgbench_accounts
SELECT n, 1 + n / 100000, floor(random() * 10000) - 5000, '' FROM generate_series(1, ROWS) AS n;
ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid);

-- part: history 50 bytes 10 % (as pgbench makes it)
SELECT setseed(0.5);
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
INSERT INTO pgbench_history
SELECT 1 + floor(random() * 100), 1 + floor(random() * 10), 1 + floor(random() * 1000000), floor(random() * 10000) - 5000,
       timestamp '2026-01-01' + n * interval '37 ms' + random() * interval '30 ms'
FROM generate_series(1, ROWS) AS n;

-- part: posts 395 bytes 25 % (text, in which some sentences come again and again)
SELECT setseed(0.5);
CREATE TABLE sentences (id int PRIMARY KEY, sentence text NOT NULL);
INSERT INTO sentences SELECT n, prose(6 + n % 10) || '. ' FROM generate_series(0, 4999) AS n;
CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author int NOT NULL, created timestamptz NOT NULL,
                    title text NOT NULL, body text NOT NULL);
INSERT INTO posts (author, created, title, body)
SELECT 1 + floor(20000 * power(random(), 3)), timestamptz '2020-01-01 UTC' + n * interval '3 min' + random() * interval '3 min',
       prose(3 + n % 5), one.sentence || prose(1 + floor(random() * 60)::int) || '. ' || two.sentence
FROM (SELECT n, floor(5000 * power(random(), 3)) AS one, floor(5000 * power(random(), 3)) AS two FROM generate_series(1, ROWS) AS n) AS post
JOIN sentences AS one ON one.id = post.one JOIN sentences AS two ON two.id = post.two ORDER BY n;

-- part: events 290 bytes 25 % (JSON: what users do, some dozen of them at a time)
SELECT setseed(0.5);
CREATE TABLE events (id bigint PRIMARY KEY, happened timestamptz NOT NULL, what jsonb NOT NULL);
INSERT INTO events
SELECT n, timestamptz '2026-03-01 UTC' + n * interval '0.7 s' + random() * interval '0.7 s', jsonb_build_object(
           'kind', ('{order.created,order.paid,order.shipped,cart.changed,user.login,user.logout}'::text[])[1 + floor(6 * random())::int],
           'user', jsonb_build_object('id', abs(hashint4(session)) % 100000, 'session', substr(md5(session::text), 1, 16)),
           'address', format('10.%s.%s.%s', session % 4, abs(hashint4(session + 1)) % 256, abs(hashint4(session + 2)) % 256),
           'agent', format('Mozilla/5.0 (X11; Linux x86_64; rv:%s.0) Gecko/20100101 Firefox/%1$s.0', 110 + abs(hashint4(session + 3)) % 30),
           'amount', round((random() * 500)::numeric, 2), 'currency', 'EUR',
           'items', (SELECT jsonb_agg(floor(random() * 5000)::int) FROM generate_series(1, 1 + n % 4)))
FROM (SELECT n, n / 8 + floor(random() * 40)::int AS session FROM generate_series(1, ROWS) AS n) AS event;

-- part: tokens 132 bytes 12 % (hashes)
SELECT setseed(0.5);
CREATE TABLE tokens (id int PRIMARY KEY, digest text NOT NULL, etag uuid NOT NULL, expires timestamptz NOT NULL);
INSERT INTO tokens
SELECT n, encode(sha256(n::text::bytea), 'hex'), md5(n::text)::uuid, timestamptz '2026-06-01 UTC' + n * interval '1 s'
FROM generate_series(1, ROWS) AS n;

-- part: files 8214 bytes 8 % (bytes that nothing compresses; a dump writes them as hexadecimal digits)
SELECT setseed(0.5);
CREATE TABLE files (id int PRIMARY KEY, name text NOT NULL, content bytea STORAGE EXTERNAL NOT NULL);
INSERT INTO files
SELECT n, format('scan-%s.jpg', n), (SELECT string_agg(sha256((n || '/' || i)::bytea), '') FROM generate_series(1, 128) AS i)
FROM generate_series(1, ROWS) AS n;
