#!/usr/bin/env python3
"""What applications do with their databases. Every command opens the file as an application does."""

import hashlib
import os
import sqlite3
import sys
import time


def connect(path, mode=None):
    db = sqlite3.connect(path, timeout=30, isolation_level=None)
    if mode:
        assert db.execute(f"PRAGMA journal_mode={mode}").fetchone()[0] == mode
    return db


def make(path, mode):
    """Everything that a dump may lose."""
    db = connect(path)
    if "utf16" in path:
        db.execute("PRAGMA encoding='UTF-16le'")
        db.execute("PRAGMA page_size=1024")
        db.execute("PRAGMA auto_vacuum=FULL")
    db.execute(f"PRAGMA journal_mode={mode}")
    db.execute("PRAGMA user_version=4711")
    db.execute("PRAGMA application_id=1234567")
    db.executescript(
        """
        CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, note TEXT);
        CREATE TABLE orders (
            id INTEGER PRIMARY KEY, user INTEGER REFERENCES users(id) ON DELETE CASCADE, amount NUMERIC,
            twice GENERATED ALWAYS AS (amount * 2) STORED);
        CREATE TABLE settings (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
        CREATE TABLE "we ird""`$(reboot)`" ("a;b" TEXT);
        CREATE TABLE empty (x);
        CREATE TABLE files (path TEXT, content BLOB);
        CREATE INDEX orders_of_users ON orders(user) WHERE amount > 0;
        CREATE VIEW spent AS SELECT user, sum(amount) FROM orders GROUP BY user;
        CREATE TRIGGER orders_first BEFORE INSERT ON orders WHEN new.amount < 0 BEGIN SELECT RAISE(ABORT, 'no'); END;
        CREATE VIRTUAL TABLE pages USING fts5(title, body);
        """
    )
    db.execute("BEGIN")
    for i in range(2000):
        db.execute("INSERT INTO users(name, note) VALUES (?, ?)", (f"user {i} é漢\U0001f600", "a\0b" if i % 7 else None))
        db.execute("INSERT INTO orders(id, user, amount) VALUES (?, ?, ?)", (-i if i % 3 else i * 10**12, i + 1, i * 0.1))
    for i in range(200):
        db.execute("INSERT INTO settings VALUES (?, ?)", (f"key {i}", bytes(range(256)) * (i % 5)))
        db.execute("INSERT INTO pages VALUES (?, ?)", (f"title {i}", "the quick brown fox " * (i % 20)))
    for i in range(20):
        db.execute("INSERT INTO files VALUES (?, ?)", (f"/{i}", os.urandom(5000 * i)))
    db.execute('INSERT INTO "we ird""`$(reboot)`" VALUES (?)', ("'; DROP TABLE users; --\n",))
    db.execute("DELETE FROM users WHERE id % 11 = 0")
    db.execute("COMMIT")


def own(path):
    """What only the application can read: a collation and functions of its own."""
    db = connect(path)
    db.create_collation("icu_root", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    db.create_function("is_good", 1, lambda value: 1, deterministic=True)
    db.executescript(
        """
        CREATE TABLE own (name TEXT COLLATE icu_root, CHECK (is_good(name)));
        CREATE INDEX own_by_name ON own(name);
        INSERT INTO own VALUES ('b'), ('A'), ('c');
        """
    )


def digest(path):
    """All rows of all tables, and the definitions."""
    db = connect(path)
    db.text_factory = bytes
    total = hashlib.sha256()
    for pragma in ("user_version", "application_id", "encoding", "integrity_check", "foreign_key_check"):
        total.update(repr(db.execute(f"PRAGMA {pragma}").fetchall()).encode())
    schema = db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
    total.update(repr(schema).encode())
    for kind, name, _ in schema:
        if kind == b"table":
            quoted = name.decode().replace('"', '""')
            rows = sorted(repr(row) for row in db.execute(f'SELECT * FROM "{quoted}"'))
            total.update(repr((name, rows)).encode())
    print(total.hexdigest())


def pairs(path, mode):
    """Writes for ever, two tables in each transaction: a copy of one moment has as many rows in both."""
    db = connect(path)
    db.execute(f"PRAGMA journal_mode={mode}")
    db.execute("CREATE TABLE IF NOT EXISTS a (x)")
    db.execute("CREATE TABLE IF NOT EXISTS b (x)")
    db.execute("CREATE TABLE IF NOT EXISTS ballast (x)")
    number = 0
    while True:
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO a VALUES (?)", (number,))
        db.execute("UPDATE ballast SET x = ? WHERE rowid = ?", (os.urandom(1000), number % 1000))
        db.execute("INSERT INTO b VALUES (?)", (number,))
        db.execute("COMMIT")
        number += 1
        time.sleep(0.001)


def visits(path):
    """The same, with a connection for each transaction, which is the only one."""
    while True:
        db = connect(path)
        db.execute("CREATE TABLE IF NOT EXISTS a (x)")
        db.execute("CREATE TABLE IF NOT EXISTS b (x)")
        db.execute("CREATE TABLE IF NOT EXISTS ballast (x)")
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO a VALUES (1)")
        db.execute("INSERT INTO b VALUES (1)")
        db.execute("COMMIT")
        db.close()
        time.sleep(0.2)


def fill(path, mib):
    """Random bytes, a MiB a row."""
    db = connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS ballast (x)")
    for _ in range(int(mib)):
        db.execute("INSERT INTO ballast VALUES (?)", (os.urandom(1 << 20),))


def sql(path, statement):
    for row in connect(path).execute(statement):
        print("|".join(str(column) for column in row))


def at_once(path, statement):
    """Fails if anybody holds a lock."""
    sqlite3.connect(path, timeout=1, isolation_level=None).execute(statement)


def hold(path, lock):
    """Keeps a lock until it is ended."""
    db = connect(path)
    if lock == "open":
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    elif lock == "exclusive":
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
    else:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    print("held", flush=True)
    time.sleep(600)


def damage(path, page):
    """Overwrites the middle of a page."""
    with open(path, "r+b") as file:
        size = int.from_bytes(file.read(18)[16:18], "big")
        file.seek((int(page) - 1) * size + 8)
        file.write(b"\xff" * (size // 2))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
