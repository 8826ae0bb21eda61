-- Lists of nanos that people keep for themselves, or show to whoever has the link.
CREATE TABLE saved_lists (
  id          BINARY(16)   NOT NULL PRIMARY KEY,
  user_id     BINARY(16)   NOT NULL,
  name        VARCHAR(100) NOT NULL,
  description VARCHAR(500) NOT NULL DEFAULT '',
  share_hash  BINARY(32)   NULL, -- of the secret in the link; absent: nobody else sees it
  revision    INT UNSIGNED NOT NULL DEFAULT 1,
  created_at  DATETIME(6)  NOT NULL,
  updated_at  DATETIME(6)  NOT NULL,
  UNIQUE KEY saved_lists_share (share_hash),
  KEY saved_lists_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
