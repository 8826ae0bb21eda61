-- Child processes that died under a job while their worker lived; the third quarantines.
ALTER TABLE jobs ADD COLUMN crashes INT UNSIGNED NOT NULL DEFAULT 0 AFTER lost;
