-- What could not be pictured of a version, for its creator: a list of {entry, code, hint: {de, en}}.
ALTER TABLE nano_versions ADD COLUMN thumbnail_notes JSON NULL;
