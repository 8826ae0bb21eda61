-- Alerts that reach people without Prometheus: what is wrong and since when, what was said of it to whom, and when each schedule
-- last succeeded.

ALTER TABLE cron_entries
  ADD COLUMN last_success_at DATETIME(6) NULL, -- when a job of it last completed
  -- Since when a success is waited for: since the entry has these times, or since it was let go on.
  ADD COLUMN awaited_from DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6);

CREATE TABLE alerts (
  name    VARCHAR(96)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- of the condition, and what it is about
  state   ENUM('pending','firing','over') NOT NULL,
  since   DATETIME(6)  NOT NULL, -- the condition holds
  seen_at DATETIME(6)  NOT NULL, -- and was last seen to hold
  news_at DATETIME(6)  NULL, -- the newest of what it counts that was told
  told_at DATETIME(6)  NULL, -- people were last told
  over_at DATETIME(6)  NULL,
  summary VARCHAR(500) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- What is to be told, to one addressee each.
CREATE TABLE alert_notices (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  channel    ENUM('mail','webhook') NOT NULL,
  recipient  VARCHAR(320) NOT NULL, -- of a mail
  events     JSON         NOT NULL,
  state      ENUM('waiting','sent','given_up') NOT NULL DEFAULT 'waiting',
  attempts   INT UNSIGNED NOT NULL DEFAULT 0,
  due_at     DATETIME(6)  NOT NULL, -- the next attempt; of one under way, when it counts as lost
  error      VARCHAR(500) NULL, -- of the last attempt
  created_at DATETIME(6)  NOT NULL,
  KEY alert_notices_due (state, channel, due_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
