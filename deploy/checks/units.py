#!/usr/bin/env python3
"""Are the systemd units (deploy/systemd), the profiles of settings (deploy/env) and the secrets of deploy/compose.yaml right?

Every setting is one that a program knows, none holds a secret, and those that a profile shares with a stack on AWS say the same there.
Units wait as long as programs need to stop, and the worker's lets its readers confine themselves: each system call that they keep
(queue/src/reader/system_calls.rs) passes its filter. With systemd-analyze at hand the units are verified as well.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy/systemd"
PROFILES = ROOT / "deploy/env"
SECRETS = re.compile(r"(PASSWORD|SECRET|_KEY$|^AWS_ACCESS|^DATABASE_URL|^DATABASE_REPLICA_URL|^REDIS_\w+_URL|^OPENSEARCH_URL|^SMTP_URL)")
# What systemd's words for a program's end must allow for.
STOPS = {"nano-api.service": 8 + 20, "nano-worker@.service": 100}


def settings_of(text):
    return dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", text, re.MULTILINE))


def profiles(files, known):
    for name, text in files.items():
        for setting, value in settings_of(text).items():
            if setting not in known:
                yield f"{name}: no program knows {setting}"
            if SECRETS.search(setting) and not setting.endswith("_FILE"):
                yield f"{name}: {setting} belongs into the secret store"
            if re.search(r"://[^/]*:[^/]*@", value):
                yield f"{name}: {setting} has a password in it"


def same_as_aws(name, text, templates, parameters):
    """Settings of containers on AWS whose value stands in the template or in the profile's parameters."""
    own = settings_of(text)
    for stack, template in templates.items():
        for setting, value in re.findall(r"\{ Name: ([A-Z][A-Z0-9_]+), Value: (.+) \}", template):
            given = re.fullmatch(r"!Ref (\w+)", value)
            told = parameters.get(stack, {}).get(given[1]) if given else value.strip('"')
            if told is None or "!" in told or setting not in own or setting in ("METRICS_ADDR", "API_ADDR", "OTEL_EXPORTER_OTLP_ENDPOINT"):
                continue
            # A profile has the API's pool; the other programs' differ.
            if setting == "DATABASE_POOL_SIZE" and stack != "api":
                continue
            if own[setting] != told:
                yield f"{name}: {setting} is {own[setting]}, and {told} on AWS ({stack})"


def value(unit, key):
    found = re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)
    return found[-1] if found else None


HARDENED = {
    "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "PrivateDevices": "yes", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes", "User": "nano",
}  # fmt: skip


def units(files, known):
    for name, unit in files.items():
        if not name.endswith(".service"):
            continue
        for key, wanted in HARDENED.items():
            if value(unit, key) != wanted:
                yield f"{name}: {key} is not {wanted or 'empty'}"
        for line in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE):
            for setting in re.findall(r"([A-Z][A-Z0-9_]+)=", line):
                if setting not in known:
                    yield f"{name}: no program knows {setting}"
        wait = STOPS.get(name)
        if wait and int(value(unit, "TimeoutStopSec") or 0) <= wait:
            yield f"{name} is killed before it has stopped"
    worker = files["nano-worker@.service"]
    if value(worker, "KillMode") != "mixed" or value(worker, "OOMPolicy") != "continue":
        yield "nano-worker@.service: what ends a reader would be held against its job, or end the worker"
    if value(worker, "ProcSubset") == "pid":
        yield "nano-worker@.service: the worker reads /proc/loadavg and /proc/vmstat"


def compose(text):
    """No secret of the compose file has a default, and Redis asks for a password."""
    for name, default in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*):-([^}]+)\}", text):
        yield f"compose.yaml: {name} is {default} where nobody sets it"
    for name, value in re.findall(r"^ +(\w*(?:PASSWORD|SECRET_KEY|_KEY)): (.+)$", text, re.MULTILINE):
        if not value.startswith("${"):
            yield f"compose.yaml: {name} is in plain sight"
    for command in re.findall(r"\[redis-server, (.+)\]", text):
        if "--requirepass" not in command:
            yield "compose.yaml: a Redis lets everybody in"


def groups():
    """System calls of each of systemd's groups."""
    text = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith("@"):
            current = found.setdefault(line.strip(), set())
        elif line.strip() and not line.strip().startswith("#") and current is not None:
            current.add(line.strip())
    return found


def allowed(unit, known):
    def flat(words):
        for word in words:
            yield from flat(known[word]) if word.startswith("@") else [word]

    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        words = set(flat(line.lstrip("~").split()))
        calls = calls - words if line.startswith("~") else calls | words
    return calls


def readers_calls():
    text = (ROOT / "queue/src/reader/system_calls.rs").read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests", 1)[0]
    # The last ones are what confining itself takes.
    return set(re.findall(r"libc::SYS_(\w+)", text)) | {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl", "capset", "execve", "prlimit64"}


def refused(unit, known, wanted):
    # glibc is told that there is no clone3, and asks for clone then.
    yield from (f"nano-worker@.service refuses its readers {name}" for name in sorted(wanted - allowed(unit, known) - {"clone3"}))


def verify():
    """systemd-analyze, with programs that are there in the place of ours."""
    with tempfile.TemporaryDirectory() as folder:
        for path in UNITS.glob("nano*"):
            text = re.sub(r"/usr/local/bin/\w+", shutil.which("true"), path.read_text(encoding="utf-8"))
            (pathlib.Path(folder) / path.name).write_text(text, encoding="utf-8")
        names = [f"./{path.name.replace('@.', '@content.')}" for path in sorted(UNITS.glob("nano*"))]
        done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, cwd=folder)
        # Units of this machine are none of ours.
        lines = [line for line in done.stderr.splitlines() if "nano" in line]
        if lines or done.returncode:
            yield "\n".join(lines) or done.stderr


def main():
    known = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.sample").read_text(encoding="utf-8"), re.MULTILINE))
    assert len(list(profiles({"x": "NO_SUCH=1\nDATABASE_URL=mysql://a:b@c/d\n"}, known))) == 3, "a check that never fails proves nothing"
    assert len(list(units({"nano-worker@.service": "Environment=NO_SUCH=1\n"}, known))) == len(HARDENED) + 3
    assert len(list(compose("  JWT_KEY: x\n  A: ${MYSQL_PASSWORD:-nano}\n command: [redis-server, --save]\n"))) == 3
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(PROFILES.glob("*.env"))}
    of_units = {path.name: path.read_text(encoding="utf-8") for path in sorted(UNITS.glob("nano*"))}
    problems = list(profiles(files, known)) + list(units(of_units, known))
    problems += compose((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    templates = {stack: (ROOT / f"deploy/aws/{stack.split('-')[0]}.yaml").read_text(encoding="utf-8") for stack in ("api", "worker-content", "scheduler")}
    for name in ("mvp", "production"):
        parameters = json.loads((ROOT / f"deploy/aws/parameters/{name}.json").read_text(encoding="utf-8"))
        for program in ("api", "worker-content", "scheduler"):
            problems += same_as_aws(f"{name}.env", files[f"{name}.env"], {program: templates[program]}, parameters)
    note = f"{len(files)} profiles, {len(of_units)} units"
    if shutil.which("systemd-analyze"):
        calls = groups()
        assert list(refused("SystemCallFilter=@system-service\n", calls, {"seccomp", "read"})) == ["nano-worker@.service refuses its readers seccomp"]
        problems += list(refused(of_units["nano-worker@.service"], calls, readers_calls())) + list(verify())
    else:
        note += "; not verified, since systemd-analyze is not there"
    print("\n".join(problems) or f"note: {note}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
