"""The servers, the rows in them, and how they are dumped."""

import dataclasses
import re

from .host import ROOT

PASSWORD = "bench"


@dataclasses.dataclass(frozen=True)
class Engine:
    """A kind of server: its image, what it is started with, and its own programs. Nothing in it has to survive a crash."""

    image: tuple                            # for `choose` of scripts/lib.sh: variable, official and own name
    rows: str                               # beside this script's folder
    folder: str
    environment: tuple
    options: tuple
    dump: str
    client: tuple
    # By TCP: while the image sets the server up, it answers on its socket only.
    answers: tuple


def mysql(image, program, dump, options=()):
    return Engine(
        image, "bench.mysql.sql", "/var/lib/mysql", (f"{image[0].split('_')[0]}_ROOT_PASSWORD={PASSWORD}",),
        ("--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=512M", *options),
        f"{dump} -uroot -p{PASSWORD} --single-transaction --quick --hex-blob bench",
        (program, "-uroot", f"-p{PASSWORD}", "-N", "-B", "-D"), (program, "-uroot", f"-p{PASSWORD}", "-h127.0.0.1", "-eSELECT 1"))


ENGINES = {
    "postgres": Engine(
        ("POSTGRES_IMAGE", "postgres:17", "postgres:17"), "bench.sql", "/var/lib/postgresql/data", ("POSTGRES_HOST_AUTH_METHOD=trust",),
        tuple(f"-c{setting}" for setting in (
            "fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0",
            "autovacuum=off", "max_wal_size=256MB", "checkpoint_timeout=1h", "maintenance_work_mem=256MB")),
        "pg_dump -U postgres --no-password bench",
        ("psql", "-U", "postgres", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d"),
        ("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres")),
    "mariadb": mysql(("MARIADB_IMAGE", "mariadb:11.8", "mariadb:11.8"), "mariadb", "mariadb-dump"),
    "mysql": mysql(("MYSQL_IMAGE", "mysql:9.7", "mysql:9.7"), "mysql", "mysqldump", ("--mysqlx=OFF",)),
}


def parts_of_data(engine, megabytes):
    """Each part of the rows with the number of its rows."""
    text = (ROOT / "scripts" / engine.rows).read_text()
    pattern = r"^-- part: (\w+)(?: (\d+) bytes (\d+) %)?.*?\n(.*?)(?=^-- part:|\Z)"
    for name, width, share, sql in re.findall(pattern, text, re.M | re.S):
        rows = int(megabytes * 1e6 * int(share) / 100 / int(width)) if share else 0
        yield name, sql.replace("ROWS", str(rows))


@dataclasses.dataclass
class Server:
    """A server with a database to dump."""

    group: str                              # the label dumpcar.group of those that are backed up together
    name: str
    megabytes: float
    id: str = ""
    plain: int = 0
