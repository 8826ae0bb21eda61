-- One event told to one endpoint. No foreign keys: whoever publishes waits for nobody who edits an endpoint.
CREATE TABLE webhook_deliveries (
  id           BINARY(16)   NOT NULL PRIMARY KEY,
  webhook_id   BINARY(16)   NOT NULL,
  event_id     BINARY(16)   NOT NULL,
  state        ENUM('pending','delivered','failed') NOT NULL DEFAULT 'pending',
  attempts     INT UNSIGNED NOT NULL DEFAULT 0, -- all there were
  round        INT UNSIGNED NOT NULL DEFAULT 1, -- raised when its owner asks for it once more
  tries        INT UNSIGNED NOT NULL DEFAULT 0, -- attempts of this round
  next_at      DATETIME(6)  NULL,               -- about when it is tried again
  delivered_at DATETIME(6)  NULL,
  created_at   DATETIME(6)  NOT NULL,
  updated_at   DATETIME(6)  NOT NULL,
  UNIQUE KEY webhook_deliveries_once (webhook_id, event_id),
  KEY webhook_deliveries_list (webhook_id, id),
  KEY webhook_deliveries_event (event_id),
  KEY webhook_deliveries_age (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
