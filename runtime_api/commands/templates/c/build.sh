#!/bin/sh
# Builds a static bootstrap for this machine; CC=aarch64-linux-gnu-gcc builds it for another one.
set -eu
cd "$(dirname "$0")"
"${CC:-cc}" -std=c99 -Wall -Wextra -O2 -static -o bootstrap main.c
