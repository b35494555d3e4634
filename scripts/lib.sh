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

# need_tool COMMAND PACKAGE: installs the package where that is possible without asking anybody.
need_tool() {
    command -v "$1" >/dev/null && return
    if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
        say "installing $2"
        apt_install "$2" && command -v "$1" >/dev/null && return
    fi
    return 1
}

apt_install() {
    local log
    log=$(mktemp)
    if ! { DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@" ||
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; }; } >"$log" 2>&1; then
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
