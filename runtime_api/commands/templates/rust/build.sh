#!/bin/sh
# Builds the bootstrap for this machine's glibc. For Lambda, whose glibc may be older, build it static:
# rustup target add x86_64-unknown-linux-musl, then TARGET=x86_64-unknown-linux-musl ./build.sh
set -eu
cd "$(dirname "$0")"
cargo build --release ${TARGET:+--target "$TARGET"}
cp "target/${TARGET:+$TARGET/}release/@NAME@" bootstrap
