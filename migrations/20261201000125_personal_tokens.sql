-- Access tokens that people make for their scripts; shown once, kept as a hash.
CREATE TABLE personal_tokens (
  id           BINARY(16)   NOT NULL PRIMARY KEY,
  user_id      BINARY(16)   NOT NULL,
  name         VARCHAR(100) NOT NULL,
  token_hash   BINARY(32)   NOT NULL,
  scopes       JSON         NOT NULL, -- words of domain::token::Scope
  expires_at   DATETIME(6)  NOT NULL,
  last_used_at DATETIME(6)  NULL,     -- to the minute
  revoked_at   DATETIME(6)  NULL,
  created_at   DATETIME(6)  NOT NULL,
  UNIQUE KEY personal_tokens_hash (token_hash),
  KEY personal_tokens_user (user_id, id),
  KEY personal_tokens_expiry (expires_at),
  CONSTRAINT personal_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
