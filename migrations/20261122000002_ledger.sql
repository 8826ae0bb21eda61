-- The ledger: a job is a row here. Redis only carries tickets (docs: ARCHITECTURE.md, "The queue").

CREATE TABLE jobs (
  id           BINARY(16)   NOT NULL PRIMARY KEY,
  kind         VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  args_version SMALLINT UNSIGNED NOT NULL,
  queue        VARCHAR(24)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  priority     TINYINT UNSIGNED NOT NULL DEFAULT 2, -- band: 0 first … 4 last
  tenant       BINARY(16)   NOT NULL,
  state        ENUM('available','scheduled','running','retryable','waiting','blocked','completed','cancelled','discarded','quarantined') NOT NULL,
  unique_live  BINARY(32)   NULL, -- SHA-256 of the uniqueness key while the job is live
  again        BOOLEAN      NOT NULL DEFAULT FALSE, -- enqueued again while running: completion re-queues it
  token        BINARY(16)   NULL, -- of the claiming batch; with id and runs it is the fence
  runs         INT UNSIGNED NOT NULL DEFAULT 0, -- claims; never goes back
  failures     INT UNSIGNED NOT NULL DEFAULT 0, -- outcomes that burnt an attempt
  max_failures INT UNSIGNED NOT NULL,
  lost         INT UNSIGNED NOT NULL DEFAULT 0, -- runs lost with their process; costs no attempt
  run_at       DATETIME(6)  NOT NULL,
  worker_id    BINARY(16)   NULL, -- the incarnation that runs it
  flow_id      BINARY(16)   NULL, -- the flow this job is a child of
  trace_parent VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  error_fingerprint BINARY(16) NULL,
  created_at   DATETIME(6)  NOT NULL,
  started_at   DATETIME(6)  NULL, -- of the last claim
  finished_at  DATETIME(6)  NULL,
  UNIQUE KEY jobs_unique_live (unique_live),
  KEY jobs_feed (queue, state, tenant, priority, run_at, id),
  KEY jobs_due (state, run_at),
  KEY jobs_worker (worker_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE job_payloads (
  job_id BINARY(16) NOT NULL PRIMARY KEY,
  args   JSON       NOT NULL -- at most 64 KiB, ids not payloads
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE job_progress (
  job_id     BINARY(16)   NOT NULL PRIMARY KEY,
  done       BIGINT UNSIGNED NOT NULL,
  total      BIGINT UNSIGNED NULL,
  note       VARCHAR(200) NOT NULL DEFAULT '',
  updated_at DATETIME(6)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE job_refs (
  ref_type VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  ref_id   BINARY(16)  NOT NULL,
  job_id   BINARY(16)  NOT NULL,
  PRIMARY KEY (ref_type, ref_id, job_id),
  KEY job_refs_job (job_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row per finished run, except for a plain first success.
CREATE TABLE job_attempts (
  job_id      BINARY(16)   NOT NULL,
  run         INT UNSIGNED NOT NULL,
  worker_id   BINARY(16)   NULL,
  outcome     ENUM('completed','retry','snoozed','cancelled','discarded','lost','handed_back','parked') NOT NULL,
  error_class VARCHAR(32)  CHARACTER SET ascii COLLATE ascii_bin NULL,
  error       TEXT         NULL,
  started_at  DATETIME(6)  NULL,
  finished_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (job_id, run)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- A flow: when its last child completes, the waiting parent is released.
CREATE TABLE flows (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  parent_id  BINARY(16)   NOT NULL,
  pending    INT UNSIGNED NOT NULL,
  created_at DATETIME(6)  NOT NULL,
  UNIQUE KEY flows_parent (parent_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row per worker incarnation: the lease of every job it runs.
CREATE TABLE workers (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  name       VARCHAR(128) NOT NULL,
  version    VARCHAR(32)  NOT NULL,
  queues     VARCHAR(255) NOT NULL,
  state      ENUM('alive','draining','stopped','dead') NOT NULL DEFAULT 'alive',
  seen_tick  BIGINT UNSIGNED NOT NULL, -- of queue_clock
  started_at DATETIME(6)  NOT NULL,
  seen_at    DATETIME(6)  NOT NULL,
  KEY workers_state (state, seen_tick)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Advances by at most 1 per second of database time, only while somebody can reach the database:
-- leases are counted in its ticks, so none ages during an outage or a clock jump.
CREATE TABLE queue_clock (
  id         TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  tick       BIGINT UNSIGNED  NOT NULL,
  ticked_at  DATETIME(6)      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO queue_clock (id, tick, ticked_at) VALUES (1, 0, '2000-01-01 00:00:00');

CREATE TABLE cron_entries (
  name     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  last_due DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE cron_ticks (
  entry      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  due        DATETIME(6) NOT NULL,
  job_id     BINARY(16)  NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (entry, due)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
