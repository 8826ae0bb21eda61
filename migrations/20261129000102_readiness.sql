-- What the API writes to find out whether the database takes writes.
CREATE TABLE write_probe (
  id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  at DATETIME(6)      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO write_probe (id, at) VALUES (1, UTC_TIMESTAMP(6));
