"""The ways to make a backup that are compared."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Line:
    """One way to do it: a script for the shell, or a command of Dumpcar's with settings."""

    name: str
    group: str
    title: str
    # The script finds in its environment: DB (container), DUMP (command), FRESH (an empty database to restore into),
    # S3 and REMOTE (where to put it, for aws and rclone), KEPT (a stored backup for rclone), CPUS, WORK (an empty
    # folder), PLAIN (bytes of the dump), API and SOCKET (of Docker), EXEC (the dump as a request to it).
    script: str = ""
    # Or: the settings of `dumpcar backup`, and of how many targets at once. Together they have as much as the one.
    settings: typing.Optional[dict] = None
    targets: int = 1
    restores: bool = False
    # The dump lies on the disk twice, and what was made of it once.
    files: bool = False
    quick: bool = True
    # Takes so long that one round has to do.
    once: bool = False


LINES = (
    Line("limit-api", "limit", "exec read from Docker's API, thrown away", """
        id=$(curl -sSf --unix-socket "$SOCKET" -H 'Content-Type: application/json' -d "$EXEC" "$API/containers/$DB/exec" |
            sed 's/.*"Id":"\\([0-9a-f]*\\)".*/\\1/')
        read=$(curl -sSf --unix-socket "$SOCKET" -H 'Content-Type: application/json' -d '{"Detach":false,"Tty":false}' \\
            -o /dev/null -w '%{size_download}' "$API/exec/$id/start")
        [[ $read -ge $PLAIN ]]
        """),
    Line("limit-cli", "limit", "docker exec pg_dump >/dev/null", 'docker exec "$DB" $DUMP >/dev/null'),
    Line("classic", "classic", "file, docker cp, bzip2 --best, aws s3 sync", """
        docker exec "$DB" sh -c "$DUMP >/tmp/dump.sql"
        docker cp "$DB:/tmp/dump.sql" "$WORK/dump.sql" >/dev/null 2>&1
        docker exec "$DB" rm /tmp/dump.sql
        bzip2 --best "$WORK/dump.sql"
        aws s3 sync --quiet "$WORK" "$S3"
        """, files=True),
    Line("pipe-xz-aws", "pipes", "docker exec | xz -1 | aws s3 cp", """
        docker exec "$DB" $DUMP | xz -T"$CPUS" -1 | aws s3 cp --quiet - "$S3/dump.sql.xz"
        """, quick=False),
    Line("pipe-xz", "pipes", "docker exec | xz -1 | rclone rcat", """
        docker exec "$DB" $DUMP | xz -T"$CPUS" -1 | rclone rcat "$REMOTE/dump.sql.xz"
        """),
    Line("pipe-zstd", "pipes", "docker exec | zstd -3 | rclone rcat", """
        docker exec "$DB" $DUMP | zstd -q -T"$CPUS" -3 | rclone rcat "$REMOTE/dump.sql.zst"
        """),
    Line("pipe-inside", "pipes", "docker exec 'pg_dump | zstd -3' | rclone rcat", """
        docker exec "$DB" sh -c "$DUMP | zstd -q -3" | rclone rcat "$REMOTE/dump.sql.zst"
        """),
    Line("pipe-zstd9", "pipes", "docker exec | zstd -9 | rclone rcat", """
        docker exec "$DB" $DUMP | zstd -q -T"$CPUS" -9 | rclone rcat "$REMOTE/dump.sql.zst"
        """, quick=False),
    Line("pipe-slow", "pipes", "docker exec | zstd -3 | rclone rcat --bwlimit 20M", """
        docker exec "$DB" $DUMP | zstd -q -T"$CPUS" -3 | rclone rcat --bwlimit 20M "$REMOTE/dump.sql.zst"
        """, quick=False),
    Line("pipe-lbzip2", "pipes", "docker exec | lbzip2 -9 | rclone rcat", """
        docker exec "$DB" $DUMP | lbzip2 -n"$CPUS" -9 | rclone rcat "$REMOTE/dump.sql.bz2"
        """, quick=False),
    Line("default", "dumpcar", "dumpcar backup (auto)", settings={}),
    Line("xz", "dumpcar", "dumpcar backup, xz", settings={"DUMPCAR_COMPRESSION": "xz"}, quick=False, once=True),
    Line("xz1", "dumpcar", "dumpcar backup, xz:1", settings={"DUMPCAR_COMPRESSION": "xz:1"}, quick=False),
    Line("xz6", "dumpcar", "dumpcar backup, xz:6", settings={"DUMPCAR_COMPRESSION": "xz:6"}, quick=False, once=True),
    Line("zstd", "dumpcar", "dumpcar backup, zstd", settings={"DUMPCAR_COMPRESSION": "zstd"}),
    Line("slow", "dumpcar", "dumpcar backup, zstd, 20 MiB/s to the store", quick=False,
         settings={"DUMPCAR_COMPRESSION": "zstd", "DUMPCAR_UPLOAD_LIMIT": "20MiB"}),
    Line("zstd-outside", "dumpcar", "dumpcar backup, zstd, transport off", quick=False,
         settings={"DUMPCAR_COMPRESSION": "zstd", "DUMPCAR_TRANSPORT": "off"}),
    Line("none", "dumpcar", "dumpcar backup, none", settings={"DUMPCAR_COMPRESSION": "none"}),
    Line("targets-3", "targets", "3 targets at once, default", settings={"DUMPCAR_PARALLEL": "3"}, targets=3, quick=False),
    Line("targets-8", "targets", "8 targets at once, default", settings={"DUMPCAR_PARALLEL": "8"}, targets=8, quick=False),
    Line("restore-pipe", "restore", "rclone cat | zstd -d | docker exec -i psql", """
        rclone cat "$KEPT" | zstd -qd | docker exec -i "$DB" psql -U postgres -XqAt1 -o /dev/null -v ON_ERROR_STOP=1 "$FRESH"
        """, restores=True),
    Line("restore-inside", "restore", "rclone cat | docker exec -i 'zstd -d | psql'", """
        rclone cat "$KEPT" |
            docker exec -i "$DB" sh -c "zstd -qd | psql -U postgres -XqAt1 -o /dev/null -v ON_ERROR_STOP=1 $FRESH"
        """, restores=True, quick=False),
    Line("restore-anew", "restore", "the same, compressed anew on the way", """
        rclone cat "$KEPT" | zstd -qd | zstd -q1 |
            docker exec -i "$DB" sh -c "zstd -qd | psql -U postgres -XqAt1 -o /dev/null -v ON_ERROR_STOP=1 $FRESH"
        """, restores=True, quick=False),
    Line("restore", "restore", "dumpcar restore", settings={}, restores=True),
    Line("restore-outside", "restore", "dumpcar restore, transport off", restores=True, quick=False,
         settings={"DUMPCAR_TRANSPORT": "off"}),
)


GROUPS = {"limit": "The limit", "classic": "The classic script", "pipes": "Hand-written pipes", "dumpcar": "Dumpcar",
          "targets": "Several targets", "restore": "Restore"}
