-- For job authors: jobs that are no use after a while, and long work that goes on where it stopped.

-- After this a job is not begun and not tried again. NULL: never too late.
ALTER TABLE jobs ADD COLUMN deadline_at DATETIME(6) NULL;

-- How far a job's work is, in its own words; for the next attempt of a build whose arguments have the same version.
CREATE TABLE job_checkpoints (
  job_id     BINARY(16)        NOT NULL PRIMARY KEY,
  version    SMALLINT UNSIGNED NOT NULL,
  position   JSON              NOT NULL, -- at most 4 KiB
  updated_at DATETIME(6)       NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
