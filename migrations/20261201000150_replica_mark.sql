-- A number that the API raises at the primary and looks for at the replica: how far behind it is.
CREATE TABLE replica_mark (
  id     TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  number BIGINT UNSIGNED  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO replica_mark (id, number) VALUES (1, 0);
