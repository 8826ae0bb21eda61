-- How often a nano was edited. An edit names the revision it was made from, so that of two at once one is refused.
ALTER TABLE nanos ADD COLUMN revision INT UNSIGNED NOT NULL DEFAULT 1;
