#!/bin/bash
# Makes backup_manifest.xz, backup_label and tablespace_map of one PostgreSQL version:
#   make_backups.sh MAJOR BIN_DIRECTORY
# Run as an unprivileged user that may write here. Where a version comes without
# pg_basebackup and psql, those on PATH are used: it is the server that writes these.
set -eu
major=${1:?MAJOR} bin=$(cd "${2:?BIN_DIRECTORY}" && pwd)
PATH=$bin:$PATH
here=$(cd "$(dirname "$0")" && pwd)/$major
lab=$(mktemp -d /tmp/golden.XXXXXX)
trap 'pg_ctl -D "$lab/data" -m immediate stop >/dev/null 2>&1 || :; rm -rf "$lab"' EXIT
initdb -D "$lab/data" -A trust -U postgres --no-sync >/dev/null
mkdir "$lab/first" "$lab/second one"
cat >>"$lab/data/postgresql.conf" <<X
listen_addresses = ''
unix_socket_directories = '$lab'
fsync = off
X
pg_ctl -D "$lab/data" -w -l "$lab/log" start >/dev/null
psql -h "$lab" -U postgres -X -q <<X
create tablespace first location '$lab/first';
create tablespace "sec'ond" location '$lab/second one';
create table t tablespace first as select generate_series(1, 10) a;
X
pg_basebackup -h "$lab" -U postgres -D "$lab/backup" -F t -X none -c fast --no-sync \
    --manifest-checksums=SHA256 2>/dev/null
mkdir -p "$here"
xz -9 <"$lab/backup/backup_manifest" >"$here/backup_manifest.xz"
for name in backup_label tablespace_map; do
    tar -xf "$lab/backup/base.tar" -O "$name" >"$here/$name"
done
