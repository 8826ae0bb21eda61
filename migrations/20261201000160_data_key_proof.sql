-- A word sealed with the data key of this database, by which programs know at their start whether theirs is the right one.
CREATE TABLE data_key_proof (
  id         TINYINT UNSIGNED NOT NULL PRIMARY KEY, -- always 1
  sealed     VARBINARY(255)   NOT NULL,
  updated_at DATETIME(6)      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
