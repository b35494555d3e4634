"""What is measured besides the lines: each once."""

import collections
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import time

from . import real
from .data import parts_of_data
from .host import MIB, ROOT, call, docker, flags, say
from .report import table
from .runs import measure, run_dumpcar

RUNS_OF_FIRST_EXEC = 5
IDLE_SECONDS = 60
# Of `--profile`, in a second.
SAMPLES = 199


def check_first_exec(world):
    """Seconds from the container's start to the first exec it creates, by Docker's own clock."""
    took = []
    for _ in range(RUNS_OF_FIRST_EXEC):
        since = time.time()
        run_dumpcar(world, "tiny", "tiny", {}, "backup")
        events = docker("events", "--since", f"{since:.6f}", "--until", f"{time.time():.6f}", "--format", "{{json .}}",
                        "--filter", "event=start", "--filter", "event=exec_create", "--filter", f"label=dumpcar.bench={world.id}")
        events = [json.loads(event) for event in events.splitlines()]
        start = next(event["timeNano"] for event in events if event["Action"] == "start")
        first = next(event["timeNano"] for event in events if event["Action"].startswith("exec_create"))
        took.append((first - start) / 1e9)
    return statistics.median(took)


def check_idle(world, seconds):
    """What a daemon with one target uses between two backups."""
    container = world.create_dumpcar("tiny", "tiny", {})
    try:
        docker("start", container)
        process = docker("inspect", "-f", "{{.State.Pid}}", container)
        quiet_since, last = time.monotonic(), world.own.cpu()
        end = time.monotonic() + 30
        while time.monotonic() - quiet_since < 2 and time.monotonic() < end:
            time.sleep(0.2)
            if world.own.cpu() != last:
                quiet_since, last = time.monotonic(), world.own.cpu()
        since, before = time.time(), world.own.cpu()
        time.sleep(seconds)
        used = (world.own.cpu() - before) * 60 / seconds
        status = pathlib.Path(f"/proc/{process}/status").read_text()
        memory = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024
        return {"idle_memory": memory, "idle_cpu": used, "idle_requests": world.requests(since)[0]}
    finally:
        docker("rm", "-fv", container)


def check_memory(world, lines, gigabytes, peaks):
    """Peak memory of these lines at 1 GB and at more, of a dump that costs nothing to make: 16 MiB of text again and again, which is
    more than a compressor looks back."""
    chance = random.Random(1)
    words = [chance.randbytes(3).hex() for _ in range(4000)]
    text = " ".join(chance.choices(words, k=16 * MIB // 7))
    for size in (1, gigabytes):
        name = f"large-{size}"
        command = f"i=0; while [ $i -lt {size * 1000 // 16} ]; do cat /dev/shm/block || exit 1; i=$((i+1)); done"
        # As from a server's own tool: compressed in there.
        labels = {"enable": "true", "name": name, "group": name, "command": command, "transport": "on"}
        container = docker("run", "-d", *world.passing, *flags(
            "--label", (f"{world.prefix}.{key}={value}" for key, value in labels.items())),
            "--network", "none", "--entrypoint", "sleep", world.image, "infinity")
        try:
            docker("exec", "-i", container, "sh", "-c", "cat >/dev/shm/block", text=text)
            for line in lines:
                say(f"memory: {line.name}, {size} GB")
                used = run_dumpcar(world, name, name, line.settings, "backup")
                peaks.setdefault(line.name, {})[size] = used.memory
                world.delete(world.objects(f"{name}/"))
        finally:
            docker("rm", "-fv", container)


def run_checks(world, options, results):
    results.checks["image"] = int(docker("image", "inspect", "-f", "{{.Size}}", world.dumpcar))
    if options.checks:
        say("start to first exec")
        results.checks["first_exec"] = check_first_exec(world)
        say("an idle daemon")
        results.checks.update(check_idle(world, 15 if options.quick else IDLE_SECONDS))
    if options.memory:
        lines = [line for line in options.lines if line.name in ("default", "zstd", "none")]
        check_memory(world, lines, options.memory, results.checks.setdefault("memory", {}))


def profile(world, line):
    """Whose time it is, by the names of threads: a run of the line with all processors sampled."""
    data = world.work / "perf.data"
    perf = subprocess.Popen(["perf", "record", "--quiet", "--all-cpus", "--event", "cpu-clock", "--freq", str(SAMPLES),
                             "--output", str(data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        measure(world, line, 0)
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()
    samples = call("perf", "script", "--input", str(data), "--fields", "comm,pid,ip,dso")
    seconds, kernel, names = collections.Counter(), collections.Counter(), {}
    for thread, process, place in re.findall(r"^ *(.*?) +(\d+) +[0-9a-f]+ \((.*)\)$", samples, re.MULTILINE):
        if thread != "swapper":
            # Threads of the store are called as Dumpcar's are, whose process has ended.
            if process not in names:
                comm = pathlib.Path(f"/proc/{process}/comm")
                names[process] = comm.read_text().strip() if comm.exists() else ""
            if names[process] == "garage":
                thread = "garage"
            seconds[thread] += 1 / SAMPLES
            kernel[thread] += place.startswith("[kernel") / SAMPLES
    total = sum(seconds.values())
    kernel["all"] = sum(kernel.values())
    print(f"\n{line.name}: {line.title}")
    table(["THREAD", "CPU s", "SHARE", "IN THE KERNEL s"],
          [[thread, f"{spent:.1f}", f"{spent / total:.0%}", f"{kernel[thread]:.1f}"]
           for thread, spent in [*seconds.most_common(), ("all", total)] if spent >= total / 100])


def compare_codecs(world):
    """Compresses each kind of rows by itself, on one core."""
    dumps = []
    for name, _ in parts_of_data(world.engine, 0):
        if name != "setup":
            dumps.append(str(world.work / f"{name}.sql"))
            table = {"accounts": "pgbench_accounts", "history": "pgbench_history"}.get(name, name)
            call("bash", "-c", f"docker exec {world.servers[0].id} {world.engine.dump} -t {table} >{dumps[-1]}")
    for name, rows in real.KINDS.items():
        say(f"rows of real data: {name}")
        dumps.append(str(world.work / f"{name}.sql"))
        with open(dumps[-1], "w") as file:
            file.writelines(rows())
    bench = ("cargo", "bench", "--quiet", "--locked", "--features", "bench", "--bench", "codecs")
    call(*bench, "--no-run", cwd=ROOT)
    print(call("taskset", "-c", str(min(os.sched_getaffinity(0))), *bench, "--", *dumps, cwd=ROOT))
