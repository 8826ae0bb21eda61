#!/usr/bin/env bash
# Builds both images by their Dockerfiles, without a daemon and without the registries of others, and runs what is in them: migrates,
# makes an account, uploads a nano, waits for it to be published, asks for health, stops. As root on Linux, some minutes.
#
# Base images are made here from Debian's packages. The compiler's has a stand-in for cargo, which hands over programs that were built
# before (PROGRAMS: a folder with api, worker, scheduler and dev; by default what this checkout has built); everything else the
# Dockerfiles say is done as written, ffmpeg is compiled. FFMPEG=0 leaves that out, which takes most of the time.
#
# Containers need control groups, which a container has none of to give. So the root file systems are entered by chroot: as the image's
# user, read-only, without capabilities, with the volumes that the image names.
set -euo pipefail
cd "$(dirname "$0")/../.."

state=$PWD/.dev/images
suite=trixie
# Debian's server, or the one that this machine has its packages from.
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

leave_out() {
    [ "${CI:-}" != true ] || { echo "$1" >&2; exit 1; }
    echo "note: skipped ($1)"
    exit 0
}
[ "$(uname -s)" = Linux ] || leave_out "images are built on Linux"
[ "$(id -u)" = 0 ] || leave_out "it takes root"
for program in buildah debootstrap curl jq; do
    command -v $program >/dev/null || leave_out "$program is missing: deploy/install.sh --deploy-tools"
done
built() { # of this checkout, the newest first
    local folder
    for folder in "${CARGO_TARGET_DIR:-target}/release" "${CARGO_TARGET_DIR:-target}/debug"; do
        if [ -x "$folder/api" ] && [ -x "$folder/worker" ] && [ -x "$folder/scheduler" ] && [ -x "$folder/dev" ]; then
            realpath "$folder"
            return
        fi
    done
}
programs=${PROGRAMS:-$(built)}
[ -n "$programs" ] || leave_out "no programs are built: make programs"

# Everything that is mounted goes with this process.
[ "${NANO_IMAGES_INSIDE:-}" = 1 ] || exec env NANO_IMAGES_INSIDE=1 unshare --mount --propagation private "$0" "$@"

mkdir -p "$state"
work=$(mktemp -d "$state/run.XXXXXX")
pids=()
at_end() {
    local pid
    for pid in "${pids[@]:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
    [ -z "${services:-}" ] || { kill -INT "$services" 2>/dev/null && wait "$services" 2>/dev/null; } || true
    umount -R "$work"/*/* "$work"/* 2>/dev/null || true
    # What was built is of no use to anybody; Debian stays for the next time.
    [ ! -d "$state/storage" ] || { b umount --all && b rm --all && b rmi --all --force; } >/dev/null 2>&1 || true
    rm -rf "$work" || true
}
trap at_end EXIT

b() { buildah --root "$state/storage" --runroot "$state/runroot" --storage-driver "$driver" "$@"; }
driver=overlay
mkdir -p "$work"/{lower,upper,scratch,merged}
if ! mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/scratch" "$work/merged" 2>/dev/null; then
    driver=vfs # a copy of each layer, where the kernel stacks none
fi
umount "$work/merged" 2>/dev/null || true

# --- Base images ---

debian=$state/$suite
if [ ! -e "$debian/.whole" ]; then
    echo "Debian $suite"
    rm -rf "$debian"
    debootstrap --variant=minbase --include=ca-certificates,tzdata "$suite" "$debian" "$mirror" >"$state/debootstrap.log" 2>&1 || { tail -5 "$state/debootstrap.log"; exit 1; }
    # As the official image has it.
    rm -f "$debian/etc/apt/sources.list"
    cat >"$debian/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    rm -rf "$debian"/var/cache/apt/archives/*.deb
    touch "$debian/.whole"
fi

context() { # a folder as an image
    local name=$1 folder=$2 container
    container=$(b from scratch)
    b add --quiet "$container" "$folder" / >/dev/null
    b commit --quiet --rm "$container" "$name" >/dev/null
}

# What distroless/cc has: the C library, libgcc, authorities, time zones, a user, /tmp. No shell.
base=$work/base
mkdir -p "$base"/{etc/ssl/certs,tmp,usr/lib,usr/lib64,home/nonroot}
chmod 1777 "$base/tmp"
ln -s usr/lib "$base/lib"
ln -s usr/lib64 "$base/lib64"
# Links stay links: one that names the root means this one's.
for package in libc6 libgcc-s1; do
    grep -hE '\.so(\.[0-9]+)*$' "$debian"/var/lib/dpkg/info/$package:*.list | sed -E 's#^/(usr/)?#usr/#' |
        (cd "$debian" && xargs cp -a --parents --target-directory "$base")
done
cp "$debian/etc/ssl/certs/ca-certificates.crt" "$base/etc/ssl/certs/"
echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >"$base/etc/passwd"
echo 'nonroot:x:65532:' >"$base/etc/group"
echo 'hosts: files dns' >"$base/etc/nsswitch.conf"

# The compiler's, with the stand-in.
compiler=$work/compiler
mkdir -p "$compiler/usr/local/bin" "$compiler/prebuilt"
cp "$programs"/{api,worker,scheduler} "$compiler/prebuilt/"
cat >"$compiler/usr/local/bin/cargo" <<'CARGO'
#!/bin/sh
# cargo's part in the Dockerfiles: `build` hands over what was built before, and wants the sources to be there.
set -eu
case $1 in
    install) ;;
    chef) case $2 in prepare) cp Cargo.lock /recipe.json ;; cook) test -s /recipe.json ;; esac ;;
    build)
        test -f Cargo.toml && test -d .sqlx && test -d migrations
        mkdir -p target/release
        while [ $# -gt 0 ]; do
            if [ "$1" = -p ]; then cp "/prebuilt/$2" target/release/; fi
            shift
        done ;;
    *) exit 1 ;;
esac
CARGO
chmod 755 "$compiler/usr/local/bin/cargo"

echo "Base images ($driver)"
context localhost/debian "$debian"
context localhost/base "$base"
container=$(b from localhost/debian)
b add --quiet "$container" "$compiler" / >/dev/null
b commit --quiet --rm "$container" localhost/rust >/dev/null

# --- Images ---

# As BuildKit, buildah goes by .dockerignore.
dockerfile() {
    [ "$1" = worker ] && [ "${FFMPEG:-1}" = 0 ] || { echo "Dockerfile.$1"; return; }
    # The stage stays, without what takes minutes in it.
    awk '/AS ffmpeg$/ { print; print "RUN mkdir -p /out/bin && touch /out/bin/ffmpeg"; skip = 1; next } /^# The same as in/ { skip = 0 } !skip' Dockerfile.worker >"$work/Dockerfile.worker"
    echo "$work/Dockerfile.worker"
}
for image in api worker; do
    echo "Dockerfile.$image"
    # --format docker: OCI's has no health check.
    b bud --quiet --format docker --isolation chroot --file "$(dockerfile $image)" --tag "localhost/nano-$image" \
        --build-arg RUST_IMAGE=localhost/rust --build-arg DEBIAN_IMAGE=localhost/debian --build-arg BASE_IMAGE=localhost/base \
        --build-arg VERSION=check --build-arg REVISION=0123456 . >"$state/$image.log" 2>&1 || { tail -20 "$state/$image.log"; exit 1; }
done

fail() {
    echo "$*" >&2
    exit 1
}
wants() { # image, field of its configuration, value
    local found
    found=$(b inspect --type image --format "{{$2}}" "localhost/nano-$1")
    [ "$found" = "$3" ] || fail "$1: $2 is $found, not $3"
}
wants api .Docker.Config.User 65532:65532
wants worker .Docker.Config.User 65532:65532
wants api .Docker.Config.Entrypoint '[/usr/local/bin/api]'
wants worker .Docker.Config.Entrypoint '[/usr/local/bin/worker]'
wants worker .Docker.Config.Cmd '[run]'
wants api .Docker.Config.Healthcheck.Test '[CMD /usr/local/bin/api healthcheck]'
wants worker .Docker.Config.Healthcheck.Test '[CMD /usr/local/bin/worker healthcheck]'
wants api .Docker.Config.Volumes 'map[/search:{}]'
wants worker .Docker.Config.Volumes 'map[/scratch:{} /search:{} /tmp:{}]'
for image in api worker; do
    wants $image '(index .Docker.Config.Labels "org.opencontainers.image.version")' check
    wants $image '(index .Docker.Config.Labels "org.opencontainers.image.revision")' 0123456
done

# --- What is in them ---

declare -A root
for image in api worker; do
    mounted=$(b mount "$(b from "localhost/nano-$image")")
    mkdir -p "$work/$image"
    mount --bind "$mounted" "$work/$image"
    root[$image]=$work/$image
    for shell in bin/sh usr/bin/sh bin/bash usr/bin/dpkg usr/bin/apt-get; do
        [ ! -e "$work/$image/$shell" ] || fail "$image has /$shell"
    done
    loose=$(find "$work/$image" -xdev \( -perm -4000 -o -perm -2000 -o \( -type f -perm -0002 \) \) | head -3)
    [ -z "$loose" ] || fail "$image has files that give rights away: $loose"
    foreign=$(find "$work/$image/usr/local" -xdev ! -user 0 | head -3)
    [ -z "$foreign" ] || fail "$image has programs that its user could change: $foreign"
done
size() { du -sm "$1" | cut -f1; }
sizes="api $(size "${root[api]}") MB, worker $(size "${root[worker]}") MB"

# --- Running them ---

echo "Services of this machine"
"$programs/dev" --dir "$work/dev" up >"$work/dev.log" 2>&1 &
services=$!
for _ in $(seq 240); do grep -q '^export MAIL_FROM' "$work/dev.log" && break; sleep 0.5; done
grep -q '^export MAIL_FROM' "$work/dev.log" || { tail -5 "$work/dev.log"; fail "the services did not start"; }
settings=$(sed -n 's/^export //p' "$work/dev.log" | tr -d "'" | grep -v '^SEARCH_DIR=\|^SMTP_CA_FILE=')
mail_ca=$(sed -n 's/^export SMTP_CA_FILE=//p' "$work/dev.log")

# The volumes: of the image's user, one search folder for all, as compose has it.
mkdir -p "$work"/volumes/{scratch,search,keys}
chmod 1777 "$work/volumes"
openssl genpkey -algorithm ed25519 -out "$work/volumes/keys/jwt.pem" 2>/dev/null
openssl rand -base64 32 >"$work/volumes/keys/data.key"
cp "$mail_ca" "$work/volumes/keys/mail-ca.pem"
chown -R 65532:65532 "$work/volumes"/{scratch,search}
chmod 755 "$work/volumes/keys"; chmod 644 "$work/volumes/keys"/*
for image in api worker; do
    here=${root[$image]}
    mkdir -p "$here"/{proc,dev,run/keys} # what a container runtime makes
    cp /etc/hosts "$here/etc/hosts"
    mount -o remount,bind,ro "$here"
    mount -t proc proc "$here/proc"
    mount -t tmpfs -o mode=755,size=1m dev "$here/dev"
    for device in null zero random urandom; do touch "$here/dev/$device"; mount --bind "/dev/$device" "$here/dev/$device"; done
    mount -t tmpfs -o mode=755,size=1m keys "$here/run"
    mkdir "$here/run/keys"
    mount --bind "$work/volumes/keys" "$here/run/keys"
    mount --bind "$work/volumes/search" "$here/search"
    mount -t tmpfs -o mode=1777,size=64m tmp "$here/tmp"
done
mount --bind "$work/volumes/scratch" "${root[worker]}/scratch"

port=$((20000 + $$ % 9000))
mapfile -t environment < <(printf '%s\n' "$settings")
environment+=("SEARCH_DIR=/search" "SMTP_CA_FILE=/run/keys/mail-ca.pem" "PUBLIC_URL=http://127.0.0.1:$port" "API_ADDR=127.0.0.1:$port"
    "JWT_KEY_FILE=/run/keys/jwt.pem" "DATA_KEY_FILE=/run/keys/data.key" "SCRATCH_DIR=/scratch" "WORKER_ALIVE_FILE=/tmp/nano-worker-alive"
    "SCHEDULER_ALIVE_FILE=/tmp/nano-scheduler-alive" "REVIEW_POLICY=flagged_only" "LOG_FORMAT=json" "SHUTDOWN_NOTICE=1s" "PATH=/usr/local/bin")
chroot=$(command -v chroot)
# As the image's user: chroot takes root's rights, and --userspec leaves none of them to the program.
confined() { # image, program and arguments
    local image=$1
    shift
    exec setpriv --no-new-privs env -i "${environment[@]}" "$chroot" --userspec=65532:65532 --groups= "${root[$image]}" "$@"
}

(confined worker /usr/local/bin/worker migrate) >"$work/migrate.log" 2>&1 || { tail -5 "$work/migrate.log"; fail "migrate"; }
(confined worker /usr/local/bin/worker admin create --email creator@nano.example --username creator --role creator --password-stdin) \
    >"$work/admin.log" 2>&1 <<<'a long password of 4 words' || { tail -5 "$work/admin.log"; fail "admin create"; }
start() {
    (confined "$@") >"$work/${2##*/}.log" 2>&1 &
    pids+=($!)
}
start api /usr/local/bin/api
start worker /usr/local/bin/worker run
start worker /usr/local/bin/scheduler

api=http://127.0.0.1:$port
for _ in $(seq 120); do curl -fsS "$api/health" >/dev/null 2>&1 && break; sleep 0.5; done
[ "$(curl -fsS "$api/ready" | jq -r '.data.status // .status')" = ready ] || { curl -s "$api/ready"; tail -3 "$work/api.log"; fail "the API is not ready"; }

send() { curl -fsS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
token=$(curl -fsS "$api/api/v1/auth/login" -H 'Content-Type: application/json' -d '{"email":"creator@nano.example","password":"a long password of 4 words"}' | jq -r .data.access_token)
nano=$(send "$api/api/v1/nanos" -d '{"title":"Knots","description":"Four knots that hold.","duration_minutes":10,"level":1,"language":"en","format":"text","license":"CC-BY","categories":["design"]}' | jq -r .data.id)
upload=$(curl -fsS -H "Authorization: Bearer $token" -T docs/sample-nano.zip "$api/api/v1/nanos/$nano/file?filename=knots.zip" | jq -r .data.id)
send -X POST "$api/api/v1/uploads/$upload/finish" >/dev/null
for _ in $(seq 240); do
    status=$(send "$api/api/v1/nanos/$nano" | jq -r .data.status)
    case $status in published | rejected) break ;; esac
    sleep 0.5
done
[ "$status" = published ] || { tail -5 "$work/worker.log"; fail "the upload is $status"; }
# Its readers had the kernel's confinement, in this image too.
! grep -q 'not wholly confined' "$work/worker.log" || echo "note: readers are not wholly confined by this kernel"
if [ "${FFMPEG:-1}" != 0 ]; then
    version=$(confined worker /usr/local/bin/ffmpeg -hide_banner -version | head -1)
    case $version in "ffmpeg version "*) ;; *) fail "ffmpeg does not run: $version" ;; esac
fi

for program in "api /usr/local/bin/api" "worker /usr/local/bin/worker" "worker /usr/local/bin/scheduler"; do
    # shellcheck disable=SC2086
    (confined $program healthcheck) >"$work/health.log" 2>&1 || { cat "$work/health.log"; fail "$program is not healthy"; }
done
for pid in "${pids[@]}"; do kill -TERM "$pid"; done
for pid in "${pids[@]}"; do
    status=0
    wait "$pid" || status=$?
    [ "$status" = 0 ] || fail "a program ended with $status after SIGTERM"
done
pids=()
echo "note: $sizes; an upload was published"
