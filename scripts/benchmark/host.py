"""This machine: its processors, its commands and its Docker."""

import os
import pathlib
import re
import subprocess
import sys
import time

MIB = 1024 * 1024
ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("DUMPCAR_TEST_CACHE") or ROOT / ".cache")
TOOLS = CACHE / "bench-tools"
CPUS = len(os.sched_getaffinity(0))


class Failure(Exception):
    """Something to say to the user."""


def say(text):
    print(f"[{time.strftime('%T')}] {text}", file=sys.stderr, flush=True)


def call(*command, text=None, **more):
    """What the command prints."""
    done = subprocess.run(command, input=text, capture_output=True, text=True,
                          **({} if text is not None else {"stdin": subprocess.DEVNULL}), **more)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)[:200]}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout.strip()


def docker(*args, **more):
    return call("docker", *args, **more)


def until(what, condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.2)


def succeeds(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


def flags(flag, values):
    return [word for value in values for word in (flag, value)]


def docker_socket():
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise Failure("this reads /proc and control groups, so Docker has to be local: DOCKER_HOST=unix://…")
    return host[len("unix://"):]


def available_memory():
    return int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) * 1024
