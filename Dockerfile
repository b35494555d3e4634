# Builds for the machine it is built on (amd64, arm64), with the classic builder as well as with BuildKit.
# RUST_IMAGE: anything with cargo, a C compiler and glibc's static libraries.
ARG RUST_IMAGE=rust:1-bookworm
FROM ${RUST_IMAGE} AS build
WORKDIR /build
# With AUDITABLE=1 the binary carries the list of its dependencies, for scanners of vulnerabilities. A release has it; what
# makes it takes a minute to compile.
ARG AUDITABLE=
RUN [ -z "$AUDITABLE" ] || cargo install --locked cargo-auditable
# A profile of Cargo.toml: quick is for trying things out.
ARG PROFILE=release
# Static, so that it runs in an empty image; relocations packed, which takes 350 KB off it. With --target, macros and build
# scripts are still built for the host.
ENV RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"

# The dependencies in a layer of their own: they change less often than the source. The sources here are stand-ins for
# what Cargo.toml names.
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src tests/it tests/docker benches \
 && echo 'fn main() {}' | tee src/main.rs tests/it/main.rs tests/docker/main.rs benches/stages.rs benches/once.rs >/dev/null \
 && touch src/lib.rs \
 && cargo ${AUDITABLE:+auditable} build --profile "$PROFILE" --locked --bin dumpcar --target "$(rustc -vV | sed -n 's/^host: //p')"

COPY askama.toml ./
COPY src src
# Cargo goes by time stamps, and those of a checkout may be older than the stand-ins built a moment ago.
RUN touch src/main.rs src/lib.rs \
 && target=$(rustc -vV | sed -n 's/^host: //p') \
 && cargo ${AUDITABLE:+auditable} build --profile "$PROFILE" --locked --bin dumpcar --target "$target" \
 && cp "target/$target/$PROFILE/dumpcar" /dumpcar

# Nothing but the binary: certificates and time zones are inside of it. It needs no root either, only access to the
# Docker socket: --user 65534 --group-add "$(stat -c %g /var/run/docker.sock)".
FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dumpcar" \
      org.opencontainers.image.description="A Docker sidecar that streams proven database backups straight into S3-compatible storage" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /dumpcar /dumpcar
# So that `docker compose exec dumpcar dumpcar backup` finds it.
ENV PATH=/
# What a dump was held in goes back to the system at once, and one thread's memory is of use to the others. glibc would learn
# from the first dump that it had better keep it.
ENV MALLOC_MMAP_THRESHOLD_=131072 MALLOC_ARENA_MAX=1
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["/dumpcar", "healthcheck"]
ENTRYPOINT ["/dumpcar"]
