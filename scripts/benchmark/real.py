"""Rows as applications have them, in the form in which pg_dump prints them: for comparing compressions.

Columns have tabs between them, rows are lines, and a line break in a value is \\n.
"""

import random
import re
import subprocess

from .host import ROOT, docker

SUITES = ("bullseye", "bookworm", "trixie", "sid")
# Bytes of each suite's list of packages.
SUITE_BYTES = 7_000_000
# Bytes of this repository's own history.
HISTORY_BYTES = 20_000_000
# Invoices of the shop that is made up.
INVOICES = 60_000

LIST = "apt-get update >/dev/null 2>&1; /usr/lib/apt/apt-helper cat-file /var/lib/apt/lists/*_main_binary-*_Packages*"


def copy(table, columns, rows):
    """A table as pg_dump has it."""
    def text(value):
        if value is None:
            return "\\N"
        return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")

    yield f"COPY public.{table} ({', '.join(columns)}) FROM stdin;\n"
    for row in rows:
        yield "\t".join(map(text, row)) + "\n"
    yield "\\.\n\n"


def packages():
    """Debian's packages: names, versions, relations, digests, and descriptions."""
    fields = ("Package", "Version", "Architecture", "Maintainer", "Installed-Size", "Depends", "Description",
              "Homepage", "Section", "Priority", "Filename", "Size", "SHA256")

    def rows():
        for suite in SUITES:
            listed = docker("run", "--rm", f"dumpcar-test/debian:{suite}", "sh", "-c", f"{LIST} | head -c {SUITE_BYTES}")
            for stanza in listed.split("\n\n"):
                found = dict(re.findall(r"^([A-Z][\w-]*): ?(.*(?:\n .*)*)", stanza, re.MULTILINE))
                if len(found) > 5:
                    yield [suite, *(found.get(field) for field in fields)]

    columns = ["suite", *(field.lower().replace("-", "_") for field in fields)]
    return copy("packages", columns, rows())


def history():
    """What changed in this repository: who, when, why, and the lines."""
    log = subprocess.Popen(["git", "log", "--format=%x00%H%x01%an%x01%aI%x01%s%x01%b%x01", "--patch", "--no-color"],
                           cwd=ROOT, stdout=subprocess.PIPE)
    with log.stdout:
        text = log.stdout.read(HISTORY_BYTES).decode(errors="replace")
    log.wait()
    rows = (commit.split("\x01") for commit in text.split("\x00") if commit.count("\x01") == 5)
    return copy("commits", ("hash", "author", "at", "subject", "body", "patch"), rows)


def shop():
    """A shop of music: customers, tracks, invoices and their lines. Nearly all of it is numbers, dates and names."""
    chance = random.Random(17)
    first = "Anna Ben Carla David Elena Farid Greta Hugo Ines Jonas Karin Luis Maria Nils Olga Paul Rosa Sven Tara Uwe".split()
    last = "Almeida Bauer Costa Dahl Engel Ferrari Garcia Hansen Ivanov Jansen Kowalski Lund Moreau Novak Okafor Silva".split()
    towns = "Berlin Lisboa Oslo Paris Praha Roma Wien Warszawa Madrid Dublin Helsinki London Montreal Chicago".split()
    words = "night river stone heart summer blue train home fire moon rain road city glass winter light dance".split()
    at = 1_600_000_000
    customers = range(1, 3000)
    tracks = range(1, 30_000)
    prices = {track: chance.choice(("0.99", "0.99", "1.29", "1.99")) for track in tracks}

    def title():
        return " ".join(chance.choices(words, k=chance.randint(1, 4))).capitalize()

    def moment(seconds):
        day, rest = divmod(seconds, 86400)
        year, rest_days = 1970 + day // 365, day % 365
        return f"{year}-{1 + rest_days // 31:02}-{1 + rest_days % 28:02} {rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}+00"

    def people():
        for number in customers:
            name, family = chance.choice(first), chance.choice(last)
            mail = f"{name}.{family}{chance.randint(1, 999)}@example.com".lower()
            yield (number, name, family, mail, f"{chance.randint(1, 200)} {chance.choice(words).capitalize()} Street",
                   chance.choice(towns), chance.choice((None, f"+49 {chance.randint(10**8, 10**9)}")))

    def songs():
        for number in tracks:
            yield (number, title(), chance.randint(1, 2500), chance.randint(1, 5), chance.randint(1, 25),
                   f"{chance.choice(first)} {chance.choice(last)}", chance.randint(90_000, 600_000),
                   chance.randint(2_000_000, 15_000_000), prices[number])

    lines = []

    def invoices():
        now = at
        for number in range(1, INVOICES):
            now += chance.randint(20, 4000)
            bought = chance.choices(tracks, k=chance.choice((1, 1, 2, 3, 5, 9)))
            lines.extend((len(lines) + 1 + index, number, track, prices[track], 1) for index, track in enumerate(bought))
            total = sum(round(float(prices[track]) * 100) for track in bought)
            yield (number, chance.choice(customers), moment(now), chance.choice(towns), f"{total / 100:.2f}",
                   chance.choice(("paid", "paid", "paid", "open", "refunded")))

    yield from copy("customers", ("id", "first_name", "last_name", "email", "address", "city", "phone"), people())
    yield from copy("tracks", ("id", "name", "album_id", "media_type_id", "genre_id", "composer", "milliseconds", "bytes",
                               "unit_price"), songs())
    yield from copy("invoices", ("id", "customer_id", "invoiced_at", "city", "total", "state"), invoices())
    yield from copy("invoice_lines", ("id", "invoice_id", "track_id", "unit_price", "quantity"), lines)


KINDS = {"packages": packages, "commits": history, "shop": shop}
