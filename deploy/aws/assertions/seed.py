"""The numbers of the seed's chapters 3, 4, 5, 8 and 9: what it says, where that is set, and what has to be there."""

import json
import pathlib
import re
from typing import Any, NamedTuple

from templates import ROOT, Template

TASK = "Resources.Task.Properties"
APP = f"{TASK}.ContainerDefinitions.app"


class Number(NamedTuple):
    seed: str  # the chapter
    says: str  # what the seed says
    name: str  # of this assertion
    stack: str
    path: str
    is_: Any  # what has to be there, as text
    profile: str = "mvp"
    note: str = ""

    def found(self):
        template = Template.of(self.stack, self.profile)
        value = template.at(inside(self.path))
        return value, f"deploy/aws/{self.stack.split('-')[0]}.yaml", template.line(inside(self.path))


class InProfile(NamedTuple):
    """A number that a parameter file sets."""

    seed: str
    says: str
    name: str
    stack: str
    path: str
    is_: Any
    profile: str = "mvp"
    note: str = ""

    def found(self):
        file = ROOT / f"deploy/aws/parameters/{self.profile}.json"
        value = json.loads(file.read_text(encoding="utf-8"))[self.stack][self.path]
        lines = file.read_text(encoding="utf-8").split("\n")
        start = next(number for number, line in enumerate(lines) if f'"{self.stack}":' in line)
        line = next(number for number in range(start, len(lines)) if f'"{self.path}":' in lines[number])
        return value, f"deploy/aws/parameters/{self.profile}.json", line + 1


class InFile(NamedTuple):
    """A number that stands in a file of another kind, found by a pattern with one group."""

    seed: str
    says: str
    name: str
    file: str
    pattern: str
    is_: Any
    note: str = ""

    def found(self):
        text = (ROOT / pathlib.Path(self.file)).read_text(encoding="utf-8")
        match = re.search(self.pattern, text, re.MULTILINE)
        if not match:
            raise KeyError(f"{self.file} has nothing like {self.pattern}")
        return match[1], self.file, text[: match.start(1)].count("\n") + 1


def inside(path):
    """`ContainerDefinitions.app` is the container of that name: its place in the list is 0."""
    return path.replace("ContainerDefinitions.app", "ContainerDefinitions.0")


def environment(name):
    return f"{APP}.Environment.{name}"


def attribute(of, key):
    return f"Resources.{of}.Properties.{key[0]}.{key[1].replace('.', '/')}"


def balancer(key):
    return attribute("Balancer", ("LoadBalancerAttributes", key))


def chat(key):
    return attribute("ChatTargets", ("TargetGroupAttributes", key))


MADE = [
    # 3.1 Containers
    Number("3.1", "port 8000", "container-port", "api", f"{APP}.PortMappings.0.ContainerPort", 8000),
    InFile("3.1", "EXPOSE 8000", "image-port", "Dockerfile.api", r"^EXPOSE (8000)\b", "8000"),
    InFile("3.1", "health check every 30 s", "image-health-interval", "Dockerfile.api", r"--interval=(\w+)", "10s", "oftener"),
    InFile("3.1", "… with a timeout of 5 s", "image-health-timeout", "Dockerfile.api", r"--timeout=(\w+)", "5s"),
    InFile("3.1", "… and a start period of 10 s", "image-health-start", "Dockerfile.api", r"--start-period=(\w+)", "10s"),
    Number("3.1", "the same for ECS, which does not read the image's", "task-health-timeout", "api", f"{APP}.HealthCheck.Timeout", 5),
    Number("3.1", "", "task-health-start", "api", f"{APP}.HealthCheck.StartPeriod", 10),
    # 3.2 ECS
    InFile("3.2", "cluster nano-prod", "cluster", "deploy/aws/parameters/site.sample.json", r'"Installation": "([a-z-]+)"', "nano-prod"),
    Number("3.2", "service api", "service-api", "api", "Resources.Service.Properties.ServiceName", "api"),
    Number("3.2", "1 CPU", "api-cpu", "api", f"{TASK}.Cpu", "1024"),
    Number("3.2", "2 GB", "api-memory", "api", f"{TASK}.Memory", "2048"),
    Number("3.2", "logging: CloudWatch", "api-logs", "api", f"{APP}.LogConfiguration.LogDriver", "awslogs"),
    Number("3.2", "service background-jobs", "service-jobs", "worker-content", "Resources.Service.Properties.ServiceName", "background-jobs-content", note="one for each class of queues"),
    Number("3.2", "workers: 2", "worker-slots", "worker-content", environment("WORKER_CONCURRENCY"), "2", note="jobs of a queue at a time"),
    InProfile("3.2", "", "worker-queues", "worker-content", "WorkerQueues", "uploads=2,media=2,heavy=1"),
    InProfile("3.2", "min 1 task", "api-min", "api", "MinTasks", "1"),
    InProfile("3.2", "max 5 tasks", "api-max", "api", "MaxTasks", "5"),
    InProfile("3.2", "… of workers too", "worker-min", "worker-content", "MinTasks", "1"),
    InProfile("3.2", "", "worker-max", "worker-content", "MaxTasks", "5"),
    Number("3.2", "target CPU 70 %", "api-target-cpu", "api", "Resources.AroundTarget.Properties.TargetTrackingScalingPolicyConfiguration.TargetValue", 70),
    # 3.3 Load balancer
    Number("3.3", "GET /health", "health-path", "platform", "Resources.ApiTargets.Properties.HealthCheckPath", "/health"),
    Number("3.3", "every 10 s", "health-interval", "platform", "Resources.ApiTargets.Properties.HealthCheckIntervalSeconds", 10),
    Number("3.3", "", "health-timeout", "platform", "Resources.ApiTargets.Properties.HealthCheckTimeoutSeconds", 5, note="below the interval"),
    Number("3.3", "stickiness for chats", "chat-stickiness", "platform", chat("stickiness.enabled"), "true"),
    Number("3.3", "… of 2 h", "chat-stickiness-time", "platform", chat("stickiness.lb_cookie.duration_seconds"), "7200"),
    Number("3.3", "idle timeout 60 s", "idle-timeout", "platform", balancer("idle_timeout.timeout_seconds"), "60"),
    # 4.1 Database
    InProfile("4.1", "db.t4g.medium (MVP)", "database-class", "data", "DatabaseClass", "db.t4g.medium"),
    InProfile("4.1", "db.r6g.large (Phase 1)", "database-class-production", "data", "DatabaseClass", "db.r6g.large", "production"),
    Number("4.1", "backup retention 7 days", "backup-days", "data", "Resources.Database.Properties.BackupRetentionPeriod", 7),
    Number("4.1", "encryption", "database-encryption", "data", "Resources.Database.Properties.StorageEncrypted", True, note="with a key of our own"),
    Number("4.1", "not publicly accessible", "database-private", "data", "Resources.DatabaseWriter.Properties.PubliclyAccessible", False),
    Number("4.1", "Multi-AZ: a second instance", "database-reader", "data", "Resources.DatabaseReader.Properties.PromotionTier", 1, note="in the other zone of the subnet group"),
    # 4.2 Objects
    InFile("4.2", "bucket nano-marketplace-prod", "bucket", "deploy/aws/parameters/site.sample.json", r'"ContentBucketName": "([a-z-]+)"', "nano-marketplace-prod"),
    Number("4.2", "versioning", "versioning", "storage", "Resources.Content.Properties.VersioningConfiguration.Status", "Enabled"),
    Number("4.2", "/nanos/", "prefix-nanos", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.2.Prefix", "nanos/"),
    Number("4.2", "/thumbnails/", "prefix-thumbnails", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.3.Prefix", "thumbnails/"),
    Number("4.2", "/avatars/", "prefix-avatars", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.4.Prefix", "avatars/"),
    Number("4.2", "/audit-logs/", "prefix-audit", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.1.Prefix", "audit/", note="the programs' name for it"),
    Number("4.2", "/backups/", "prefix-backups", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.6.Prefix", "backups/", note="dumps by hand; Aurora keeps its own elsewhere"),
    Number("4.2", "audit logs to Glacier", "audit-glacier", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.1.Transitions.0.StorageClass", "GLACIER"),
    Number("4.2", "… after 90 days", "audit-glacier-days", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.1.Transitions.0.TransitionInDays", 90),
    Number("4.2", "deleted nanos: after 2 years", "deleted-nanos", "worker-light", environment("RETENTION_FILES_DAYS"), "700", note="the worker deletes; with the next row 730"),
    Number("4.2", "", "deleted-nanos-versions", "storage", "Resources.Content.Properties.LifecycleConfiguration.Rules.2.NoncurrentVersionExpiration.NoncurrentDays", 30),
    Number("4.2", "6 years for what the GDPR asks", "retention-metadata", "worker-light", environment("RETENTION_METADATA_DAYS"), "2190"),
    # 4.3 Search
    Number("4.3", "domain nano-marketplace", "search-domain", "data", "Resources.Search.Properties.DomainName", "nano-marketplace"),
    InProfile("4.3", "t3.small.search", "search-node", "data", "SearchNodeType", "t3.small.search"),
    InProfile("4.3", "2 nodes", "search-nodes", "data", "SearchNodes", "2"),
    InProfile("4.3", "100 GB", "search-volume", "data", "SearchVolume", "50", note="a node, of two"),
    # 4.4 Redis
    InProfile("4.4", "cache.t4g.micro", "cache-node", "data", "CacheNodeType", "cache.t4g.micro"),
    InProfile("4.4", "1 node, no failover", "cache-nodes", "data", "CacheReplicas", "0"),
    Number("4.4", "allkeys-lru", "cache-policy", "data", "Resources.CacheSettings.Properties.Properties.maxmemory-policy", "allkeys-lru"),
    Number("4.4", "", "queue-policy", "data", "Resources.QueueSettings.Properties.Properties.maxmemory-policy", "noeviction", note="the queue's own group: a full one refuses rather than forgets"),
    Number("4.4", "search results 30 minutes", "answers-kept", "api", environment("ANSWERS_KEPT_FOR"), "30m"),
    # 5.1 Scale up
    Number("5.1", "alert at 90 % CPU of the database", "database-busy", "observability", "Resources.DatabaseBusy1.Properties.Threshold", 90),
    Number("5.1", "db.t4g.large next", "database-next", "data", "Parameters.DatabaseClass.AllowedValues.1", "db.t4g.large"),
    # 5.2 Scale out
    Number("5.2", "+1 task", "scale-out-step", "api", "Resources.OneMore.Properties.StepScalingPolicyConfiguration.StepAdjustments.0.ScalingAdjustment", 1),
    Number("5.2", "… above 75 %", "scale-out-at", "api", "Resources.Busy.Properties.Threshold", 75),
    Number("5.2", "… for 2 min", "scale-out-after", "api", "Resources.Busy.Properties.EvaluationPeriods", 2, note="periods of 60 s"),
    Number("5.2", "-1 task", "scale-in-step", "api", "Resources.OneLess.Properties.StepScalingPolicyConfiguration.StepAdjustments.0.ScalingAdjustment", -1),
    Number("5.2", "… below 60 %", "scale-in-at", "api", "Resources.Idle.Properties.Threshold", 60),
    Number("5.2", "… for 5 min", "scale-in-after", "api", "Resources.Idle.Properties.EvaluationPeriods", 5, note="periods of 60 s"),
    # 5.4 Caching and connections
    Number("5.4", "static files: 1 year", "assets-cache", "edge", "Resources.AssetsCache.Properties.CachePolicyConfig.DefaultTTL", 31536000),
    InFile("5.4", "… by the browser too", "assets-header", "deploy/aws/deploy.py", r"public, max-age=(\d+), immutable", "31536000"),
    InProfile("5.4", "pool of 20 connections", "pool", "api", "PoolSize", "20", "production"),
    InProfile("5.4", "", "pool-mvp", "api", "PoolSize", "4", note="20 each of 5 tasks are more than db.t4g.medium's 90"),
    InFile("5.4", "overflow: queue 10 requests", "pool-waiters", "db/src/pool.rs", r"MAX_WAITERS: usize = (\d+)", "25", "raised: a request waits for milliseconds"),
    InFile("5.4", "max retries 3", "retries", "db/src/retry.rs", r"RETRIES: u32 = (\d+)", "3"),
    # 8 High availability
    Number("8.1", "99.95 %: fast burn", "slo-fast", "observability", "Resources.Burn1h.Properties.Threshold", 0.72, note="14.4 times 0.05 % of requests"),
    Number("8.1", "… slow burn", "slo-slow", "observability", "Resources.Burn6h.Properties.Threshold", 0.3, note="6 times 0.05 %"),
    Number("8.1", "ElastiCache with Multi-AZ", "redis-zones", "data", "Resources.QueueRedis.Properties.MultiAZEnabled", True, "production"),
    Number("8.1", "failed tasks are replaced within 30 s", "replace-after", "platform", "Resources.ApiTargets.Properties.UnhealthyThresholdCount", 2, note="checks of 10 s"),
    Number("8.2", "daily snapshots; RPO below 15 min", "rpo", "data", "Resources.Database.Properties.DeletionProtection", True, note="and any second of 7 days, see 4.1"),
    Number("8.2", "audit logs immutable", "audit-lock", "storage", "Resources.Content.Properties.ObjectLockEnabled", True),
    Number("8.2", "", "audit-lock-mode", "worker-light", environment("AUDIT_LOCK"), "compliance"),
]

# What no setting of ours sets, and why.
NOT_SET = [
    ("3.3", "two API servers behind the balancer", "`MinTasks` 2 in production.json; the seed's own minimum of 1 in mvp.json"),
    ("4.1", "io1, 15 IOPS per GB", "no setting of Aurora's: its storage grows and is paid by use"),
    ("4.3", "backups daily to S3", "OpenSearch Service takes one each hour by itself; the index can be made again from the database"),
    ("4.3", "nanos_v1, nanos_v0", "made by the programs behind the alias `SEARCH_INDEX`"),
    ("4.4", "appendonly yes", "no setting of ElastiCache's t4g nodes; tickets come back from the ledger, the rest can be lost"),
    ("4.4", "session 1 hour, user profile 1 hour", "neither is kept in Redis: sessions are rows, access tokens last 15 minutes"),
    ("5.3", "1-2 read replicas", "one reader; the API reads there by `DATABASE_REPLICA_URL` (rule `read-write-split`)"),
    ("8.2", "RTO below 1 h", "shown by a drill, not set"),
]
