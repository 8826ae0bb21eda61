-- So that what names a person is found without reading the whole table.
ALTER TABLE downloads ADD KEY downloads_user (user_id);
