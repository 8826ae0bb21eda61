-- The read-only maintenance mode: it is on while there is the one row.
CREATE TABLE maintenance_mode (
  id                  TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  reason              VARCHAR(500)     NOT NULL,
  retry_after_seconds INT UNSIGNED     NOT NULL,
  actor_id            BINARY(16)       NULL,
  began_at            DATETIME(6)      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
