#!/bin/sh
# Builds a static bootstrap for this machine; GOARCH=arm64 or amd64 builds it for another one.
set -eu
cd "$(dirname "$0")"
CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags=-s -o bootstrap .
