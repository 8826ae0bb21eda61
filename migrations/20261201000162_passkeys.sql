-- Passkeys (WebAuthn), several a person: each is a second factor, and lets its owner in without a password.
CREATE TABLE passkeys (
  id            BINARY(16)      NOT NULL PRIMARY KEY,
  user_id       BINARY(16)      NOT NULL,
  credential_id VARBINARY(1023) NOT NULL, -- as its authenticator names it
  name          VARCHAR(100)    NOT NULL,
  credential    JSON            NOT NULL, -- public key, counter, flags; nothing secret
  last_used_at  DATETIME(6)     NULL,
  created_at    DATETIME(6)     NOT NULL,
  UNIQUE KEY passkeys_credential (credential_id),
  KEY passkeys_user (user_id, created_at),
  CONSTRAINT passkeys_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Challenges that wait for an answer of an authenticator, for minutes; each is taken once.
CREATE TABLE passkey_ceremonies (
  id         BINARY(16)  NOT NULL PRIMARY KEY,
  user_id    BINARY(16)  NULL, -- who adds a passkey; nobody where one is asked for
  state      JSON        NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  KEY passkey_ceremonies_expiry (expires_at),
  KEY passkey_ceremonies_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
