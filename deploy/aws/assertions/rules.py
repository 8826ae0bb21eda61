"""What has to be true of all templates together: least privilege, no secrets, settings that exist, enough connections. Each rule
yields what breaks it, and `prove` shows each of them something that does."""

import ast
import datetime
import json
import re
import types

import yaml
from templates import AWS, COMPUTED, PROFILES, ROOT, SITE, Template, all_templates, as_list, of_text, statements

# Policies that name "*", and why they must.
WILDCARDS = {
    "ecr:GetAuthorizationToken": "a token for the registry belongs to no repository",
    "xray:PutTraceSegments": "X-Ray knows no resources for what is put there",
    "xray:PutTelemetryRecords": "the same",
    "secretsmanager:GetRandomPassword": "makes up a password and touches nothing",
    "ecs:DiscoverPollEndpoint": "where ECS' agent is to ask is the same for everybody",
    "ecs:ListServices": "narrowed by a condition on the cluster",
}
SECRET_WORDS = re.compile(r"(?i)(password|secret|token|private.?key|_key$|_url$)")
# Settings that hold a secret. They come from Secrets, never from Environment.
SECRETS = {"DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_QUEUE_URL", "REDIS_CACHE_URL", "OPENSEARCH_URL", "SMTP_URL", "JWT_KEY", "JWT_PREVIOUS_KEY", "DATA_KEY", "DATA_PREVIOUS_KEY", "ALERT_WEBHOOK_SECRET"}
# What each program does not start without, and by which container it runs.
NEEDED = {
    "api": {"DATABASE_URL", "REDIS_QUEUE_URL", "REDIS_CACHE_URL", "S3_BUCKET", "PUBLIC_URL", "JWT_KEY", "DATA_KEY", "SEARCH_BACKEND", "OPENSEARCH_URL"},
    "worker-content": {"DATABASE_URL", "REDIS_QUEUE_URL", "REDIS_CACHE_URL", "S3_BUCKET", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM", "DATA_KEY", "WORKER_QUEUES", "SCRATCH_DIR", "OPENSEARCH_URL"},
    "worker-light": {"DATABASE_URL", "REDIS_QUEUE_URL", "REDIS_CACHE_URL", "S3_BUCKET", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM", "DATA_KEY", "WORKER_QUEUES", "SCRATCH_DIR", "OPENSEARCH_URL"},
    "scheduler": {"DATABASE_URL", "REDIS_QUEUE_URL", "REDIS_CACHE_URL", "SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "ALERT_MAIL_TO"},
}
# The collector's own, and those of the database's client.
OTHERS_SETTINGS = {"AOT_CONFIG_CONTENT", "WRITER", "OWNER", "MYSQL_PWD", "PASSWORD"}


def containers(template):
    for name, resource in template.resources("AWS::ECS::TaskDefinition"):
        for container in resource["Properties"]["ContainerDefinitions"]:
            yield name, container


# --- Least privilege ---


def wildcards(stacks):
    for stack, template in stacks.items():
        for name, resource in template.resources():
            if resource["Type"] == "AWS::KMS::Key":
                continue  # in a key's policy "*" is that key
            for statement in statements(resource["Properties"]):
                if statement["Effect"] == "Deny":
                    continue
                actions = as_list(statement.get("Action", []))
                for action in actions:
                    if "*" in str(action):
                        yield f"{stack} {name}: the action {action}"
                if "*" in [str(one) for one in as_list(statement.get("Resource", []))]:
                    yield from (f"{stack} {name}: {action} on every resource" for action in actions if action not in WILDCARDS)


def exceptions_used(stacks):
    text = "\n".join((AWS / f"{file}.yaml").read_text(encoding="utf-8") for file in {stack.split("-")[0] for stack in stacks})
    yield from (f"{action} may have every resource, but nobody asks for it" for action in WILDCARDS if action not in text)


def managed_policies(stacks):
    allowed = "service-role/AmazonRDSEnhancedMonitoringRole"  # RDS demands this one
    for stack, template in stacks.items():
        for name, resource in template.resources("AWS::IAM::Role"):
            for policy in resource["Properties"].get("ManagedPolicyArns", []):
                if allowed not in str(policy):
                    yield f"{stack} {name}: the policy {policy}, which AWS may widen"


def rights(template):
    """Allowed actions with the resources they are allowed on, as text."""
    for name, role in template.resources("AWS::IAM::Role"):
        for statement in statements(role["Properties"].get("Policies", [])):
            if statement["Effect"] == "Allow":
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        yield name, action, str(resource)


def objects(stacks):
    """The API removes nothing, and nobody removes an export of the audit log or changes how long it is locked."""
    for stack, template in stacks.items():
        for name, action, resource in rights(template):
            if action.startswith("s3:Delete") and (stack == "api" or "/audit/" in resource or not re.search(r"/(uploads|nanos|thumbnails|exports)/\*", resource)):
                yield f"{stack} {name} may {action} {resource}"
            if action in ("s3:BypassGovernanceRetention", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"):
                yield f"{stack} {name} may {action}"


# --- Secrets ---


def secrets_in_templates(stacks):
    for stack, template in stacks.items():
        for name, resource in template.resources():
            yield from (f"{stack} {name}: {fault}" for fault in secret_values(resource["Properties"]))
        for parameter, declared in template.declared.items():
            if SECRET_WORDS.search(parameter) and not parameter.endswith("PublicKey"):
                yield f"{stack}: the parameter {parameter} would hold a secret"
        for name, container in containers(template):
            for setting in container.get("Environment", []):
                if setting["Name"] in SECRETS:
                    yield f"{stack} {name}: {setting['Name']} in plain sight"


def secret_values(properties):
    """Texts where something secret belongs, that are neither looked up nor made up."""
    for key, value in properties.items() if isinstance(properties, dict) else []:
        if re.fullmatch(r"(MasterUser)?(Password|Secret|SecretString|AuthToken|MasterUserPassword)", key) and isinstance(value, str):
            if not value.startswith("{{resolve:secretsmanager:"):
                yield f"{key} is {value!r}"
        if isinstance(value, dict):
            yield from secret_values(value)
        elif isinstance(value, list):
            for inner in value:
                yield from secret_values(inner)


LOOKS_SECRET = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|whsec_[A-Za-z0-9+/]{20}|(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/]{40,}={0,2}(?![A-Za-z0-9+/_-])")


def secrets_in_text(_stacks):
    """Keys and long random words in any file of the deployment. What is long and has no digit or no capital is a word or a path."""
    for folder in ("aws", "env", "systemd", "alerts"):
        for path in sorted((ROOT / "deploy" / folder).rglob("*")):
            # The page that names what a secret looks like is this one.
            if path.suffix in (".yaml", ".json", ".env", ".service", ".py") and path.name not in ("rules.py", "bases.json", "site.json"):
                yield from (f"{path.relative_to(ROOT)} has what looks like a secret: {word[:12]}…" for word in secret_words(path.read_text(encoding="utf-8")))


def secret_words(text):
    for word in LOOKS_SECRET.findall(text):
        if len(word) < 40 or (re.search("[0-9]", word) and re.search("[A-Z]", word) and re.search("[a-z]", word) and word.count("/") < 3):
            yield word


# --- Buckets, logs, databases, tasks ---


def public_buckets(stacks):
    closed = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    for stack, template in stacks.items():
        policies = {policy["Properties"]["Bucket"]["Ref"]: policy for _, policy in template.resources("AWS::S3::BucketPolicy")}
        for name, bucket in template.resources("AWS::S3::Bucket"):
            if bucket["Properties"].get("PublicAccessBlockConfiguration") != closed:
                yield f"{stack} {name} does not block public access"
            if "BucketEncryption" not in bucket["Properties"]:
                yield f"{stack} {name} is not encrypted"
            if bucket["Properties"].get("VersioningConfiguration") != {"Status": "Enabled"}:
                yield f"{stack} {name} keeps no versions"
            if bucket.get("DeletionPolicy") != "Retain":
                yield f"{stack} {name} would go with its stack"
            found = policies.get(name)
            if not found or not any(one["Effect"] == "Deny" and "aws:SecureTransport" in str(one) for one in statements(found["Properties"])):
                yield f"{stack} {name} may be read without TLS"


def logs_kept_for_ever(stacks):
    for stack, template in stacks.items():
        for name, group in template.resources("AWS::Logs::LogGroup"):
            if not group["Properties"].get("RetentionInDays"):
                yield f"{stack} {name} has no retention"
        named = {str(group["Properties"].get("LogGroupName")) for _, group in template.resources("AWS::Logs::LogGroup")}
        for name, schedule in template.resources("AWS::SecretsManager::RotationSchedule"):
            hosted = schedule["Properties"].get("HostedRotationLambda")
            if hosted and f"/aws/lambda/{hosted['RotationLambdaName']}" not in named:
                yield f"{stack} {name}: Lambda makes the log group of its function, and keeps it for ever"
        for name, function in template.resources("AWS::Lambda::Function"):
            if "LoggingConfig" not in function["Properties"]:
                yield f"{stack} {name} writes to a log group that Lambda makes, and keeps for ever"


def open_ports(stacks):
    for stack, template in stacks.items():
        for name, group in template.resources("AWS::EC2::SecurityGroup"):
            for rule in group["Properties"].get("SecurityGroupIngress", []):
                if str(rule.get("CidrIp", "")).endswith("/0") or "CidrIpv6" in rule:
                    yield f"{stack} {name} lets everybody in: {rule['Description']}"


def unencrypted(stacks):
    wants = {
        "AWS::RDS::DBCluster": {"StorageEncrypted": True, "DeletionProtection": True},
        "AWS::ElastiCache::ReplicationGroup": {"TransitEncryptionEnabled": True, "AtRestEncryptionEnabled": True},
        "AWS::OpenSearchService::Domain": {"NodeToNodeEncryptionOptions": {"Enabled": True}},
        "AWS::RDS::DBInstance": {"PubliclyAccessible": False},
        "AWS::KMS::Key": {"EnableKeyRotation": True},
        "AWS::ECR::Repository": {"ImageTagMutability": "IMMUTABLE"},
    }
    for stack, template in stacks.items():
        for name, resource in template.resources():
            for key, value in wants.get(resource["Type"], {}).items():
                if resource["Properties"].get(key) != value:
                    yield f"{stack} {name}: {key} is not {value}"


def loose_tasks(stacks):
    for stack, template in stacks.items():
        for name, container in containers(template):
            who = f"{stack} {name} {container['Name']}"
            if container.get("ReadonlyRootFilesystem") is not True:
                yield f"{who} can write to its root"
            if container["Name"] == "app" and container.get("User") != "65532:65532":
                yield f"{who} runs as root"
            if container["Name"] == "app" and container.get("LinuxParameters") != {"Capabilities": {"Drop": ["ALL"]}}:
                yield f"{who} keeps capabilities"
            if "LogConfiguration" not in container:
                yield f"{who} writes no log"
        for name, service in template.resources("AWS::ECS::Service"):
            network = service["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
            if network["AssignPublicIp"] != "DISABLED" or "private-subnets" not in str(network["Subnets"]):
                yield f"{stack} {name} has a public address"
            if service["Properties"]["DeploymentConfiguration"].get("DeploymentCircuitBreaker") != {"Enable": True, "Rollback": True}:
                yield f"{stack} {name} does not go back when a release does not start"


# --- Settings ---


def known_settings():
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.sample").read_text(encoding="utf-8"), re.MULTILINE))


def settings(stacks, known=None):
    known = known or known_settings()
    for stack, template in stacks.items():
        for name, container in containers(template):
            given = {one["Name"] for key in ("Environment", "Secrets") for one in container.get(key, [])}
            yield from (f"{stack} {name}: no program knows {one}" for one in sorted(given - known - OTHERS_SETTINGS))
            if name == "Task" and container["Name"] == "app":
                yield from (f"{stack} {name}: {one} is missing" for one in sorted(NEEDED.get(stack, set()) - given))


def queues(stacks):
    """Every queue has one class of workers that takes it, and the class is scaled by it."""
    listed = re.search(r"^#WORKER_QUEUES=(.+)$", (ROOT / ".env.sample").read_text(encoding="utf-8"), re.MULTILINE)[1]
    all_queues = {entry.split("=")[0] for entry in listed.split(",")}
    taken = []
    for stack, template in stacks.items():
        if "WorkerQueues" in template.declared:
            own = [entry.split("=")[0] for entry in template.parameter("WorkerQueues").split(",")]
            watched = {template.parameter(f"Queue{letter}") for letter in "ABCD"}
            if watched != set(own):
                yield f"{stack} takes {sorted(own)} and is scaled by {sorted(watched)}"
            taken += own
    yield from (f"no worker takes {queue}" for queue in sorted(all_queues - set(taken)))
    yield from (f"there is no queue {queue}" for queue in sorted(set(taken) - all_queues))
    yield from (f"two classes take {queue}" for queue in sorted(set(taken)) if taken.count(queue) > 1)


def slots(template):
    default = int(template.at("Resources.Task.Properties.ContainerDefinitions.0.Environment.WORKER_CONCURRENCY"))
    pairs = (entry.split("=") for entry in template.parameter("WorkerQueues").split(","))
    return {pair[0]: int(pair[1]) if len(pair) > 1 else default for pair in pairs}


SIZES = {256: (512, 2048), 512: (1024, 4096), 1024: (2048, 8192), 2048: (4096, 16384), 4096: (8192, 30720)}


def sizes(stacks):
    """Processor and memory that Fargate has together; the linter sees literal ones alone."""
    for stack, template in stacks.items():
        for name, task in template.resources("AWS::ECS::TaskDefinition"):
            cpu, memory = int(task["Properties"]["Cpu"]), int(task["Properties"]["Memory"])
            least, most = SIZES[cpu]
            if not least <= memory <= most or (memory % 1024 and memory != 512):
                yield f"{stack} {name}: Fargate has no {cpu} with {memory} MiB"


def room(stacks):
    """Memory and disk of workers hold what their jobs may take."""
    reading = {"uploads", "media"}
    for stack, template in stacks.items():
        if "WorkerQueues" not in template.declared:
            continue
        jobs = slots(template)
        # As docs/operations.md plans it: CHILD_MEMORY_MIB for each that reads, HEAVY_MEMORY_MIB for each of heavy; 512 for the worker, 256 for
        # the collector.
        memory = sum(jobs.get(queue, 0) for queue in reading) * 768 + jobs.get("heavy", 0) * 2048 + 512 + 256
        if memory > int(template.parameter("Memory")):
            yield f"{stack} needs {memory} MiB and has {template.parameter('Memory')}"
        disk = jobs.get("uploads", 0) * 2.2 + jobs.get("media", 0) * 1.1 + jobs.get("heavy", 0) * 2.2
        # Fargate's own share of the disk, for images, is some 10 GiB.
        if disk + 10 > int(template.parameter("ScratchGiB")):
            yield f"{stack} needs {disk} GiB of scratch and has {template.parameter('ScratchGiB')}"


# --- Time ---


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)([smh]?)", str(text)).groups()
    return int(number) * {"": 1, "s": 1, "m": 60, "h": 3600}[unit]


def machines(stacks):
    """There are as many machines as the class on them may have tasks, and a disk for their scratch."""
    for stack, template in stacks.items():
        if "Machines" in template.declared and template.parameter("Machines") == "true":
            of = stacks["machines"]
            most = int(template.parameter("MaxTasks")) * int(template.parameter("Overlap")) // 100
            if int(of.parameter("MaxMachines")) < most:
                yield f"{stack} may have {most} tasks at a time, and there are {of.parameter('MaxMachines')} machines"
            if int(of.parameter("DiskGiB")) < 30 + int(template.parameter("ScratchGiB")) - 10:
                yield f"{stack}: a machine's disk does not hold the system and a task's scratch"
    options = stacks["machines"].at("Resources.Template.Properties.LaunchTemplateData.MetadataOptions")
    if options != {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}:
        yield "tasks may ask for the machine's rights"


def times(stacks):
    """What waits for what, and must be longer."""
    api, platform = stacks["api"], stacks["platform"]
    app = "Resources.Task.Properties.ContainerDefinitions.0"
    setting = lambda template, name: seconds(template.at(f"{app}.Environment.{name}"))  # noqa: E731
    idle = int(platform.at("Resources.Balancer.Properties.LoadBalancerAttributes.idle_timeout/timeout_seconds"))
    if setting(api, "IDLE_TIMEOUT") <= idle:
        yield "the API closes connections that the load balancer keeps: it would answer 502"
    edge = stacks["edge"].at("Resources.Site.Properties.DistributionConfig.Origins.1.CustomOriginConfig.OriginKeepaliveTimeout")
    if edge >= idle:
        yield "the load balancer closes connections that CloudFront keeps"
    drain = setting(api, "SHUTDOWN_NOTICE") + setting(api, "SHUTDOWN_GRACE")
    if api.at(f"{app}.StopTimeout") <= drain:
        yield "ECS kills the API before it has finished"
    for target in ("ApiTargets", "ChatTargets"):
        health = platform.at(f"Resources.{target}.Properties")
        if health["HealthCheckTimeoutSeconds"] >= health["HealthCheckIntervalSeconds"]:
            yield f"{target}: a check may take longer than the time between two"
        if health["HealthCheckIntervalSeconds"] * health["UnhealthyThresholdCount"] > 30:
            yield f"{target}: a dead task is noticed after more than the seed's 30 s"
        # The API goes on for SHUTDOWN_NOTICE after it was told to stop; by then the balancer has been told too.
        if int(platform.at(f"Resources.{target}.Properties.TargetGroupAttributes.deregistration_delay/timeout_seconds")) > drain:
            yield f"{target}: connections are drained for longer than the API lives"
    for stack, template in stacks.items():
        if stack.startswith("worker"):
            stop = template.at(f"{app}.StopTimeout")
            if not setting(template, "WORKER_DRAIN_SECONDS") + 10 <= stop <= 120:
                yield f"{stack}: a drain ends in SIGKILL, or Fargate does not wait that long"
    for alarm, periods in (("Busy", 2), ("Idle", 5)):
        made = api.at(f"Resources.{alarm}.Properties")
        if made["Period"] * made["EvaluationPeriods"] != periods * 60:
            yield f"{alarm}: not {periods} minutes"
    kept = int(stacks["worker-light"].at(f"{app}.Environment.RETENTION_FILES_DAYS"))
    for rule in stacks["storage"].at("Resources.Content.Properties.LifecycleConfiguration.Rules"):
        if rule["Id"] == "deleted-nanos" and kept + rule["NoncurrentVersionExpiration"]["NoncurrentDays"] != 730:
            yield "files of deleted nanos are not gone after 2 years"


# --- Connections ---

ALLOWED = {"db.t4g.medium": 90, "db.t4g.large": 135, "db.r6g.large": 1000, "db.r6g.xlarge": 2000, "db.r6g.2xlarge": 3000}


def documented():
    """What each program opens beside its pool, and all in all without a pool of ours: the table of docs/operations.md."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (API|worker|scheduler|`worker migrate`)[^|]*\| (\d+)[^|]*\|[^|]*\| (\d+) \|$", text, re.MULTILINE)
    return {name.strip("`"): (int(pool), int(together)) for name, pool, together in rows}


def connections(stacks, table=None):
    """What all tasks at their most may open, by service."""
    table = table or documented()
    beside = {name: together - pool for name, (pool, together) in table.items()}
    most = {"api": int(stacks["api"].parameter("MaxTasks")) * (int(stacks["api"].parameter("PoolSize")) + beside["API"])}
    for stack, template in stacks.items():
        if stack.startswith("worker"):
            most[stack] = int(template.parameter("MaxTasks")) * (int(template.parameter("PoolSize")) + beside["worker"])
    most["scheduler"] = int(stacks["scheduler"].parameter("Tasks")) * table["scheduler"][1]
    most["migrate"] = table["worker migrate"][1]
    return most


def connection_budget(stacks, table=None):
    allowed = ALLOWED[stacks["data"].parameter("DatabaseClass")]
    most = connections(stacks, table)
    # 80 of 90, as the goal has it; the same share of others.
    if sum(most.values()) >= allowed * 80 / 90:
        yield f"{most} are {sum(most.values())} connections, of {allowed}"
    if int(stacks["observability"].parameter("DatabaseConnections")) != allowed:
        yield f"the alarm counts with another number of connections than {allowed}"
    # A rollout that starts before it stops has twice the tasks. The API's stays within its most at its usual size, when people roll out.
    if 2 * int(stacks["api"].parameter("MinTasks")) > int(stacks["api"].parameter("MaxTasks")):
        yield "a rollout of the API at its usual size needs more tasks than are counted"
    workers = {stack: template for stack, template in stacks.items() if stack.startswith("worker")}
    rolling = sum(most.values()) + sum(most[stack] for stack, template in workers.items() if template.parameter("Overlap") == "200")
    if rolling >= allowed:
        yield f"a rollout may need {rolling} connections, of {allowed}"


def read_write_split(stacks):
    names = {one["Name"] for one in stacks["api"].at("Resources.Task.Properties.ContainerDefinitions.0.Secrets")}
    if "DATABASE_REPLICA_URL" not in names:
        yield "the API does not know the reader"


# --- Between files ---


def imports(stacks):
    exported, wanted = set(), {}
    for stack, template in stacks.items():
        text = (AWS / f"{stack.split('-')[0]}.yaml").read_text(encoding="utf-8")
        exported |= set(re.findall(r'Export: \{ Name: !Sub "\$\{Installation\}-([a-z-]+)"', text))
        wanted[stack] = set(re.findall(r'ImportValue \{ "Fn::Sub": "\$\{Installation\}-([a-z-]+)"', text))
    for stack, names in wanted.items():
        yield from (f"{stack} imports {name}, which nobody exports" for name in sorted(names - exported))
    yield from (f"{name} is exported, and nobody imports it" for name in sorted(exported - set().union(*wanted.values())))


def parameters(stacks, profiles=PROFILES):
    for profile, by_stack in profiles.items():
        for stack, given in by_stack.items():
            template = stacks[stack]
            yield from (f"{profile}.json gives {stack} {name}, which it does not declare" for name in sorted(set(given) - set(template.declared)))
    for stack, template in stacks.items():
        for name in template.declared:
            if template.parameter(name) == f"<{name}>":
                yield f"{stack}: nothing gives {name}"


def allowed_values(stacks):
    """What profiles and the sample of a site give is among what each template allows."""
    for stack, template in stacks.items():
        for name, declared in template.declared.items():
            told = {key.value: template.plain(value) for key, value in declared.value}
            value = template.given.get(name, told.get("Default"))
            if value is None or name in COMPUTED:
                continue
            if "AllowedValues" in told and str(value) not in [str(one) for one in told["AllowedValues"]]:
                yield f"{stack}: {name} is {value}, which is not allowed"
            if "AllowedPattern" in told and not re.fullmatch(told["AllowedPattern"], str(value)):
                yield f"{stack}: {name} is {value}, which is not of the form {told['AllowedPattern']}"
            if told["Type"] == "Number" and not told.get("MinValue", float("-inf")) <= float(value) <= told.get("MaxValue", float("inf")):
                yield f"{stack}: {name} is {value}, which is too little or too much"


def site_headers(stacks):
    lines = [line for line in (ROOT / "web/security-headers").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    wanted = {name.lower(): value.strip().strip('"').replace("{$STORAGE_ORIGIN}", stacks["edge"].parameter("StorageOrigin")) for name, value in (line.split(" ", 1) for line in lines)}
    policy = stacks["edge"].at("Resources.SiteHeaders.Properties.ResponseHeadersPolicyConfig")
    sent = {item["Header"].lower(): item["Value"] for item in policy["CustomHeadersConfig"]["Items"]}
    fixed = policy["SecurityHeadersConfig"]
    transport = fixed["StrictTransportSecurity"]
    sent["strict-transport-security"] = f"max-age={transport['AccessControlMaxAgeSec']}" + ("; includeSubDomains" if transport["IncludeSubdomains"] else "")
    sent["x-content-type-options"] = "nosniff" if fixed["ContentTypeOptions"]["Override"] else ""
    sent["x-frame-options"] = fixed["FrameOptions"]["FrameOption"]
    sent["referrer-policy"] = fixed["ReferrerPolicy"]["ReferrerPolicy"]
    sent["content-security-policy"] = fixed["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    for name in sorted(wanted.keys() | sent.keys()):
        if wanted.get(name) != sent.get(name):
            yield f"CloudFront sends {name}: {sent.get(name)}, web/security-headers says {wanted.get(name)}"


def paths(stacks):
    """What goes to the API here goes there in compose's web server too."""
    text = (ROOT / "deploy/compose/Caddyfile").read_text(encoding="utf-8")
    wanted = set(re.search(r"@api path (.+)", text)[1].split())
    config = stacks["edge"].at("Resources.Site.Properties.DistributionConfig.CacheBehaviors")
    sent = {one["PathPattern"] for one in config if one["TargetOriginId"] == "api"}
    for path in sorted(wanted):
        if not any(path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in sent):
            yield f"{path} does not reach the API"


def lambdas(stacks):
    for stack, template in stacks.items():
        for name, function in template.resources("AWS::Lambda::Function"):
            code = function["Properties"]["Code"]["ZipFile"]
            ast.parse(code)
            if len(code) > 4096:
                yield f"{stack} {name}: {len(code)} characters, CloudFormation takes 4096"


def collector(stacks):
    text = stacks["platform"].at("Resources.CollectorConfiguration.Properties.Value")
    if len(text) > 4096:
        yield f"the collector's configuration has {len(text)} characters, a standard parameter takes 4096"
    parsed = yaml.safe_load(text)
    for name, pipeline in parsed["service"]["pipelines"].items():
        for kind in ("receivers", "processors", "exporters"):
            yield from (f"the collector's {name} names {part}, which is not among its {kind}" for part in pipeline[kind] if part not in parsed[kind])
    kept = re.search(r'regex: "(.+)"', text)[1]
    for pattern in re.findall(r'metric_name_selectors: \["\^(.+)\$\$"\]', text):
        for name in names_of(pattern):
            if not re.fullmatch(kept, name):
                yield f"the collector sends {name} and drops it before"
    page = documented_metrics()
    yield from (f"{name} is no metric of docs/metrics.md" for name in sorted(names_of(kept)) if name not in page)


def names_of(pattern):
    """The words a pattern of the form a_(b|c)|d stands for."""
    found = set()
    for part in re.findall(r"[\w]*\([^)]*\)|\w+", pattern):
        match = re.fullmatch(r"(\w*)\(([^)]*)\)", part)
        found |= {match[1] + name for name in match[2].split("|")} if match else {part}
    return found


def documented_metrics():
    rows = [line.split("|")[1] for line in (ROOT / "docs/metrics.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def nano_metrics(stacks):
    """Series of ours that alarms, policies and the dashboard name are sent by the collector, with those labels."""
    sent = {}
    text = stacks["platform"].at("Resources.CollectorConfiguration.Properties.Value")
    for labels, pattern in re.findall(r'dimensions: \[\[(\w*)\]\]\s+metric_name_selectors: \["\^(.+)\$\$"\]', text):
        sent |= dict.fromkeys(names_of(pattern), labels)
    for stack, template in stacks.items():
        for name, resource in template.resources():
            for metric, labels in metrics_in(resource["Properties"]):
                if metric not in sent:
                    yield f"{stack} {name}: nobody sends {metric}"
                elif sent[metric] != labels:
                    yield f"{stack} {name}: {metric} has the label {sent[metric] or 'none'}, not {labels or 'none'}"
    board = json.loads(dashboard(stacks))
    for widget in board["widgets"]:
        for row in widget["properties"]["metrics"]:
            if row[0] == "Nano":
                label = row[2] if len(row) > 3 else ""
                if sent.get(row[1]) != label:
                    yield f"dashboard: {row[1]} with the label {label or 'none'} is not sent"


def dashboard(stacks):
    body = stacks["observability"].at("Resources.Dashboard.Properties.DashboardBody")
    return re.sub(r"\$\{[^}]+\}", "x", body)


def metrics_in(value):
    if isinstance(value, dict):
        if value.get("Namespace") == "Nano":
            yield value["MetricName"], ",".join(one["Name"] for one in value.get("Dimensions", []))
        for inner in value.values():
            yield from metrics_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from metrics_in(inner)


SIX = ["API latency (p50, p95, p99)", "Error rate (5xx, 4xx)", "Active users and sessions", "Database connections", "Cache hit rate", "S3 upload and download rate"]


def panels(stacks):
    """The seed's six panels (chapter 9), in its order."""
    titles = [widget["properties"]["title"] for widget in json.loads(dashboard(stacks))["widgets"]]
    if titles[:6] != SIX:
        yield f"the dashboard begins with {titles[:6]}"


def runbooks(stacks):
    page = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    headings = {re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).replace(" ", "-") for line in page.splitlines() if line.startswith("## ")}
    for name, alarm in stacks["observability"].resources():
        if alarm["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") and "AlarmActions" in alarm["Properties"]:
            link = alarm["Properties"]["AlarmDescription"].rsplit("#", 1)
            if len(link) != 2 or link[1] not in headings:
                yield f"{name}: docs/alerts.md has no section {link[-1]}"


# --- The functions, run with stand-ins of AWS' answers: what they compute is ours ---


def functions(stacks):
    data = stacks["data"]
    yield from addresses(data.at("Resources.Addresses.Properties.Code.ZipFile"))
    yield from rotation(data.at("Resources.RotateRedis.Properties.Code.ZipFile"))


class Store:
    """Secrets Manager in memory, for one secret with stages."""

    class exceptions:
        class ResourceNotFoundException(Exception):
            pass

    def __init__(self, **values):
        self.versions = {name: {"AWSCURRENT": value} for name, value in values.items()}
        self.changed = {name: datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) for name in values}

    def get_secret_value(self, SecretId, VersionId=None, VersionStage="AWSCURRENT"):
        try:
            return {"SecretString": self.versions[SecretId][VersionStage], "CreatedDate": self.changed.get(SecretId)}
        except KeyError:
            raise self.exceptions.ResourceNotFoundException from None

    def put_secret_value(self, SecretId, SecretString, ClientRequestToken=None, VersionStages=("AWSCURRENT",)):
        self.versions.setdefault(SecretId, {})[VersionStages[0]] = SecretString
        self.changed[SecretId] = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)

    def describe_secret(self, SecretId):
        return {"VersionIdsToStages": {"old": ["AWSCURRENT"], "new": ["AWSPENDING"]}}

    def get_random_password(self, **_):
        return {"RandomPassword": "n" * 64}

    def update_secret_version_stage(self, SecretId, VersionStage, MoveToVersionId, RemoveFromVersionId):
        assert (MoveToVersionId, RemoveFromVersionId) == ("new", "old")
        self.versions[SecretId]["AWSCURRENT"] = self.versions[SecretId].pop("AWSPENDING")


class Recorder:
    """Answers what it was told to, and keeps what it was asked."""

    class exceptions:
        class ClusterNotFoundException(Exception):
            pass

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, name):
        def call(**given):
            self.asked.append((name, given))
            answer = self.answers.get(name, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_waiter(self, _):
        return self


def loaded(code, environment, **clients):
    boto3 = types.SimpleNamespace(client=lambda name: clients[name])
    source = code.replace("import boto3", "").replace("import time", "")
    scope = {"boto3": boto3, "time": types.SimpleNamespace(sleep=lambda _: None)}
    exec(compile(source, "lambda", "exec"), scope)  # noqa: S102
    if "os" in scope:
        scope["os"] = types.SimpleNamespace(environ=environment)
    return scope["handler"]


def addresses(code):
    old, new = (datetime.datetime(2026, month, 15, tzinfo=datetime.UTC) for month in (1, 2))
    service = lambda name, at: {"serviceArn": name, "deployments": [{"createdAt": at}]}  # noqa: E731
    store = Store(
        OWNER='{"username":"owner","password":"a:b/c@d?"}', USER='{"username":"nano","password":"p1"}',
        QUEUE='{"token":"q1"}', CACHE='{"token":"c1"}', SEARCH='{"username":"nano","password":"s-1"}',
    )  # fmt: skip
    ecs = Recorder(list_services={"serviceArns": ["a", "b"]}, describe_services={"services": [service("a", old), service("b", new)]})
    names = {name: name for name in ("OWNER", "USER", "QUEUE", "CACHE", "SEARCH", "URLS", "OWNER_URL", "CLUSTER")}
    hosts = {f"{name}_HOST": name.lower() for name in ("WRITER", "READER", "QUEUE", "CACHE", "SEARCH")}
    handler = loaded(code, names | hosts, secretsmanager=store, ecs=ecs)
    services, ecs.answers["list_services"] = ecs.answers["list_services"], ecs.exceptions.ClusterNotFoundException()
    handler({}, None)  # before there is a cluster
    ecs.answers["list_services"] = services
    handler({}, None)
    tls = "ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/nano/certificates/rds.pem"
    wanted = {
        "DATABASE_URL": f"mysql://nano:p1@writer:3306/nano?{tls}", "DATABASE_REPLICA_URL": f"mysql://nano:p1@reader:3306/nano?{tls}",
        "REDIS_QUEUE_URL": "rediss://:q1@queue:6379/0", "REDIS_CACHE_URL": "rediss://:c1@cache:6379/0", "OPENSEARCH_URL": "https://nano:s-1@search:443",
    }  # fmt: skip
    if json.loads(store.versions["URLS"]["AWSCURRENT"]) != wanted:
        yield f"addresses: {store.versions['URLS']}"
    if json.loads(store.versions["OWNER_URL"]["AWSCURRENT"]) != {"DATABASE_URL": f"mysql://owner:a%3Ab%2Fc%40d%3F@writer:3306/nano?{tls}"}:
        yield f"addresses: {store.versions['OWNER_URL']}"
    restarted = [given["service"] for name, given in ecs.asked if name == "update_service"]
    if restarted != ["a"]:
        yield f"addresses: restarted {restarted}, where only a is older than the addresses"
    ecs.asked.clear()
    ecs.answers["describe_services"] = {"services": [service("a", new), service("b", new)]}
    before = dict(store.changed)
    handler({}, None)
    if store.changed != before or any(name == "update_service" for name, _ in ecs.asked):
        yield "addresses: something happens although nothing has changed"


def rotation(code):
    store = Store(SECRET='{"group":"nano-prod-queue","token":"t1"}')
    available = {"ReplicationGroups": [{"Status": "available", "PendingModifiedValues": {}}]}
    redis = Recorder(describe_replication_groups=available)
    handler = loaded(code, {}, secretsmanager=store, elasticache=redis)
    for step in ("createSecret", "createSecret", "setSecret", "testSecret", "finishSecret"):
        handler({"SecretId": "SECRET", "ClientRequestToken": "new", "Step": step}, None)
    if json.loads(store.versions["SECRET"]["AWSCURRENT"]) != {"group": "nano-prod-queue", "token": "n" * 64}:
        yield f"rotation: {store.versions}"
    changes = [given for name, given in redis.asked if name == "modify_replication_group"]
    if [(one["AuthToken"], one["AuthTokenUpdateStrategy"]) for one in changes] != [("n" * 64, "ROTATE")]:
        yield f"rotation: {changes}"


RULES = {
    "no-wildcards": wildcards,
    "exceptions-are-used": exceptions_used,
    "no-policies-of-others": managed_policies,
    "objects-stay": objects,
    "no-secrets": secrets_in_templates,
    "no-secrets-in-text": secrets_in_text,
    "buckets-are-private": public_buckets,
    "logs-end": logs_kept_for_ever,
    "ports-are-closed": open_ports,
    "all-encrypted": unencrypted,
    "tasks-are-confined": loose_tasks,
    "settings-exist": settings,
    "queues-are-taken": queues,
    "sizes-exist": sizes,
    "workers-have-room": room,
    "machines-suffice": machines,
    "times-fit": times,
    "connection-budget": connection_budget,
    "read-write-split": read_write_split,
    "imports-exist": imports,
    "parameters-fit": parameters,
    "parameters-allowed": allowed_values,
    "site-headers": site_headers,
    "paths-of-the-api": paths,
    "functions-fit": lambdas,
    "functions-work": functions,
    "collector-sends": collector,
    "metrics-exist": nano_metrics,
    "six-panels": panels,
    "runbooks-exist": runbooks,
}

BAD = """
Parameters: { DbPassword: { Type: String } }
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]
      Policies: [{ PolicyDocument: { Statement: [{ Effect: Allow, Action: "s3:*", Resource: "*" }] } }]
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: x } }
  Logs: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: x } }
  Function: { Type: AWS::Lambda::Function, Properties: { Code: { ZipFile: "%s" } } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { SecurityGroupIngress: [{ Description: all, CidrIp: 0.0.0.0/0 }] } }
  Redis: { Type: AWS::ElastiCache::ReplicationGroup, Properties: { AuthToken: hunter2 } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: { ContainerDefinitions: [{ Name: app, Environment: [{ Name: JWT_KEY, Value: x }, { Name: NO_SUCH_SETTING, Value: x }] }] }
""" % ("x = 1; " * 800)


def prove():
    """A rule that never fails proves nothing."""
    bad = {"bad": Template(of_text(BAD), {})}
    for rule, at_least in ((wildcards, 2), (managed_policies, 1), (secrets_in_templates, 3), (public_buckets, 5), (logs_kept_for_ever, 2), (open_ports, 1), (unencrypted, 2), (loose_tasks, 4), (settings, 1), (lambdas, 1)):  # fmt: skip
        found = list(rule(bad))
        assert len(found) >= at_least, f"{rule.__name__} found only {found}"
    stacks = all_templates("mvp")
    def with_(stack, **given):
        changed = dict(stacks)
        changed[stack] = Template(stacks[stack].node, {**stacks[stack].given, **given})
        return changed

    assert list(connection_budget(with_("api", PoolSize="20")))
    assert list(connection_budget(with_("api", MaxTasks="8")))
    assert list(machines(with_("worker-light", Machines="true", MaxTasks="6")))
    assert list(sizes(with_("worker-light", Memory="8192")))
    assert list(room(with_("worker-content", Memory="4096")))
    assert list(connection_budget(with_("worker-light", Overlap="200", MaxTasks="3")))
    assert list(queues(with_("worker-light", WorkerQueues="search=2,mail=4")))
    assert len(list(allowed_values(with_("data", DatabaseClass="db.t2.micro", QueueReplicas="9")))) == 2
    assert list(allowed_values(with_("platform", HostedZone="nano.example")))
    assert list(parameters(stacks, {"mvp": {"api": {"NoSuch": "1"}}}))
    assert list(site_headers(with_("edge", StorageOrigin="https://elsewhere"))) == []  # both follow the parameter
    assert list(objects({"api": stacks["worker-content"]})) and list(objects({"x": Template(of_text(BAD.replace("s3:*", "s3:DeleteObject")), {})}))
    assert len(list(secret_words("AKIA0123456789ABCDEF and wJalrXUtnFEMI7MDENG4bPxRfiCYEXAMPLEKEY5Xq8T2"))) == 2
    assert documented().keys() == {"API", "worker", "scheduler", "worker migrate"}, documented()
    assert SITE["Installation"] == "nano-prod"
    assert names_of("a_(b|c)|d") == {"a_b", "a_c", "d"}
