#!/usr/bin/env bash
# Writes deploy/.env with new random secrets. Does not touch one that is there. Needs openssl.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -e .env ] && { echo "deploy/.env is there already; delete it first to make new secrets" >&2; exit 1; }
umask 077
random() { openssl rand -hex "$1"; }
key=$(openssl genpkey -algorithm ed25519 | awk '{ printf "%s\\n", $0 }')

sed -e "s/^MYSQL_PASSWORD=$/MYSQL_PASSWORD=$(random 24)/" \
    -e "s/^MYSQL_ROOT_PASSWORD=$/MYSQL_ROOT_PASSWORD=$(random 24)/" \
    -e "s/^REDIS_QUEUE_PASSWORD=$/REDIS_QUEUE_PASSWORD=$(random 24)/" \
    -e "s/^REDIS_CACHE_PASSWORD=$/REDIS_CACHE_PASSWORD=$(random 24)/" \
    -e "s/^MINIO_ROOT_USER=$/MINIO_ROOT_USER=nano-root/" \
    -e "s/^MINIO_ROOT_PASSWORD=$/MINIO_ROOT_PASSWORD=$(random 24)/" \
    -e "s/^S3_ACCESS_KEY=$/S3_ACCESS_KEY=nano-$(random 4)/" \
    -e "s/^S3_SECRET_KEY=$/S3_SECRET_KEY=$(random 20)/" \
    -e "s|^JWT_KEY=$|JWT_KEY='${key//\\/\\\\}'|" \
    -e "s|^DATA_KEY=$|DATA_KEY=$(openssl rand -base64 32)|" \
    compose/env.sample >.env
echo "deploy/.env written; it holds secrets and stays out of the repository"
