-- Second factors that were never switched on, the oldest first, for their end.
ALTER TABLE second_factors ADD KEY second_factors_unfinished (enabled_at, created_at);
