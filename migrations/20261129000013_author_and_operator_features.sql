-- For operators: a pause of everything, completed jobs that run once more, changes of jobs that wait.
ALTER TABLE queue_pauses MODIFY COLUMN scope ENUM('queue','kind','all') NOT NULL;
ALTER TABLE job_actions MODIFY COLUMN action ENUM('retry','cancel','discard','rerun','change') NOT NULL;
ALTER TABLE job_actions ADD COLUMN details JSON NULL; -- of a change: what it was, and what it is
ALTER TABLE bulk_actions MODIFY COLUMN action ENUM('retry','cancel','discard','rerun') NOT NULL;

-- For authors: the job that stands for its unique key until a time, also once it has completed.
CREATE TABLE unique_windows (
  unique_hash BINARY(32)  NOT NULL PRIMARY KEY,
  job_id      BINARY(16)  NOT NULL,
  until_at    DATETIME(6) NOT NULL,
  KEY unique_windows_until (until_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What a kind counts by, against the limits that are for each tenant, instead of the tenant: a hash of its words.
ALTER TABLE jobs ADD COLUMN limit_key BINARY(16) NULL;

-- What it means for a flow that one of its jobs is given up: its parent waits, is cancelled, or goes on without it.
ALTER TABLE flows ADD COLUMN on_given_up ENUM('hold','cancel','continue') NOT NULL DEFAULT 'hold';
-- Counted as done although it was given up.
ALTER TABLE flow_children ADD COLUMN given_up BOOLEAN NOT NULL DEFAULT FALSE;
