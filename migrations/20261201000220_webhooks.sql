-- Endpoints that people have told of what happens to their nanos.
CREATE TABLE webhooks (
  id            BINARY(16)    NOT NULL PRIMARY KEY,
  user_id       BINARY(16)    NOT NULL,
  name          VARCHAR(100)  NOT NULL,
  url           VARCHAR(2000) NOT NULL,
  events        JSON          NOT NULL, -- words of domain::webhook::WebhookEvent
  disabled_for  ENUM('owner','failures') NULL,
  disabled_at   DATETIME(6)   NULL,
  failing_since DATETIME(6)   NULL,     -- the first failed attempt after which none has succeeded
  revision      INT UNSIGNED  NOT NULL DEFAULT 1,
  created_at    DATETIME(6)   NOT NULL,
  updated_at    DATETIME(6)   NOT NULL,
  KEY webhooks_user (user_id, id),
  CONSTRAINT webhooks_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
