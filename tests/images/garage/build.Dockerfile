# Compiles Garage. An unoptimised build takes a third of the time of a release build; only what every byte passes
# through (hashes, zstd, SQLite) is optimised, or tests with large dumps would wait for the store.
ARG BASE
FROM $BASE
ARG VERSION
ENV CARGO_PROFILE_DEV_DEBUG=false
RUN target=$(rustc -vV | sed -n 's/host: //p') \
 && fast= && for crate in sha2 sha1 blake2 md-5 crc-fast zstd-sys libsqlite3-sys libsodium-sys-stable chacha20 aes; do \
        fast="$fast --config profile.dev.package.$crate.opt-level=3"; \
    done \
 && RUSTFLAGS='-C target-feature=+crt-static' cargo install garage --version "$VERSION" --locked --debug \
        --no-default-features --features bundled-libs,sqlite --target "$target" --root /out $fast \
 && strip /out/bin/garage \
 && rm -rf "$CARGO_HOME/registry" "$CARGO_HOME/git" /tmp/*
