"""What processes and control groups have used."""

import contextlib
import os
import pathlib
import re
import threading
import time

from .host import docker

SAMPLE_SECONDS = 0.05


class Cgroup:
    """A control group above those of containers. It still knows their CPU when they are gone."""

    def __init__(self, run, kind):
        if docker("info", "-f", "{{.CgroupDriver}}") == "systemd":
            outer = f"dumpcarbench{run.replace('-', '')}"
            # The name says where it is.
            self.parent, self.path = f"{outer}-{kind}.slice", f"{outer}.slice/{outer}-{kind}.slice"
        else:
            self.path = f"dumpcar-bench-{run}/{kind}"
            self.parent = f"/{self.path}"
        self.root = pathlib.Path("/sys/fs/cgroup")
        self.last = 0.0

    def cpu(self):
        """Seconds. The last that could be read: systemd removes a slice that is empty."""
        with contextlib.suppress(OSError):
            self.last = int((self.root / "cpuacct" / self.path / "cpuacct.usage").read_text()) / 1e9
            return self.last
        with contextlib.suppress(OSError):
            text = (self.root / self.path / "cpu.stat").read_text()
            self.last = int(re.search(r"usage_usec (\d+)", text).group(1)) / 1e6
        return self.last

    def remove(self):
        for path in (self.root / self.path, *self.root.glob(f"*/{self.path}")):
            with contextlib.suppress(OSError):
                path.rmdir()
                path.parent.rmdir()


TICKS = os.sysconf("SC_CLK_TCK")


def machine_cpu():
    """Seconds that all processors together have worked."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _wait, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def docker_cpu(containers):
    """Seconds of Docker's daemons and these containers' shims, with the short-lived helpers they have waited for."""
    ticks = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (process / "comm").read_text().strip()
            if name.startswith("containerd-shim"):
                line = (process / "cmdline").read_text()
                if not any(container in line for container in containers):
                    continue
            elif name not in ("dockerd", "containerd"):
                continue
            ticks += sum(map(int, (process / "stat").read_text().rsplit(")", 1)[1].split()[11:15]))
    return ticks / TICKS


class Clock:
    """Time, and the CPU of all that takes part. The CPU of the machine has on it what others do meanwhile."""

    def __init__(self, world):
        self.world = world
        self.containers = [world.garage, *(server.id for server in world.servers)]
        self.start = self.now()

    def now(self):
        return [time.monotonic(), machine_cpu(), docker_cpu(self.containers) + self.world.others.cpu()]

    def used(self):
        """Wall, CPU of the machine, CPU of Docker, database and store."""
        return [after - before for before, after in zip(self.start, self.now())]


def settle():
    """Waits until the machine has finished what the last run has left to do; not for long, it may be busy with more."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        before = machine_cpu()
        time.sleep(0.5)
        if machine_cpu() - before < 0.05:
            return


class Sampler:
    """Looks at processes all the time, because what they have used is gone when they are."""

    def __init__(self, processes):
        self.processes = processes
        self.memory = 0
        self.written = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def watch(self):
        while not self.stop.is_set():
            self.look()
            self.stop.wait(SAMPLE_SECONDS)

    def look(self):
        memory = 0
        for process in self.processes():
            with contextlib.suppress(OSError, AttributeError, ProcessLookupError):
                status = pathlib.Path(f"/proc/{process}/status").read_text()
                memory += int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024
                written = pathlib.Path(f"/proc/{process}/io").read_text()
                self.written[process] = int(re.search(r"^write_bytes: (\d+)", written, re.M).group(1))
        self.memory = max(self.memory, memory)


def family(process):
    """A process and all its descendants."""
    found = [process]
    for parent in found:
        with contextlib.suppress(OSError):
            found += map(int, pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found
