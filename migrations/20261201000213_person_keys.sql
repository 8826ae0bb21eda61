-- Keys that seal what the audit log says of one person. Without the key nobody reads it any more, in the database, in exports and in
-- backups that are younger than the row's end, and the chain of hashes still holds.
CREATE TABLE person_keys (
  user_id    BINARY(16)    NOT NULL PRIMARY KEY,
  secret     VARBINARY(32) NOT NULL,
  created_at DATETIME(6)   NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
