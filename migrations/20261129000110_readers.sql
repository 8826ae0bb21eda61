-- What keeps a worker's readers of hostile files from being wholly confined, for people; '' when nothing does, NULL while
-- nobody has looked.
ALTER TABLE workers ADD COLUMN unconfined VARCHAR(255) NULL;
