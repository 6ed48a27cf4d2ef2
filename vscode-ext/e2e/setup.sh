#!/bin/sh
# Installs a real VS Code into node_modules, without running one script of what is installed: code-server, the Node 24
# it needs, and its own packages. Of VS Code's native modules only the one that writes log files is compiled; the
# others serve terminals, proxies and Windows.
set -eu
cd "$(dirname "$0")"

missing=
command -v npm >/dev/null || missing="$missing npm"
command -v c++ >/dev/null || missing="$missing g++"
command -v make >/dev/null || missing="$missing make"
[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || missing="$missing chromium"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core
elif [ -n "$missing" ]; then
    echo "the tests in VS Code need the Debian packages:$missing" >&2
    exit 2
fi

npm ci --ignore-scripts --engine-strict=false --loglevel=error
node24=$(ls -d "$PWD"/node_modules/node-*/bin | head -n 1)
PATH=$node24:$PATH
export PATH npm_config_nodedir="${node24%/bin}"
cd node_modules/code-server/lib/vscode
npm install --omit=dev --ignore-scripts --no-save --loglevel=error
npm rebuild @vscode/spdlog --ignore-scripts=false --loglevel=error
