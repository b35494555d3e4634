# shellcheck shell=bash
# shellcheck disable=SC2034 # who sources this uses it
# Functions the scripts share. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Slow build results that outlive an image: ignored by git.
CACHE=${DUMPCAR_TEST_CACHE:-$ROOT/.cache}
# One Docker daemon serves every clone on the machine, so locks are outside of the clone.
LOCKS=${TMPDIR:-/tmp}/dumpcar-test-locks-$(id -u)

# Docker passes these on to RUN without leaving them in the image.
PROXY_ARGS=()
for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z ${!variable:-} ]] || PROXY_ARGS+=(--build-arg "$variable")
done
unset variable

say() { printf '%s\n' "[$(date +%T)] $*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

need_docker() {
    local answer
    command -v docker >/dev/null || die "docker is not installed; see https://docs.docker.com/engine/install/"
    answer=$(timeout 20 docker version --format '{{.Server.Version}}' 2>&1) && return
    case $answer in
        *"permission denied"*) die "no permission for the Docker socket: run this as root or join the group docker" ;;
        *) die "the Docker daemon does not answer (start it, or set DOCKER_HOST): ${answer##*$'\n'}" ;;
    esac
}

# need_tool COMMAND PACKAGE...: installs the packages where that is possible without asking anybody.
need_tool() {
    local tool=$1
    shift
    command -v "$tool" >/dev/null && return
    if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
        say "installing $*"
        apt_install "$@" && command -v "$tool" >/dev/null && return
    fi
    return 1
}

apt_install() {
    local log
    # Images are built side by side, and each may be the first to want something.
    local install=(apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=600 "$@")
    log=$(mktemp)
    if ! { DEBIAN_FRONTEND=noninteractive "${install[@]}" ||
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive "${install[@]}"; }; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# The host's bundle of trusted certificates.
ca_bundle() {
    local file
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [[ -r $file ]]; then
            echo "$file"
            return
        fi
    done
    die "no bundle of CA certificates on this host: install ca-certificates"
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Does a registry answer for this image? Asked once for a name, and never for longer than 20 seconds.
registry_has() {
    case ${DEMO_IMAGES:-auto} in
        own) return 1 ;;
        official) return 0 ;;
        auto) ;;
        *) die "DEMO_IMAGES is one of auto, official and own" ;;
    esac
    if [[ -z ${REGISTRY_DOWN:-} ]]; then
        timeout 20 docker manifest inspect "$1" >/dev/null 2>&1 && return
        REGISTRY_DOWN=1
    fi
    return 1
}

# choose VARIABLE OFFICIAL STAND-IN: what VARIABLE says, else the official image where it can be had, else our own.
choose() {
    local variable=$1 official=$2 own=$3
    if [[ -z ${!variable:-} ]]; then
        if [[ ${DEMO_IMAGES:-auto} != own ]] && { have_image "$official" || { registry_has "$official" && docker pull -q "$official" >/dev/null; }; }; then
            printf -v "$variable" %s "$official"
        else
            printf -v "$variable" %s "dumpcar-test/$own"
        fi
    fi
    export "${variable?}"
    say "$variable=${!variable}"
}

# own_images IMAGE...: the names, for tests/images/build, of those among them that are our own
own_images() {
    local image
    for image; do
        case $image in
            dumpcar-test/*) image=${image#dumpcar-test/} && echo "${image%:latest}" ;;
        esac
    done
}

# build_dumpcar TAG [PROFILE]: needs RUST_IMAGE. The build stage is tagged, because the classic builder has no other cache.
build_dumpcar() {
    local profile=${2:-release} stage old args
    stage=dumpcar-test/build-stage:$profile
    args=("${PROXY_ARGS[@]}" --build-arg "RUST_IMAGE=$RUST_IMAGE" --build-arg "PROFILE=$profile")
    args+=(--build-arg "VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml" | sed -n 1p)")
    args+=(--build-arg "REVISION=$(git -C "$ROOT" rev-parse HEAD 2>/dev/null || echo unknown)")
    old=$(docker image inspect --format '{{.Id}}' "$stage" 2>/dev/null) || old=
    docker build "${args[@]}" --target build -t "$stage" "$ROOT"
    docker build "${args[@]}" -t "$1" "$ROOT"
    if [[ -n $old && $old != "$(docker image inspect --format '{{.Id}}' "$stage")" ]]; then
        docker rmi "$old" >/dev/null 2>&1 || true
    fi
}

# logged NAME COMMAND...: what a long command prints goes to a file, and is shown only if it fails. The command runs in
# a process of its own, because in a condition bash would not stop at its first error.
logged() {
    local name=$1 log=$CACHE/log/$1.log status=0
    shift
    mkdir -p "$CACHE/log"
    set +e
    (set -e && "$@") >"$log" 2>&1
    status=$?
    set -e
    [[ $status -eq 0 ]] && return
    tail -n 30 "$log" >&2
    die "$name failed; all of the log is in $log"
}

# Sets COMPOSE to a command: the plugin, the old program, or else Compose run from an image.
find_compose() {
    local socket=${DOCKER_HOST:-unix:///var/run/docker.sock} image=${COMPOSE_IMAGE:-}
    if docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose)
    elif docker-compose version >/dev/null 2>&1; then
        COMPOSE=(docker-compose)
    else
        choose COMPOSE_IMAGE docker:cli compose
        image=$COMPOSE_IMAGE
        # shellcheck disable=SC2046 # no names, no words
        [[ $image != dumpcar-test/* ]] || "$ROOT/tests/images/build" compose
        [[ $socket == unix://* ]] || die "Compose can be run from an image only where Docker is reached by a socket; install docker-compose"
        # The same paths inside, so that relative mounts mean the same.
        COMPOSE=(docker run --rm -i -v "${socket#unix://}:/var/run/docker.sock" -v "$ROOT:$ROOT:ro" -w "$ROOT"
            -e POSTGRES_IMAGE -e MARIADB_IMAGE -e GARAGE_IMAGE -e DUMPCAR_IMAGE -e RUST_IMAGE -e DUMPCAR_SCHEDULE -e TZ
            "$image" docker compose)
    fi
}

# wait_healthy CONTAINER SECONDS
wait_healthy() {
    local state deadline=$((SECONDS + $2))
    while :; do
        state=$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$1")
        case $state in
            "running healthy") return ;;
            running* | created*) ;;
            *) docker logs --tail 30 "$1" >&2 && die "$1 ended (state: $state)" ;;
        esac
        if ((SECONDS >= deadline)); then
            docker logs --tail 30 "$1" >&2
            docker inspect --format '{{range .State.Health.Log}}{{.Output}}{{end}}' "$1" | tail -n 5 >&2
            die "$1 is not healthy after $2 s (state: $state)"
        fi
        sleep 0.5
    done
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || die "$what: not in time"
        sleep 0.3
    done
}
