"""Everything that is started here: servers, the store, Dumpcar."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading

from .data import ENGINES, parts_of_data
from .host import CPUS, ROOT, TOOLS, Failure, available_memory, call, docker, docker_socket, flags, say, succeeds, until
from .meters import Cgroup

BUCKET = "bench"
# In a server that has all of its rows.
FILLED = "/tmp/dumpcar-bench-filled"
ACCESS_KEY = "GK0123456789abcdef01234567"
SECRET_KEY = "feedface" * 8


class World:
    """Everything that is started here, and gone at the end."""

    def __init__(self, options, images):
        self.engine = ENGINES[options.engine]
        self.image, self.garage_image, self.dumpcar = images
        keep = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]
        self.id = f"keep-{keep}" if options.keep else f"run-{os.urandom(3).hex()}"
        self.keep = options.keep
        self.labels = ("--label", "dumpcar.test=bench", "--label", f"dumpcar.bench={self.id}")
        # Of containers that do not stay, whatever --keep says.
        self.passing = (*self.labels, "--label", f"dumpcar.bench.tool={self.id}")
        self.prefix = f"bench{self.id.split('-')[1]}"
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="dumpcar-bench-"))
        self.own, self.others = Cgroup(self.id, "own"), Cgroup(self.id, "others")
        self.lock = threading.Lock()
        self.servers = []
        self.network = f"dumpcar-bench-{self.id}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("cleaning up")
        if self.keep:
            remove_containers(f"dumpcar.bench.tool={self.id}")
        else:
            remove(self.id)
        self.own.remove()
        self.others.remove()
        shutil.rmtree(self.work, ignore_errors=True)

    def start(self, servers, memory):
        self.servers = servers
        self.budget = available_memory() / 1e6 * 0.9
        if not succeeds("docker", "network", "inspect", self.network):
            docker("network", "create", *self.labels, self.network)
        self.start_garage(max(server.megabytes for server in servers) * 6 + memory * 1100 + 200)
        with concurrent.futures.ThreadPoolExecutor(CPUS) as pool:
            list(pool.map(self.start_server, servers))
            new = [server for server in servers if not self.is_filled(server)]
            if new:
                say(f"filling {len(new)} server(s) with {sum(server.megabytes for server in new):.0f} MB of rows")
                for server in new:
                    self.fill(server, pool)
            for server, plain in zip(servers, pool.map(self.dump_size, servers)):
                server.plain = plain

    def storage(self, path, megabytes):
        """In memory as far as that goes, so that no disk's moods are measured."""
        with self.lock:
            if megabytes < self.budget:
                self.budget -= megabytes
                return "--tmpfs", path
        say(f"on the disk, since there is too little memory: {path}")
        return "-v", path

    def kept(self, name, what):
        """One that an earlier run has left for this one."""
        found = docker("ps", "-q", "--no-trunc", "--filter", f"label=dumpcar.bench={self.id}",
                       "--filter", f"label=dumpcar.bench.what={name} {what}")
        if not found:
            for old in docker("ps", "-aq", "--filter", f"label=dumpcar.bench={self.id}",
                              "--filter", f"name=^{self.network}-{name}$").split():
                docker("rm", "-fv", old)
        return found

    def start_garage(self, megabytes):
        self.garage = self.kept("garage", self.garage_image)
        if not self.garage:
            # It keeps for ten minutes what was deleted: some rounds' objects. A store is another machine, and its own compression no matter of this one.
            settings = (ROOT / "garage.example.toml").read_text()
            (self.work / "garage.toml").write_text('compression_level = "none"\n' + settings)
            self.garage = docker(
                "create", *self.labels, "--label", f"dumpcar.bench.what=garage {self.garage_image}",
                "--name", f"{self.network}-garage", "--network", self.network, *self.storage("/var/lib/garage", megabytes),
                "--cgroup-parent", self.others.parent,
                "-e", f"GARAGE_RPC_SECRET={SECRET_KEY}", "-e", f"GARAGE_DEFAULT_BUCKET={BUCKET}",
                "-e", f"GARAGE_DEFAULT_ACCESS_KEY={ACCESS_KEY}", "-e", f"GARAGE_DEFAULT_SECRET_KEY={SECRET_KEY}",
                "-e", "RUST_LOG=garage=info", self.garage_image, "/garage", "server", "--single-node", "--default-bucket")
            docker("cp", str(self.work / "garage.toml"), f"{self.garage}:/etc/garage.toml")
            docker("start", self.garage)
        until("Garage answers", lambda: succeeds("docker", "exec", self.garage, "/garage", "bucket", "info", BUCKET))
        address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.garage)
        # By its own address from everywhere: a published port would send the pipes through one more process.
        self.endpoint = f"http://{address}:3900"
        self.delete(self.objects(""))

    def start_server(self, server):
        engine = self.engine
        data = hashlib.sha256((ROOT / "scripts" / engine.rows).read_bytes()).hexdigest()[:12]
        what = f"{data} {server.megabytes:.3f} {self.image}"
        server.id = self.kept(server.name, what)
        if not server.id:
            labels = {"enable": "true", "name": server.name, "group": server.group}
            room = server.megabytes * (3 if server.group == "of-1" else 1.6) + 400
            server.id = docker(
                "run", "-d", *self.labels, "--label", f"dumpcar.bench.what={server.name} {what}",
                *flags("--label", (f"{self.prefix}.{key}={value}" for key, value in labels.items())),
                "--name", f"{self.network}-{server.name}", *self.storage(engine.folder, room),
                "--cgroup-parent", self.others.parent, *flags("-e", engine.environment), self.image, *engine.options)
        until("the server answers", lambda: succeeds("docker", "exec", server.id, *engine.answers))

    def sql(self, server, sql, database):
        return docker("exec", "-i", server.id, *self.engine.client, database, text=sql)

    def is_filled(self, server):
        return succeeds("docker", "exec", server.id, "test", "-e", FILLED)

    def fill(self, server, pool):
        first = "postgres" if self.engine is ENGINES["postgres"] else "mysql"
        self.sql(server, "DROP DATABASE IF EXISTS bench;", first)
        self.sql(server, "CREATE DATABASE bench;", first)
        parts = dict(parts_of_data(self.engine, server.megabytes))
        self.sql(server, parts.pop("setup"), "bench")
        if server.megabytes:
            list(pool.map(lambda sql: self.sql(server, sql, "bench"), parts.values()))
        if self.engine is ENGINES["postgres"]:
            # Or the first dump would write what it finds out about the rows.
            self.sql(server, "VACUUM; CHECKPOINT;", "bench")
        docker("exec", server.id, "touch", FILLED)

    def dump_size(self, server):
        size = call("bash", "-o", "pipefail", "-c", f"docker exec {server.id} {self.engine.dump} | wc -c")
        return int(size)

    # ── The store ──

    def environment(self):
        """For everything that is run: where the store is, and the programs."""
        return {
            "PATH": f"{TOOLS}/bin:{os.environ['PATH']}", "HOME": str(self.work), "TMPDIR": str(self.work),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "garage",
            "AWS_DEFAULT_REGION": "garage", "AWS_ENDPOINT_URL": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true",
            "RCLONE_CONFIG": "/notfound", "RCLONE_LOG_LEVEL": "ERROR", "RCLONE_CONFIG_STORE_TYPE": "s3",
            "RCLONE_CONFIG_STORE_PROVIDER": "Other", "RCLONE_CONFIG_STORE_ENDPOINT": self.endpoint,
            "RCLONE_CONFIG_STORE_REGION": "garage", "RCLONE_CONFIG_STORE_ACCESS_KEY_ID": ACCESS_KEY,
            "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY": SECRET_KEY, "RCLONE_CONFIG_STORE_FORCE_PATH_STYLE": "true",
        }

    def rclone(self, *args, **more):
        return call(f"{TOOLS}/bin/rclone", *args, env=self.environment(), **more)

    def objects(self, folder):
        """Key and size of everything whose key begins so."""
        listed = json.loads(self.rclone("lsjson", "-R", "--files-only", f"store:{BUCKET}"))
        return {item["Path"]: item["Size"] for item in listed if item["Path"].startswith(folder)}

    def delete(self, keys):
        if keys:
            names = self.work / "delete"
            names.write_text("\n".join(keys) + "\n")
            self.rclone("delete", "--files-from-raw", str(names), f"store:{BUCKET}")

    def requests(self, since):
        """The requests since then, and how many of them upload a part. Garage's own log counts them: a proxy would
        take time."""
        log = subprocess.run(["docker", "logs", "--since", f"{since:.6f}", self.garage], capture_output=True, text=True)
        lines = [line for line in (log.stdout + log.stderr).splitlines()
                 if f"(key {ACCESS_KEY}) " in line and "in response to" not in line]
        return len(lines), sum(1 for line in lines if ") PUT " in line and "partNumber=" in line)

    # ── Dumpcar ──

    def create_dumpcar(self, group, folder, settings, *command):
        socket = docker_socket()
        settings = {
            "DUMPCAR_STORE": f"s3://{BUCKET}/{folder}", "DUMPCAR_LABEL_PREFIX": self.prefix, "DUMPCAR_GROUP": group,
            "DUMPCAR_RETRIES": "0", "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "garage",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, **settings}
        return docker(
            "create", *self.passing, "--network", self.network,
            "--cgroup-parent", self.own.parent, "-v", f"{socket}:/var/run/docker.sock", "--read-only",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--no-healthcheck",
            *flags("-e", (f"{name}={value}" for name, value in settings.items())), self.dumpcar, *command)


def remove_containers(label):
    for container in docker("ps", "-aq", "--filter", f"label={label}").split():
        with contextlib.suppress(Failure):
            docker("rm", "-fv", container)


def remove(run):
    remove_containers(f"dumpcar.bench={run}")
    for network in docker("network", "ls", "-q", "--filter", f"label=dumpcar.bench={run}").split():
        with contextlib.suppress(Failure):
            docker("network", "rm", network)


def remove_leftovers(kept_too):
    """What runs that were killed have left. None runs now: this one has the lock."""
    names = docker("ps", "-a", "--filter", "label=dumpcar.bench", "--format", '{{.Label "dumpcar.bench"}}').split()
    names += docker("network", "ls", "--filter", "label=dumpcar.bench", "--format", '{{.Label "dumpcar.bench"}}').split()
    for name in set(names):
        if kept_too or not name.startswith("keep-"):
            say(f"removing what was left by {name}")
            remove(name)
