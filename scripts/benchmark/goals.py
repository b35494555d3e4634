"""What the numbers must reach."""

import dataclasses
import typing

from .host import MIB
from .results import Results


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a number has to be at most, or at least."""

    what: str
    # None: nothing was measured that says it.
    value: typing.Callable[[Results], typing.Optional[float]]
    limit: float
    form: str = "{:.2f} x"
    unit: float = 1
    least: bool = False


GOALS = (
    Goal("default: times faster than the classic script", lambda r: r.ratio("classic", "default"), 2.5, least=True),
    Goal("default: stored size, of the classic script's", lambda r: r.ratio("default", "classic", "stored"), 1.05),
    Goal("default: bytes on disk", lambda r: r.highest("default", "disk"), 0, "{:.0f}"),
    Goal("default: times faster than the best pipe of its ratio",
         lambda r: r.fastest(("pipe-xz-aws", "pipe-xz", "pipe-lbzip2", "pipe-zstd9"), "default"), 1.1, least=True),
    Goal("zstd: times faster than zstd | rclone rcat", lambda r: r.ratio("pipe-zstd", "zstd"), 1.5, least=True),
    Goal("zstd: time, of the limit's", lambda r: r.ratio("zstd", "limit-api"), 1.1),
    Goal("zstd: time under a slow store, of the pipe's", lambda r: r.ratio("slow", "pipe-slow"), 1.02),
    Goal("zstd: CPU of all processes, of the pipe's", lambda r: r.ratio("zstd", "pipe-zstd", "cpu_all"), 0.85),
    Goal("none: Dumpcar's own CPU, of all CPU of the limit",
         lambda r: r.across(("none", "cpu_own"), ("limit-api", "cpu_all")), 0.25, "{:.0%}"),
    Goal("default: peak memory", lambda r: r.highest("default", "memory"), 96 * MIB, "{:.1f} MiB", MIB),
    Goal("zstd: peak memory", lambda r: r.highest("zstd", "memory"), 64 * MIB, "{:.1f} MiB", MIB),
    Goal("none: peak memory", lambda r: r.highest("none", "memory"), 48 * MIB, "{:.1f} MiB", MIB),
    Goal("default: peak memory of a large dump, of a small one's", lambda r: r.growth("default"), 1.1),
    Goal("zstd: peak memory of a large dump, of a small one's", lambda r: r.growth("zstd"), 1.1),
    Goal("none: peak memory of a large dump, of a small one's", lambda r: r.growth("none"), 1.1),
    Goal("idle: memory", lambda r: r.checks.get("idle_memory"), 12 * MIB, "{:.1f} MiB", MIB),
    Goal("idle: S3 requests", lambda r: r.checks.get("idle_requests"), 0, "{:.0f}"),
    Goal("idle: CPU, seconds per minute", lambda r: r.checks.get("idle_cpu"), 0.01, "{:.2f} s"),
    Goal("image", lambda r: r.checks.get("image"), 12e6, "{:.2f} MB", 1e6),
    Goal("start to first exec", lambda r: r.checks.get("first_exec"), 0.150, "{:.0f} ms", 1e-3),
    Goal("S3 requests beyond objects + parts", lambda r: r.overhead("default"), 4, "{:.0f}"),
)
