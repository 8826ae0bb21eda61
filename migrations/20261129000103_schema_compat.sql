-- The newest migration that programs must know to work with this schema; raised by migrations that take something away.
CREATE TABLE schema_compat (
  id    TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  needs BIGINT           NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO schema_compat (id, needs) VALUES (1, 0);
