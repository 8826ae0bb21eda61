-- Steering the fleet: what operators ask for, the limits they set, and what their pages read.

-- Lists by state, kind and tenant. `listed` is NULL on a job's straight way (available, running, completed), which so
-- moves in no further index; kind and tenant never change.
ALTER TABLE jobs
  ADD COLUMN listed VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (
    CASE WHEN state IN ('scheduled', 'retryable', 'waiting', 'blocked', 'cancelled', 'discarded', 'quarantined') THEN state END) STORED,
  ADD KEY jobs_listed (listed, kind, id),
  ADD KEY jobs_kind (kind, id),
  ADD KEY jobs_tenant (tenant, id);

-- Running jobs that were asked to stop. A job that completes first has won.
CREATE TABLE job_cancels (
  job_id     BINARY(16)   NOT NULL PRIMARY KEY,
  reason     VARCHAR(500) NOT NULL,
  actor_id   BINARY(16)   NULL,
  created_at DATETIME(6)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- The children of a flow. Only they pay for being found by it.
CREATE TABLE flow_children (
  flow_id BINARY(16) NOT NULL,
  job_id  BINARY(16) NOT NULL,
  PRIMARY KEY (flow_id, job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO flow_children (flow_id, job_id) SELECT flow_id, id FROM jobs WHERE flow_id IS NOT NULL;

-- The newest failure of each job that failed and has not completed since.
CREATE TABLE job_failures (
  fingerprint BINARY(16) NOT NULL,
  given_up    BOOLEAN    NOT NULL, -- discarded or quarantined
  job_id      BINARY(16) NOT NULL,
  PRIMARY KEY (fingerprint, given_up, job_id),
  UNIQUE KEY job_failures_job (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Failures of one cause, whichever jobs met it. Written as deltas by the workers, never in a job's transaction.
CREATE TABLE job_errors (
  fingerprint   BINARY(16)      NOT NULL PRIMARY KEY,
  kind          VARCHAR(48)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  class         VARCHAR(32)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  message       VARCHAR(500)    NOT NULL, -- of the newest
  failures      BIGINT UNSIGNED NOT NULL,
  first_seen    DATETIME(6)     NOT NULL,
  last_seen     DATETIME(6)     NOT NULL,
  first_version VARCHAR(32)     NOT NULL, -- of the worker
  last_version  VARCHAR(32)     NOT NULL,
  last_job      BINARY(16)      NOT NULL,
  KEY job_errors_seen (last_seen, fingerprint)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What ran, per minute. Written as deltas by the workers.
CREATE TABLE job_stats (
  minute  DATETIME        NOT NULL,
  queue   VARCHAR(24)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind    VARCHAR(48)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  outcome VARCHAR(16)     CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  runs    BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (minute, queue, kind, outcome)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- How long it waited and ran: bucket b holds what took longer than bucket b - 1 and at most 0.5 ms * 2^(b/2).
CREATE TABLE job_durations (
  minute DATETIME         NOT NULL,
  queue  VARCHAR(24)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind   VARCHAR(48)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  what   ENUM('wait','run') NOT NULL,
  bucket TINYINT UNSIGNED NOT NULL,
  runs   BIGINT UNSIGNED  NOT NULL,
  PRIMARY KEY (minute, queue, kind, what, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Queues and kinds of which nothing starts.
CREATE TABLE queue_pauses (
  scope      ENUM('queue','kind') NOT NULL,
  name       VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  reason     VARCHAR(500) NOT NULL,
  actor_id   BINARY(16)   NULL,
  paused_at  DATETIME(6)  NOT NULL,
  expires_at DATETIME(6)  NULL,
  PRIMARY KEY (scope, name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- How much of a kind may run in the whole fleet: at a time, at a time for each tenant, and per time (GCRA).
CREATE TABLE job_limits (
  kind                   VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  max_running            INT UNSIGNED NULL,
  max_running_per_tenant INT UNSIGNED NULL,
  rate                   INT UNSIGNED NULL, -- starts per rate_seconds
  rate_seconds           INT UNSIGNED NULL,
  burst                  INT UNSIGNED NULL, -- starts that may come at once
  tat                    DATETIME(6)  NULL, -- theoretical arrival time of the next start
  last_tenant            BINARY(16)   NULL, -- whose blocked job was let go last
  reason                 VARCHAR(500) NOT NULL,
  actor_id               BINARY(16)   NULL,
  changed_at             DATETIME(6)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Jobs in the state `blocked`: their kind is paused or at its limit. Tenants take turns when they are let go.
CREATE TABLE blocked_jobs (
  kind     VARCHAR(48)      CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  priority TINYINT UNSIGNED NOT NULL,
  tenant   BINARY(16)       NOT NULL,
  job_id   BINARY(16)       NOT NULL,
  PRIMARY KEY (kind, priority, tenant, job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Starts that a rate limit has put into the future: each job once, to its own time.
CREATE TABLE rate_slots (
  job_id      BINARY(16)  NOT NULL PRIMARY KEY,
  kind        VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  slot        DATETIME(6) NOT NULL,
  reserved_at DATETIME(6) NOT NULL,
  KEY rate_slots_kind (kind, reserved_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Raised by every change of pauses and limits. A claim names the epoch it knows; with an older one it takes nothing.
CREATE TABLE queue_control_epoch (
  id    TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  epoch BIGINT UNSIGNED  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO queue_control_epoch (id, epoch) VALUES (1, 1);

ALTER TABLE workers
  ADD COLUMN drain_requested_at DATETIME(6)     NULL,
  ADD COLUMN drain_reason       VARCHAR(500)    NULL,
  ADD COLUMN memory_bytes       BIGINT UNSIGNED NULL, -- resident, with its child processes
  ADD COLUMN slots              INT UNSIGNED    NOT NULL DEFAULT 0; -- jobs at a time

-- Rows in `workers` go away after a day; what ran a job is still asked later.
ALTER TABLE job_attempts
  ADD COLUMN worker_name VARCHAR(128) NULL,
  ADD COLUMN version     VARCHAR(32)  NULL;

-- What operators and owners did to a job: part of its timeline. The audit log has it too.
CREATE TABLE job_actions (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  job_id     BINARY(16)   NOT NULL,
  action     ENUM('retry','cancel','discard') NOT NULL,
  actor_id   BINARY(16)   NULL, -- none: the system
  reason     VARCHAR(500) NOT NULL,
  before_state VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  after_state  VARCHAR(12) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME(6)  NOT NULL,
  KEY job_actions_job (job_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One action on many jobs, done step by step by a job of its own.
CREATE TABLE bulk_actions (
  id          BINARY(16)      NOT NULL PRIMARY KEY,
  action      ENUM('retry','cancel','discard') NOT NULL,
  filter      JSON            NOT NULL,
  reason      VARCHAR(500)    NOT NULL,
  actor_id    BINARY(16)      NULL,
  per_second  INT UNSIGNED    NULL,
  matched     BIGINT UNSIGNED NOT NULL, -- when it was asked for; 10,001 means more than 10,000
  until_id    BINARY(16)      NOT NULL, -- jobs that came later are left alone
  cursor_id   BINARY(16)      NULL, -- done up to here
  changed     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  skipped     BIGINT UNSIGNED NOT NULL DEFAULT 0,
  job_id      BINARY(16)      NOT NULL,
  created_at  DATETIME(6)     NOT NULL,
  finished_at DATETIME(6)     NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
