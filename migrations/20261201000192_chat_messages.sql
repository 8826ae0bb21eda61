-- Messages, numbered 1, 2, 3 … in each chat. Their times grow with the numbers.
CREATE TABLE chat_messages (
  session_id BINARY(16)    NOT NULL,
  seq        INT UNSIGNED  NOT NULL,
  id         BINARY(16)    NOT NULL, -- the sender's own: what is sent again is kept once
  sender_id  BINARY(16)    NOT NULL,
  text       VARCHAR(1000) NOT NULL,
  created_at DATETIME(6)   NOT NULL,
  read_at    DATETIME(6)   NULL,     -- by the other one
  removed_at DATETIME(6)   NULL,     -- by a moderator, or with its sender's account; the text is empty then
  PRIMARY KEY (session_id, seq),
  UNIQUE KEY chat_messages_id (session_id, sender_id, id),
  KEY chat_messages_time (session_id, created_at),
  CONSTRAINT chat_messages_session_fk FOREIGN KEY (session_id) REFERENCES chat_sessions (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
