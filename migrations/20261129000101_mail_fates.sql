-- Which run of its job hands a mail over: only that run writes what became of it. And since when, and how often, the
-- recipient's server has asked for later.
ALTER TABLE email_deliveries
  ADD COLUMN sending_run    INT UNSIGNED      NULL,
  ADD COLUMN deferrals      SMALLINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN deferred_since DATETIME(6)       NULL;
