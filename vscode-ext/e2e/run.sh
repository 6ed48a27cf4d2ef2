#!/bin/sh
# Runs the end-to-end tests, one at a time; words are passed to Node's test runner.
set -eu
cd "$(dirname "$0")"
PATH=$(ls -d "$PWD"/node_modules/node-*/bin | head -n 1):$PATH
export PATH
[ $# -gt 0 ] || set -- tests/*.test.ts
exec node --test --test-concurrency=1 "$@"
