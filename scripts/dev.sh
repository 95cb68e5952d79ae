#!/bin/sh
# Serves Kith from a debug build and restarts it when its source changes, by watchexec or cargo-watch. Restarts are at
# least 2 s apart; after 10 within a minute it stops and says so. `dev.sh start` is what the watcher runs.
set -eu
cd "$(dirname "$0")/.."

most=10
within=60000
apart=2000

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

start() {
    if [ -e "$KITH_DEV_FOLDER/started" ]; then
        pause_or_stop
    fi
    milliseconds >"$KITH_DEV_FOLDER/started"
    exec cargo run --quiet --bin kith -- serve --demo
}

pause_or_stop() {
    now=$(milliseconds)
    echo "$now" >>"$KITH_DEV_FOLDER/restarts"
    recent=$(awk -v since=$((now - within)) '$1 > since { count++ } END { print count + 0 }' "$KITH_DEV_FOLDER/restarts")
    if [ "$recent" -gt "$most" ]; then
        kill -USR1 "$KITH_DEV_PROCESS"
        exit 1
    fi
    wait=$(($(cat "$KITH_DEV_FOLDER/started") + apart - now))
    if [ "$wait" -gt 0 ]; then
        sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
    fi
}

watch() {
    if command -v watchexec >/dev/null; then
        exec watchexec --quiet --restart --debounce 500ms --stop-signal SIGTERM --stop-timeout 10s \
            --watch crates --watch Cargo.toml --watch kith.default.toml --exts rs,toml,html \
            -- scripts/dev.sh start
    fi
    exec cargo watch --quiet --delay 0.5 --watch crates --watch Cargo.toml --watch kith.default.toml \
        --shell 'scripts/dev.sh start'
}

end() {
    kill -TERM "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    rm -rf "$KITH_DEV_FOLDER"
}

if [ "${1:-}" = start ]; then
    start
fi
if ! command -v watchexec >/dev/null && ! cargo watch --version >/dev/null 2>&1; then
    echo "dev: no watcher is installed: cargo install --locked watchexec-cli" >&2
    exit 1
fi
KITH_DEV_PROCESS=$$
KITH_DEV_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/kith-dev.XXXXXX")
export KITH_DEV_PROCESS KITH_DEV_FOLDER
watch &
watcher=$!
trap 'end; echo "dev: more than $most restarts within a minute, so something changes the source by itself. Stopped." >&2; exit 1' USR1
trap 'end; exit 0' INT TERM HUP
status=0
wait "$watcher" || status=$?
end
exit "$status"
