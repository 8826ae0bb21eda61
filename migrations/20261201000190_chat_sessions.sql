-- Chats: two people about one nano. The row is locked while something is added: numbers and times of messages follow from it.
CREATE TABLE chat_sessions (
  id              BINARY(16)   NOT NULL PRIMARY KEY,
  nano_id         BINARY(16)   NOT NULL,
  consumer_id     BINARY(16)   NOT NULL,
  creator_id      BINARY(16)   NOT NULL, -- who it was when the chat began
  state           ENUM('open','archived','closed') NOT NULL DEFAULT 'open',
  last_seq        INT UNSIGNED NOT NULL DEFAULT 0, -- of the newest message
  revision        INT UNSIGNED NOT NULL DEFAULT 0, -- raised by whatever the people in the chat should see
  last_message_at DATETIME(6)  NULL,
  active_at       DATETIME(6)  NOT NULL,
  closed_at       DATETIME(6)  NULL,
  created_at      DATETIME(6)  NOT NULL,
  UNIQUE KEY chat_sessions_people (nano_id, consumer_id, creator_id),
  KEY chat_sessions_idle (state, active_at),
  CONSTRAINT chat_sessions_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
