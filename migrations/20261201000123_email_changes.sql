-- The address that somebody wants instead of their own, until they follow the link that is mailed there.
CREATE TABLE email_changes (
  user_id    BINARY(16)   NOT NULL PRIMARY KEY,
  email      VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_at DATETIME(6)  NOT NULL,
  KEY email_changes_created (created_at),
  CONSTRAINT email_changes_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
