#!/bin/sh
# Runs all tests on SQLite and on a throwaway PostgreSQL. What they lack is installed where that is allowed, and said.
# Words are handed to the test runner: scripts/test.sh deals
set -eu
cd "$(dirname "$0")/.."

mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
log=$target/test-install.log
# What the tests hold us against: a mail server, one of mailboxes, a reader of vCards and calendars, what answers as S3 does, and the clients of
# OpenAI and Anthropic.
python_packages="aiosmtpd==1.4.6 pymap==0.36.7 vobject==0.9.9 moto[s3,server]==5.2.1 openai==3.54.0 anthropic==2.12.0"
# The official client of Socket.IO.
node_packages="socket.io-client@4.8.4"
python_modules="aiosmtpd, pymap, vobject, moto.server, openai, anthropic"

say() {
    printf 'test: %s\n' "$1" >&2
}

fail() {
    say "$1"
    exit 1
}

# Root does not need it, others may have it; without a terminal nobody could type a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -t 2 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null || return 1
    [ -t 2 ] || sudo -n true 2>/dev/null
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >>"$log" 2>&1 </dev/null
}

# install <why> <package>
install() {
    may_install || fail "$1 and cannot be installed from here: apt-get install $2"
    say "$1: installing Debian's package $2"
    : >"$log"
    # A fresh machine has no list of packages yet.
    apt_get install -y --no-install-recommends "$2" && return 0
    if apt_get update && apt_get install -y --no-install-recommends "$2"; then
        return 0
    fi
    tail -n 5 "$log" >&2
    fail "this did not work; try it by hand: apt-get install $2"
}

has_postgres() {
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    command -v initdb >/dev/null
}

provide_postgres() {
    has_postgres || install "PostgreSQL's server is missing" postgresql
    has_postgres || fail "PostgreSQL's server is still missing: apt-get install postgresql"
    if [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; then
        fail "PostgreSQL refuses to run as root, and there is no user postgres: apt-get install postgresql"
    fi
}

provide_redis() {
    command -v redis-server >/dev/null || install "Redis is missing" redis-server
}

make_environment() {
    rm -rf "$environment"
    python3 -m venv "$environment" >"$log" 2>&1
}

provide_python_packages() {
    command -v python3 >/dev/null || install "python3 is missing" python3
    if python3 -c "import $python_modules" 2>/dev/null; then
        return 0
    fi
    environment=$target/test-python
    if ! "$environment/bin/python3" -c "import $python_modules" 2>/dev/null; then
        say "python3 lacks one of $python_modules, which the tests need: installing them from PyPI into $environment"
        if ! make_environment; then
            install "python3 cannot make virtual environments" python3-venv
            make_environment || fail "no virtual environment can be made; see $log"
        fi
        # shellcheck disable=SC2086 # Two words are meant.
        if ! "$environment/bin/python3" -m pip install -q --disable-pip-version-check $python_packages >"$log" 2>&1; then
            tail -n 5 "$log" >&2
            fail "this did not work; see $log"
        fi
    fi
    # The tests call python3.
    PATH=$environment/bin:$PATH
    export PATH
}

provide_node_packages() {
    command -v node >/dev/null || install "node is missing" nodejs
    packages=$target/test-node
    [ -d "$packages/node_modules/socket.io-client" ] && return 0
    command -v npm >/dev/null || install "npm is missing" npm
    say "the tests need $node_packages: installing it from npm into $packages"
    mkdir -p "$packages"
    if ! npm install --silent --no-audit --no-fund --prefix "$packages" "$node_packages" >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        fail "this did not work; see $log"
    fi
}

provide_postgres
provide_redis
provide_python_packages
provide_node_packages

quiet=
[ -t 2 ] || quiet=yes
if cargo nextest --version >/dev/null 2>&1; then
    set -- nextest run ${quiet:+--cargo-quiet} --workspace --no-fail-fast --status-level slow "$@"
    build="nextest run ${quiet:+--cargo-quiet} --workspace --no-run"
else
    say "cargo-nextest is not installed (https://nexte.st): cargo test does it instead, one binary after another"
    set -- test ${quiet:+--quiet} --workspace --no-fail-fast "$@"
    build="test ${quiet:+--quiet} --workspace --no-run"
fi

# Built first, so that PostgreSQL runs only while the tests do.
began=$(date +%s)
# shellcheck disable=SC2086 # these are words
cargo $build
say "built in $(($(date +%s) - began)) s"
# Without -p: features are those of the workspace, so that nothing is compiled again.
exec cargo run --quiet --bin with-postgres -- cargo "$@"
