-- What people have agreed to: which version of what, when, and until when. Rows are kept as evidence.
CREATE TABLE consents (
  id           BINARY(16)  NOT NULL PRIMARY KEY,
  user_id      BINARY(16)  NOT NULL,
  subject      ENUM('terms','privacy','marketing') NOT NULL,
  version      VARCHAR(16) NOT NULL,
  given_at     DATETIME(6) NOT NULL,
  withdrawn_at DATETIME(6) NULL,
  KEY consents_user (user_id, subject, given_at),
  CONSTRAINT consents_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
