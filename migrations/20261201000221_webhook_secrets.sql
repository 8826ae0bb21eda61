-- What messages to endpoints are signed with: the newest, and replaced ones for a while.
CREATE TABLE webhook_secrets (
  id         BINARY(16)     NOT NULL PRIMARY KEY,
  webhook_id BINARY(16)     NOT NULL,
  sealed     VARBINARY(255) NOT NULL, -- with DATA_KEY
  expires_at DATETIME(6)    NULL,     -- absent: the newest
  created_at DATETIME(6)    NOT NULL,
  KEY webhook_secrets_webhook (webhook_id, id),
  KEY webhook_secrets_expiry (expires_at),
  CONSTRAINT webhook_secrets_webhook_fk FOREIGN KEY (webhook_id) REFERENCES webhooks (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
