-- So that what names a person is found without reading the whole table.
ALTER TABLE email_deliveries
  ADD KEY email_deliveries_user (user_id),
  ADD KEY email_deliveries_recipient (recipient);
