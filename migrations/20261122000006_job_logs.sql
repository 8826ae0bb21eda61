-- What a job's runs said: a bounded number of lines for each, of the newest runs only.

CREATE TABLE job_logs (
  job_id  BINARY(16)        NOT NULL,
  run     INT UNSIGNED      NOT NULL,
  seq     SMALLINT UNSIGNED NOT NULL, -- from 1; at most 200 a run
  at      DATETIME(6)       NOT NULL,
  level   ENUM('debug','info','warn','error') NOT NULL,
  message VARCHAR(1024)     NOT NULL,
  fields  JSON              NULL, -- with the message at most 1 KiB
  PRIMARY KEY (job_id, run, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
