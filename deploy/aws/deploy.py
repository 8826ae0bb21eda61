#!/usr/bin/env python3
"""Brings the stacks of this folder to AWS, in order, with the `aws` command line. docs/aws.md walks through it.

    deploy.py --site site.json --profile mvp stacks network storage data platform    # these, in this order
    deploy.py --site site.json keys                                                   # what no template may make
    deploy.py --site site.json images --tag 0.1.0                                     # build and push both
    deploy.py --site site.json --profile mvp release --tag 0.1.0                      # migrate, then the services
    deploy.py --site site.json web                                                    # the built web app
    deploy.py --site site.json worker fleet                                           # a command of the worker, beside the services

With --show nothing is done: the commands are printed.
"""

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# In the order in which they export what the next ones import. edge is in us-east-1, where CloudFront's firewall has to be.
SERVICES = ["scheduler", "worker-content", "worker-light", "api"]
STACKS = ["network", "storage", "data", "platform", "machines", "once", *SERVICES, "edge", "observability"]


def template(stack):
    return HERE / f"{stack.split('-')[0]}.yaml"


def declared(stack):
    """The names under Parameters: of a template, which are indented by two spaces."""
    lines = template(stack).read_text(encoding="utf-8").split("\nParameters:\n", 1)[1].split("\n")
    names = []
    for line in lines:
        if line and not line.startswith(" "):
            break
        if line.startswith("  ") and line[2:3].isalpha():
            names.append(line.split(":")[0].strip())
    return names


def parameters(stack, site, profile, more):
    """What this stack declares, from the site's file, the profile and what is known by now."""
    given = {**site, **profile.get(stack, {}), **more}
    return {name: given[name] for name in declared(stack) if name in given}


class Aws:
    def __init__(self, site, show):
        self.site, self.show = site, show

    def run(self, *words, region=None, stdin=None):
        """Runs it for what it does."""
        command = ["aws", "--region", region or self.site["Region"], *words]
        print("+", shlex.join(command), file=sys.stdout if self.show else sys.stderr)
        if not self.show:
            subprocess.run(command, check=True, input=stdin, text=True)

    def ask(self, *words, region=None):
        """Runs it for what it says; with --show the name of the answer stands for it."""
        command = ["aws", "--region", region or self.site["Region"], *words, "--output", "text"]
        if self.show:
            print("+", shlex.join(command))
            return f"<{words[-1]}>"
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def name(self, stack):
        return f"{self.site['Installation']}-{stack}"

    def output(self, stack, key, region=None):
        query = f"Stacks[0].Outputs[?OutputKey=='{key}'].OutputValue"
        return self.ask("cloudformation", "describe-stacks", "--stack-name", self.name(stack), "--query", query, region=region)

    def export(self, name):
        return self.ask("cloudformation", "list-exports", "--query", f"Exports[?Name=='{self.site['Installation']}-{name}'].Value")


def edge_values(aws):
    bucket = aws.output("storage", "ContentDomain")
    return {
        "WebDomain": aws.output("storage", "WebDomain"),
        "LogsDomain": aws.output("storage", "LogsDomain"),
        "ContentDomainOfBucket": bucket,
        "StorageOrigin": f"https://{bucket}",
    }


def stack(aws, name, profile, tag=None):
    more = {"Version": tag} if tag else {}
    if name == "network":
        more["EdgePrefixList"] = aws.ask(
            "ec2", "describe-managed-prefix-lists", "--filters", "Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing",
            "--query", "PrefixLists[0].PrefixListId",
        )  # fmt: skip
    if name == "edge":
        more |= edge_values(aws)
    values = parameters(name, aws.site, profile, more)
    aws.run(
        "cloudformation", "deploy", "--stack-name", aws.name(name), "--template-file", str(template(name).relative_to(ROOT)),
        "--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND", "--no-fail-on-empty-changeset",
        "--tags", f"installation={aws.site['Installation']}",
        "--parameter-overrides", *(f"{key}={value}" for key, value in values.items()),
        region="us-east-1" if name == "edge" else None,
    )  # fmt: skip
    if name == "data":
        compose_addresses(aws)


def compose_addresses(aws):
    fault = aws.ask("lambda", "invoke", "--function-name", aws.name("addresses"), "--cli-read-timeout", "900", "/dev/null", "--query", "FunctionError")
    if fault != "None" and not aws.show:
        sys.exit(f"the addresses were not written: {fault}; its output is in the log group /{aws.site['Installation']}/addresses")


def keys(aws):
    """Makes JWT_KEY, DATA_KEY and the next one of each where there are none yet. SMTP_URL holds SES' password, which SES makes."""
    signing, sealing = ["openssl", "genpkey", "-algorithm", "ed25519"], ["openssl", "rand", "-base64", "32"]
    made = {"jwt-key": signing, "jwt-other-key": signing, "data-key": sealing, "data-other-key": sealing}
    for name, command in made.items():
        secret = f"{aws.site['Installation']}/{name}"
        there = aws.ask("secretsmanager", "list-secret-version-ids", "--secret-id", secret, "--query", "Versions[0].VersionId")
        if there not in ("None", "") and not aws.show:
            print(f"{secret} has a value, which stays", file=sys.stderr)
            continue
        value = None if aws.show else subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        # Not on the command line, where other people of this machine could read it.
        aws.run("secretsmanager", "put-secret-value", "--secret-id", secret, "--secret-string", "file:///dev/stdin", stdin=value)
    print(f"Put SES' address into {aws.site['Installation']}/smtp-url yourself: smtps://USER:PASSWORD@email-smtp.{aws.site['Region']}.amazonaws.com:465")


def shell(aws, *command):
    print("+", shlex.join(command))
    if not aws.show:
        subprocess.run(command, check=True, cwd=ROOT)


def bases(aws):
    """The base images by digest. bases.json says which, so that a build can be repeated; without it they are looked up and written there."""
    pins = HERE / "parameters/bases.json"
    known = json.loads(pins.read_text(encoding="utf-8")) if pins.exists() else {}
    for program in ("api", "worker"):
        for name, image in re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", (ROOT / f"Dockerfile.{program}").read_text(encoding="utf-8"), re.MULTILINE):
            if name in known and known[name].startswith(f"{image}@"):
                continue
            command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]
            print("+", shlex.join(command))
            digest = "<digest>" if aws.show else subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            known[name] = f"{image}@{digest}"
    if not aws.show:
        pins.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return known


def images(aws, tag):
    region, revision = aws.site["Region"], subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    bundle = ROOT / "deploy/aws/certificates/rds.pem"
    shell(aws, "curl", "--fail", "--silent", "--show-error", "--output", str(bundle), f"https://truststore.pki.rds.amazonaws.com/{region}/{region}-bundle.pem")
    pinned = [word for name, image in bases(aws).items() for word in ("--build-arg", f"{name}={image}")]
    for program in ("api", "worker"):
        repository = aws.export(f"{program}-images")
        print(f"+ aws ecr get-login-password | docker login --username AWS --password-stdin {repository.split('/')[0]}")
        if not aws.show:
            password = aws.ask("ecr", "get-login-password")
            subprocess.run(["docker", "login", "--username", "AWS", "--password-stdin", repository.split("/")[0]], check=True, input=password, text=True)
        # The list of what is in it (SBOM), and how it was built, go to the registry with the image.
        shell(
            aws, "docker", "buildx", "build", "--platform", "linux/amd64", "--sbom=true", "--provenance=mode=max", "--push",
            *pinned, "--build-arg", f"VERSION={tag}", "--build-arg", f"REVISION={revision}", "--file", f"Dockerfile.{program}", "--tag", f"{repository}:{tag}", ".",
        )  # fmt: skip


def task(aws, definition, stream, *command):
    """Runs a task definition once to its end, prints what it said, and comes back with its exit status."""
    subnets, group = aws.export("private-subnets"), aws.export("worker-group")
    network = f"awsvpcConfiguration={{subnets=[{subnets}],securityGroups=[{group}],assignPublicIp=DISABLED}}"
    overrides = {"containerOverrides": [{"name": "app", "command": [*command]}]} if command else {}
    cluster = aws.site["Installation"]
    started = aws.ask(
        "ecs", "run-task", "--cluster", cluster, "--launch-type", "FARGATE", "--task-definition", definition,
        "--network-configuration", network, "--overrides", json.dumps(overrides), "--query", "tasks[0].taskArn",
    )  # fmt: skip
    about = ("ecs", "describe-tasks", "--cluster", cluster, "--tasks", started, "--query")
    # Not `aws ecs wait`, which gives up after ten minutes: a migration takes what it takes.
    while aws.ask(*about, "tasks[0].lastStatus") != "STOPPED" and not aws.show:
        time.sleep(5)
    log = ("logs", "get-log-events", "--log-group-name", f"/{cluster}/{stream.split('/')[0]}", "--start-from-head", "--query", "events[].[message]")
    try:
        said = aws.ask(*log, "--log-stream-name", f"{stream.split('/')[1]}/app/{started.split('/')[-1]}")
    except subprocess.CalledProcessError:
        said = aws.ask(*about, "tasks[0].stoppedReason")  # it never began
    print(said)
    return aws.ask(*about, "tasks[0].containers[?name=='app'].exitCode")


def once(aws, name, stream):
    """A task of the stack `once`; whoever comes after it needs it done."""
    status = task(aws, aws.output("once", name), f"once/{stream}")
    if status != "0" and not aws.show:
        sys.exit(f"{name} ended with {status}")


def release(aws, profile, tag):
    """Migrations first (programs of the release before run on the newer schema); then one service after another, so that
    never two roll out at a time and the connections of the smallest database suffice."""
    stack(aws, "once", profile, tag)
    once(aws, "Migrate", "migrate")
    for name in SERVICES:
        stack(aws, name, profile, tag)


def web(aws):
    bucket = aws.output("storage", "WebBucket")
    distribution = aws.output("edge", "SiteDistribution", region="us-east-1")
    # What pages name comes before the pages, and stays for those who still have the earlier ones open.
    aws.run("s3", "sync", "web/dist/assets", f"s3://{bucket}/assets", "--cache-control", "public, max-age=31536000, immutable")
    aws.run("s3", "sync", "web/dist", f"s3://{bucket}", "--exclude", "assets/*", "--cache-control", "no-cache")
    aws.run("cloudfront", "create-invalidation", "--distribution-id", distribution, "--paths", "/index.html", "/")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=pathlib.Path, required=True, help="names, domains and certificates: parameters/site.sample.json, filled in")
    parser.add_argument("--profile", choices=["mvp", "production"], default="mvp")
    parser.add_argument("--show", action="store_true", help="print the commands and do nothing")
    actions = parser.add_subparsers(dest="action", required=True)
    some = actions.add_parser("stacks")
    some.add_argument("names", nargs="+", choices=STACKS, metavar="STACK")
    some.add_argument("--tag", help="of the images, for stacks with services")
    actions.add_parser("keys")
    actions.add_parser("database-users")
    actions.add_parser("migrate")
    actions.add_parser("addresses")
    for name in ("images", "release"):
        actions.add_parser(name).add_argument("--tag", required=True)
    actions.add_parser("web")
    command = actions.add_parser("worker", help="`worker` with these words as a task; the exit status is its own")
    command.add_argument("words", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    site = json.loads(asked.site.read_text(encoding="utf-8"))
    profile = json.loads((HERE / f"parameters/{asked.profile}.json").read_text(encoding="utf-8"))
    aws = Aws(site, asked.show)
    match asked.action:
        case "stacks":
            for name in asked.names:
                stack(aws, name, profile, asked.tag)
        case "keys":
            keys(aws)
        case "database-users":
            once(aws, "DatabaseUsers", "database-users")
        case "migrate":
            once(aws, "Migrate", "migrate")
        case "addresses":
            compose_addresses(aws)
        case "images":
            images(aws, asked.tag)
        case "release":
            release(aws, profile, asked.tag)
        case "web":
            web(aws)
        case "worker":
            status = task(aws, aws.name("worker-light"), "worker-light/worker", *asked.words)
            sys.exit(0 if aws.show else int(status) if status.isdigit() else 2)


if __name__ == "__main__":
    main()
