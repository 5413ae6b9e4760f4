#!/usr/bin/env bash
# A private PostgreSQL cluster in a folder, listening on 127.0.0.1 only.
#
#   scripts/postgres.sh start DIR PORT [fast]   makes it if it is not there, and starts it
#   scripts/postgres.sh url DIR PORT            prints the URL of its database, with the password
#   scripts/postgres.sh stop DIR                ends it and keeps its data
#   scripts/postgres.sh remove DIR              ends it and deletes its data
#
# Its superuser is `waybill`, whose password is in DIR/password for the caller alone; it has a database
# `waybill`. `fast` is for tests: no password, and no safety against power cuts. Starting what runs
# already on that port changes nothing.
# PostgreSQL refuses to run as root: root runs it as user `postgres` (or `nobody`), and where that
# user cannot enter DIR, the cluster is kept in /var/tmp instead, which `start` then says.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"

usage() { fail "usage: scripts/postgres.sh start DIR PORT [fast] | url DIR PORT | stop DIR | remove DIR"; }

cluster_owner() {
    if [[ $(id -u) != 0 ]]; then
        id -un
    elif id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

as_owner() {
    if [[ $(id -u) != 0 ]]; then
        "$@"
    elif command -v runuser >/dev/null; then
        runuser -u "$owner" -- "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups "$@"
    else
        su -s /bin/sh "$owner" -c "$(printf '%q ' "$@")"
    fi
}

# Where the cluster of $1 really is: there, or in /var/tmp where its owner cannot go there.
place_of() {
    if as_owner test -x "$1"; then
        echo "$1/cluster"
    else
        echo "/var/tmp/waybill-$(id -u)-$(printf '%s' "$1" | cksum | cut -d' ' -f1)/cluster"
    fi
}

# Makes the folder around the cluster; one in /var/tmp that belongs to somebody else is not used.
make_room() {
    local room=${place%/cluster}
    mkdir -p "$room"
    [[ -O $room && ! -L $room ]] || fail "$room belongs to somebody else." "Remove it and try again."
    chmod 711 "$room"
    if [[ $room != "$folder" ]]; then
        say "PostgreSQL's data is in $room: its user, $owner, cannot enter $folder"
    fi
}

# Chooses the programs: those that made the cluster, else the newest.
use_programs() {
    if [[ -f $place/PG_VERSION ]]; then
        local version
        version=$(cat "$place/PG_VERSION")
        programs=$(find_postgres "$version") ||
            fail "the data in $place was made by PostgreSQL $version, which is no longer here." \
                "Install it again, or delete the data:  scripts/postgres.sh remove $folder"
    else
        programs=$(find_postgres)
    fi
}

# The superuser's password, drawn when it is first asked for.
password() {
    local file="$folder/password"
    [[ -s $file ]] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$file")
    cat "$file"
}

# $1: how, in the words of `start`.
make_cluster() {
    # Made beside its place and moved there, so that an interrupted initdb leaves no half cluster.
    local draft="$place.new"
    rm -rf "$draft"
    mkdir "$draft"
    [[ $(id -u) != 0 ]] || chown "$owner" "$draft"
    local said auth=(--auth=trust)
    if [[ $1 != fast ]]; then
        # Its owner reads the password there, and nobody else.
        (umask 077 && password >"$place.password")
        [[ $(id -u) != 0 ]] || chown "$owner" "$place.password"
        auth=(--auth=scram-sha-256 --pwfile="$place.password")
    fi
    if ! said=$(as_owner "$programs/initdb" -D "$draft" -U waybill "${auth[@]}" --encoding=UTF8 \
        --locale=C --no-sync 2>&1); then
        rm -f "$place.password"
        fail "PostgreSQL's initdb failed:" "$said"
    fi
    rm -f "$place.password"
    mv "$draft" "$place"
}

# Removes a postmaster.pid that a crash left behind. PostgreSQL would take its number, by now
# given to another program or kept by a process nobody took note of, for a server that runs.
drop_stale_pid() {
    local file="$place/postmaster.pid" program
    [[ -f $file ]] || return 0
    program=$(ps -p "$(head -n 1 "$file")" -o comm= 2>/dev/null) || true
    if [[ $program != *post* || $program == *defunct* ]]; then
        rm -f "$file"
    fi
}

is_running() { as_owner "$programs/pg_ctl" status -D "$place" >/dev/null 2>&1; }

running_port() { sed -n 4p "$place/postmaster.pid"; }

start() {
    local port=$1 mode=${2:-}
    need_postgres >/dev/null
    owner=$(cluster_owner)
    place=$(place_of "$folder")
    make_room
    use_programs
    [[ -f $place/PG_VERSION ]] || make_cluster "$mode"
    drop_stale_pid
    if is_running; then
        [[ $(running_port) == "$port" ]] && return
        stop
    fi
    port_is_taken "$port" && fail "port $port for PostgreSQL is taken." \
        "End what listens there, or choose another port:  WAYBILL_POSTGRES_PORT=$((port + 1))"
    local settings="-c port=$port -c listen_addresses=127.0.0.1 -c unix_socket_directories=''"
    if [[ $mode == fast ]]; then
        settings+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=1000"
    else
        settings+=" -c max_connections=200"
    fi
    local said
    if ! said=$(as_owner "$programs/pg_ctl" start -w -t 60 -D "$place" -l "$place/server.log" \
        -o "$settings" 2>&1 </dev/null); then
        tail -n 10 "$place/server.log" >&2 || true
        fail "PostgreSQL did not start on port $port; its log is $place/server.log." "$said"
    fi
    local url="postgres://waybill@127.0.0.1:$port/postgres"
    PGPASSWORD=$(password)
    export PGPASSWORD
    if [[ $("$programs/psql" "$url" -Atqc "SELECT 1 FROM pg_database WHERE datname = 'waybill'") != 1 ]]; then
        "$programs/psql" "$url" -qc "CREATE DATABASE waybill"
    fi
}

# $1: how, in pg_ctl's words.
stop() {
    is_running || return 0
    as_owner "$programs/pg_ctl" stop -w -t 30 -m "${1:-fast}" -D "$place" >/dev/null 2>&1 ||
        as_owner "$programs/pg_ctl" stop -w -t 30 -m immediate -D "$place" >/dev/null
}

# Finds a cluster that `start` made; false when there is none.
find_cluster() {
    owner=$(cluster_owner)
    place=$(place_of "$folder")
    [[ -f $place/PG_VERSION ]] || return 1
    use_programs
}

[[ $# -ge 2 ]] || usage
[[ $1 != start ]] || mkdir -p "$2"
[[ -d $2 ]] || exit 0
folder=$(cd "$2" && pwd -P)
# The cluster's owner may not be allowed to be where the caller is.
cd /
case "$1" in
    start)
        [[ $# -ge 3 ]] || usage
        start "$3" "${4:-}"
        ;;
    url)
        [[ $# -ge 3 ]] || usage
        echo "postgres://waybill:$(password)@127.0.0.1:$3/waybill"
        ;;
    stop) if find_cluster; then stop; fi ;;
    remove)
        if find_cluster; then
            stop immediate
            rm -rf "${place%/cluster}"
        fi
        rm -rf "$folder"
        ;;
    *) usage ;;
esac
