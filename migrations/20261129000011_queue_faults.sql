-- The queue under the faults of real fleets: keys that come back, cancels of one run, children that count once, limits that
-- are counted, workers that say what they know.

-- The hash of the uniqueness key stays with the job, so that a retry is live under it again.
ALTER TABLE jobs ADD COLUMN unique_hash BINARY(32) NULL;
UPDATE jobs SET unique_hash = unique_live WHERE unique_live IS NOT NULL;

-- A cancel is meant for the run that was under way when it was asked for.
ALTER TABLE job_cancels ADD COLUMN run INT UNSIGNED NOT NULL DEFAULT 0;
UPDATE job_cancels c JOIN jobs j ON j.id = c.job_id SET c.run = j.runs;

-- A child counts once, however often it completes.
ALTER TABLE flow_children ADD COLUMN done BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE flow_children c JOIN jobs j ON j.id = c.job_id SET c.done = TRUE WHERE j.state = 'completed';

-- How much of a limited kind runs just now: changed with the claims and the ends of its runs, and counted anew every second.
ALTER TABLE job_limits ADD COLUMN running INT UNSIGNED NOT NULL DEFAULT 0;
CREATE TABLE limit_tenants (
  kind    VARCHAR(48)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  tenant  BINARY(16)   NOT NULL,
  running INT UNSIGNED NOT NULL,
  PRIMARY KEY (kind, tenant)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- The kinds that a worker knows, each with the newest version of its arguments (`publish_version:1,…`). NULL: of an older
-- build, which takes whatever comes.
ALTER TABLE workers ADD COLUMN kinds TEXT CHARACTER SET ascii COLLATE ascii_bin NULL;
