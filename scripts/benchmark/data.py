"""The rows in a server, and how they are dumped."""

import dataclasses
import re

from .host import ROOT

DUMP = "pg_dump -U postgres --no-password bench"


def parts_of_data(megabytes):
    """Each part of bench.sql with the number of its rows."""
    text = (ROOT / "scripts/bench.sql").read_text()
    pattern = r"^-- part: (\w+)(?: (\d+) bytes (\d+) %)?.*?\n(.*?)(?=^-- part:|\Z)"
    for name, width, share, sql in re.findall(pattern, text, re.M | re.S):
        rows = int(megabytes * 1e6 * int(share) / 100 / int(width)) if share else 0
        yield name, "SELECT setseed(0.5);\n" + sql.replace("ROWS", str(rows))


@dataclasses.dataclass
class Server:
    """A PostgreSQL with a database to dump."""

    group: str                              # the label dumpcar.group of those that are backed up together
    name: str
    megabytes: float
    id: str = ""
    plain: int = 0
