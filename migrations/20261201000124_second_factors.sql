-- Authenticator apps (TOTP, RFC 6238), one a person, and the codes for whoever has lost theirs.
CREATE TABLE second_factors (
  user_id    BINARY(16)      NOT NULL PRIMARY KEY,
  secret     VARBINARY(255)  NOT NULL, -- sealed with DATA_KEY
  last_step  BIGINT UNSIGNED NULL,     -- of the newest code that was taken: it and those before are not taken again
  enabled_at DATETIME(6)     NULL,     -- not yet: it is being set up, and nobody is asked for it
  created_at DATETIME(6)     NOT NULL,
  CONSTRAINT second_factors_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE recovery_codes (
  user_id    BINARY(16)  NOT NULL,
  code_hash  BINARY(32)  NOT NULL,
  used_at    DATETIME(6) NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (user_id, code_hash),
  CONSTRAINT recovery_codes_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
