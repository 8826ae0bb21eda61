#!/bin/sh
# Makes the bucket and the user of api and worker. Runs in the minio/mc image at every start of the compose file.
set -eu

mc alias set store http://minio:9000 "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null
mc mb --ignore-existing store/nano
mc admin user add store "$S3_ACCESS_KEY" "$S3_SECRET_KEY" >/dev/null
mc admin policy create store nano-bucket /compose/bucket-policy.json >/dev/null
# Attaching it a second time is an error.
mc admin policy attach store nano-bucket --user "$S3_ACCESS_KEY" >/dev/null 2>&1 || true
mc admin user info store "$S3_ACCESS_KEY"
