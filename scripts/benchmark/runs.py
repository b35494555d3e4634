"""One run of a line, and what it took."""

import dataclasses
import datetime
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import typing

from .host import CPUS, Failure, docker, docker_socket
from .meters import Clock, Sampler, family, settle
from .world import BUCKET


@dataclasses.dataclass
class Run:
    """What one run of a line took. None is what cannot be said of it."""

    line: str
    round: int
    plain: int                              # bytes of the dump
    wall: float                             # seconds
    cpu_machine: float                      # seconds that the whole machine has worked, whatever for
    cpu_all: float                          # seconds of the tool, the database, the store, dockerd, containerd and shims
    cpu_own: float                          # seconds of the tool's own processes
    memory: int                             # bytes: peak of the tool's processes together
    disk: int                               # bytes the tool has written to a disk
    requests: int
    parts: int                              # of the requests, those that upload a part
    objects: int                            # left in the bucket, manifests not counted
    stored: int
    inside: typing.Optional[float] = None   # of Dumpcar's wall time, what its process has lived


# No run of a line takes longer.
LIMIT_SECONDS = 3 * 3600


@dataclasses.dataclass
class Used:
    wall: float
    cpu_machine: float
    cpu_all: float
    cpu_own: float
    memory: int
    disk: int
    inside: typing.Optional[float] = None


def run_shell(world, script, environment):
    """Runs a script, and says what it and its children have used."""
    with tempfile.TemporaryFile("w+") as log:
        clock = Clock(world)
        child = subprocess.Popen(["bash", "-c", "set -euo pipefail\n" + script], env=environment, start_new_session=True,
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        watchdog = threading.Timer(LIMIT_SECONDS, os.killpg, (child.pid, signal.SIGKILL))
        watchdog.daemon = True
        watchdog.start()
        try:
            with Sampler(lambda: family(child.pid)) as sampler:
                _, status, usage = os.wait4(child.pid, 0)
            wall, machine, others = clock.used()
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            watchdog.cancel()
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        log.seek(0)
        if child.returncode != 0:
            raise Failure(f"exit status {child.returncode}: {log.read()[-2000:]}")
        own = usage.ru_utime + usage.ru_stime
        return Used(wall, machine, own + others, own, sampler.memory, sum(sampler.written.values()))


def run_dumpcar(world, group, folder, settings, *command):
    """Runs Dumpcar in a container of its own, as a user would, and says what its process has used."""
    container = world.create_dumpcar(group, folder, settings, *command)
    try:
        own, clock = world.own.cpu(), Clock(world)
        docker("start", container)
        process = int(docker("inspect", "-f", "{{.State.Pid}}", container))
        with Sampler(lambda: [process] if process else []) as sampler:
            status = docker("wait", container, timeout=LIMIT_SECONDS)
        wall, machine, others = clock.used()
        own = world.own.cpu() - own
        born, died = (datetime.datetime.fromisoformat(time[:19]).timestamp() + float(f"0{time[19:-1]}")
                      for time in docker("inspect", "-f", "{{.State.StartedAt}} {{.State.FinishedAt}}", container).split())
        logs = subprocess.run(["docker", "logs", container], capture_output=True, text=True)
        if status != "0":
            raise Failure(f"dumpcar {' '.join(command)}: exit status {status}: {(logs.stdout + logs.stderr)[-2000:]}")
        return Used(wall, machine, own + others, own, sampler.memory, sum(sampler.written.values()), died - born)
    finally:
        docker("rm", "-fv", container)


def measure(world, line, round_number):
    servers = [server for server in world.servers if server.group == f"of-{line.targets}"]
    plain = sum(server.plain for server in servers)
    folder = "kept" if line.restores else line.name if line.settings is not None else f"{line.name}-{round_number}"
    before = world.objects(f"{folder}/")
    fresh = "fresh"
    if line.restores:
        world.sql(servers[0], f"DROP DATABASE IF EXISTS {fresh};", "postgres")
        if line.script:
            world.sql(servers[0], f"CREATE DATABASE {fresh} TEMPLATE template0;", "postgres")
    settle()
    since = time.time()
    if line.script:
        work = world.work / "files"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        kept = next((key for key in before if "/bench.sql" in key), "")
        used = run_shell(world, line.script, {
            **world.environment(), "DB": servers[0].id, "DUMP": world.engine.dump, "FRESH": fresh, "CPUS": str(CPUS), "WORK": str(work),
            "PLAIN": str(plain), "S3": f"s3://{BUCKET}/{folder}", "REMOTE": f"store:{BUCKET}/{folder}",
            "KEPT": f"store:{BUCKET}/{kept}", "API": "http://docker", "SOCKET": docker_socket(),
            "EXEC": json.dumps({"AttachStdout": True, "AttachStderr": True, "Cmd": world.engine.dump.split()})})
    elif line.restores:
        used = run_dumpcar(world, "of-1", folder, line.settings, "restore", servers[0].name, "--database", "bench",
                           "--as", fresh, "--yes")
    else:
        used = run_dumpcar(world, servers[0].group, folder, line.settings, "backup")
    requests, parts = world.requests(since)
    if line.restores:
        restored = world.sql(servers[0], "SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM tokens);", fresh)
        expected = world.sql(servers[0], "SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM tokens);", "bench")
        world.sql(servers[0], f"DROP DATABASE {fresh};", "postgres")
        world.sql(servers[0], "CHECKPOINT;", "postgres")
        if restored != expected:
            raise Failure(f"{restored} rows instead of {expected} were restored")
    after = world.objects(f"{folder}/")
    new = {key: size for key, size in after.items() if key not in before and not key.endswith("/manifest.json")}
    stored = sum(new.values())
    if not line.restores and line.group != "limit" and stored < plain / 100:
        raise Failure(f"only {stored} bytes are in the bucket")
    # Dumpcar's last backup stays: a backup that has one before it is the usual one.
    if not line.restores:
        world.delete(before if line.settings is not None else after)
    disk = 2 * plain + stored if line.files else used.disk
    return Run(line.name, round_number, plain, used.wall, used.cpu_machine, used.cpu_all, used.cpu_own, used.memory, disk,
               requests, parts, len(new), stored, used.inside)
