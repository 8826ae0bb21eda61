-- Schedules that can be seen and steered, sealed exports of the audit log, and what retention has to know.

-- The scheduler writes its table here when it starts, so that the API can show it; the last table written counts.
ALTER TABLE cron_entries
  ADD COLUMN kind           VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '', -- of the job
  ADD COLUMN expression     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  ADD COLUMN zone           VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'UTC',
  ADD COLUMN jitter_seconds INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN catch_up       VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'once', -- skip, once, all:N
  ADD COLUMN enabled        BOOLEAN      NOT NULL DEFAULT TRUE, -- false: switched off by configuration
  ADD COLUMN upcoming       JSON         NULL, -- the next five ticks
  ADD COLUMN seen_at        DATETIME(6)  NULL, -- when a scheduler with this definition last looked; every 5 s
  ADD COLUMN paused_at      DATETIME(6)  NULL,
  ADD COLUMN paused_until   DATETIME(6)  NULL, -- NULL: until resumed
  ADD COLUMN pause_reason   VARCHAR(500) NULL,
  ADD COLUMN paused_by      BINARY(16)   NULL;

ALTER TABLE cron_ticks
  MODIFY COLUMN job_id BINARY(16) NULL,
  ADD COLUMN outcome  ENUM('fired','missed','skipped','manual') NOT NULL DEFAULT 'fired',
  ADD COLUMN fired_by VARCHAR(128) NULL, -- the scheduler
  ADD COLUMN actor_id BINARY(16)   NULL, -- of a manual one
  ADD COLUMN reason   VARCHAR(500) NULL;

-- A range of the audit log in the object store. Planned first, so that a repeat after a crash writes the same bytes
-- under the same name; sealed once file and manifest are there.
CREATE TABLE audit_exports (
  first_seq         BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  last_seq          BIGINT UNSIGNED NOT NULL,
  file_key          VARCHAR(255) NOT NULL,
  manifest_key      VARCHAR(255) NOT NULL,
  previous_hash     BINARY(32)   NOT NULL, -- of the row before the first
  last_hash         BINARY(32)   NOT NULL, -- of the last row
  previous_manifest BINARY(32)   NOT NULL, -- SHA-256 of the manifest before; zeros for the first
  file_sha256       BINARY(32)   NULL,
  file_bytes        BIGINT UNSIGNED NULL,
  manifest_sha256   BINARY(32)   NULL,
  planned_at        DATETIME(6)  NOT NULL,
  sealed_at         DATETIME(6)  NULL,
  UNIQUE KEY audit_exports_last (last_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What each look through the object store found.
CREATE TABLE storage_reports (
  id              BINARY(16)   NOT NULL PRIMARY KEY, -- of the job
  started_at      DATETIME(6)  NOT NULL,
  finished_at     DATETIME(6)  NOT NULL,
  objects         BIGINT UNSIGNED NOT NULL,
  bytes           BIGINT UNSIGNED NOT NULL,
  orphans         BIGINT UNSIGNED NOT NULL, -- objects without a row, younger ones included
  removed         BIGINT UNSIGNED NOT NULL,
  removed_bytes   BIGINT UNSIGNED NOT NULL,
  unknown_objects BIGINT UNSIGNED NOT NULL, -- names that are none of ours; never removed
  checked_rows    BIGINT UNSIGNED NOT NULL,
  missing         BIGINT UNSIGNED NOT NULL, -- rows whose object is not there
  samples         JSON         NOT NULL, -- up to 100 keys of each sort
  KEY storage_reports_finished (finished_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What retention has done to a deleted nano.
ALTER TABLE nanos
  ADD COLUMN deleted_at      DATETIME(6) NULL,
  ADD COLUMN files_purged_at DATETIME(6) NULL,
  ADD COLUMN anonymised_at   DATETIME(6) NULL,
  ADD KEY nanos_deleted (status, deleted_at);

ALTER TABLE email_tokens ADD KEY email_tokens_expiry (expires_at);
ALTER TABLE refresh_tokens ADD KEY refresh_tokens_expiry (expires_at);
ALTER TABLE downloads ADD KEY downloads_day (day);
