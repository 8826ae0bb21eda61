-- Mails whose job was given up before they were sent: unlike a refused one, such a mail goes out when its job is retried.
ALTER TABLE email_deliveries
  MODIFY state ENUM('queued','sending','sent','failed','ambiguous','given_up') NOT NULL DEFAULT 'queued';

-- When a bulk action was cancelled or given up; a retry goes on at its cursor.
ALTER TABLE bulk_actions ADD COLUMN stopped_at DATETIME(6) NULL;
