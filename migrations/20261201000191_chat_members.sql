-- The two people of a chat, and how far each has read.
CREATE TABLE chat_members (
  session_id BINARY(16)   NOT NULL,
  user_id    BINARY(16)   NOT NULL,
  read_seq   INT UNSIGNED NOT NULL DEFAULT 0,
  read_at    DATETIME(6)  NULL,
  unread     INT UNSIGNED NOT NULL DEFAULT 0, -- messages of the other one behind read_seq
  mail_at    DATETIME(6)  NULL,               -- when a mail may tell of them; NULL: nothing to tell, or told
  active_at  DATETIME(6)  NOT NULL,           -- the session's, for the order of the list
  PRIMARY KEY (session_id, user_id),
  KEY chat_members_list (user_id, active_at, session_id),
  KEY chat_members_unread (user_id, unread),
  KEY chat_members_mail (mail_at, user_id),
  CONSTRAINT chat_members_session_fk FOREIGN KEY (session_id) REFERENCES chat_sessions (id),
  CONSTRAINT chat_members_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
