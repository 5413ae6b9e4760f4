#!/usr/bin/env bash
# Draws the secrets that the containers of docker-compose.yml read as files, and writes the settings beside them.
#
#   scripts/compose-secrets.sh demo [brokers]     for the simulated shop and warehouse: all of them
#   scripts/compose-secrets.sh [brokers]          for a real shop: those that are ours to draw; names the others
#
# Secrets are in .waybill/secrets, one a file, readable by their owner alone; WAYBILL_SECRETS is another folder. The
# settings are .env, or the file that WAYBILL_ENV names. What is there stays as it is, so running it again is harmless:
# whoever runs as root gives the files to the containers' user, anybody else becomes that user.
set -euo pipefail
# shellcheck source=scripts/tools.sh
source "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$checkout"

# The user of our image, for who has no rights outside.
readonly IMAGE_USER=65532:65532

demo='' brokers=''
for word in "$@"; do
    case "$word" in
        demo) demo=yes ;;
        brokers) brokers=yes ;;
        *) fail "usage: scripts/compose-secrets.sh [demo] [brokers]" ;;
    esac
done

umask 077
folder=${WAYBILL_SECRETS:-.waybill/secrets}
env_file=${WAYBILL_ENV:-.env}
mkdir -p "$folder"
user="$(id -u):$(id -g)"
[[ $(id -u) != 0 ]] || user=$IMAGE_USER

# keep NAME VALUE: unless there is one. Written beside and moved, so that there is never half a secret.
keep() {
    [[ ! -s $folder/$1 ]] || return 0
    printf '%s\n' "$2" >"$folder/.$1.new"
    mv "$folder/.$1.new" "$folder/$1"
}

drawn() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Standard Webhooks wants the bytes in base64.
drawn_whsec() { printf 'whsec_%s' "$(head -c 32 /dev/urandom | base64 | tr -d '\n')"; }

keep database-password "$(drawn)"
keep database-url "postgres://waybill:$(cat "$folder/database-password")@postgres:5432/waybill"
keep temporal-database-password "$(drawn)"
keep auth-hs256-secret "$(drawn)"
keep amqp-password "$(drawn)"
keep amqp-url "amqp://waybill:$(cat "$folder/amqp-password")@rabbitmq:5672/%2f"
# The same for the server, which takes it in its own form.
keep rabbitmq.conf "default_user = waybill
default_pass = $(cat "$folder/amqp-password")"
keep wms-webhook-secrets "$(drawn_whsec)"
if [[ -n $demo ]]; then
    keep shopify-admin-token "shpat_$(drawn)"
    keep shopify-webhook-secrets "$(drawn)"
    keep wms-token "$(drawn)"
    keep second-wms-token "$(drawn)"
    keep second-wms-webhook-secret "$(drawn_whsec)"
fi
chmod 600 "$folder"/*
[[ $(id -u) != 0 ]] || chown -R "$IMAGE_USER" "$folder"

# The settings of one shop and one warehouse; the demo's are those that it has without containers too.
settings() (
    use_local_settings
    echo "# Written by scripts/compose-secrets.sh; docker compose reads it. It is yours to change."
    echo "WAYBILL_USER=$user"
    echo "COMPOSE_PROFILES=${demo:+demo}${demo:+${brokers:+,}}${brokers:+brokers}"
    if [[ -n $demo ]]; then
        echo "SHOPIFY_SHOP=$SHOPIFY_SHOP"
        echo "SHOPIFY_ADMIN_URL=http://simulators:${SIM_SHOPIFY_LISTEN##*:}"
        echo "WMS_URL=http://simulators:${SIM_WMS_LISTEN##*:}"
    else
        echo "SHOPIFY_SHOP="
        echo "WMS_URL="
    fi
    if [[ -n $brokers ]]; then
        echo "KAFKA_BOOTSTRAP_SERVERS=kafka:19092"
        echo "AMQP_URL_FILE=/run/secrets/amqp-url"
    fi
)
if [[ -e $env_file ]]; then
    say "$env_file is there and stays as it is."
else
    settings >"$env_file.new"
    mv "$env_file.new" "$env_file"
fi

say "The secrets are in $folder, the settings in $env_file."
missing=()
for name in shopify-admin-token shopify-webhook-secrets wms-token; do
    [[ -s $folder/$name ]] || missing+=("$folder/$name")
done
((${#missing[@]} == 0)) ||
    say "Still to be put there, each from its vendor and with mode 600: ${missing[*]}." \
        "Then fill in SHOPIFY_SHOP and WMS_URL in $env_file."
