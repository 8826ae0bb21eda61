-- The ledger's hot path writes fewer indexes, and one worker at a time looks after a queue.

-- A job on its straight way (available, running, completed) moves in one index only, `jobs_feed`. What is due is
-- found by a column that stays NULL on that way; running jobs are found through `jobs_feed`; old ones by their id,
-- which is in the order of creation.
ALTER TABLE jobs
  DROP KEY jobs_due,
  DROP KEY jobs_worker,
  ADD COLUMN due_at DATETIME(6) GENERATED ALWAYS AS (CASE WHEN state IN ('scheduled', 'retryable') THEN run_at END) STORED,
  ADD KEY jobs_due (due_at);

-- Who feeds a queue or sweeps the ledger just now. An optimisation: without it every worker would do it all.
CREATE TABLE queue_leases (
  name       VARCHAR(48) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  holder     BINARY(16)  NOT NULL,
  renewed_at DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
