-- The first catalogue. Ids are fixed, so that every installation names the same categories alike.

INSERT INTO categories (id, parent_id, slug, name_de, name_en) VALUES
  (UNHEX('01930000000070008000000000000001'), NULL, 'office',      'Büro',              'Office'),
  (UNHEX('01930000000070008000000000000002'), NULL, 'programming', 'Programmieren',     'Programming'),
  (UNHEX('01930000000070008000000000000003'), NULL, 'photography', 'Fotografie',        'Photography'),
  (UNHEX('01930000000070008000000000000004'), NULL, 'audio',       'Audio',             'Audio'),
  (UNHEX('01930000000070008000000000000005'), NULL, 'data',        'Daten',             'Data'),
  (UNHEX('01930000000070008000000000000006'), NULL, 'design',      'Gestaltung',        'Design'),
  (UNHEX('01930000000070008000000000000007'), NULL, 'languages',   'Sprachen',          'Languages'),
  (UNHEX('01930000000070008000000000000008'), NULL, 'business',    'Wirtschaft',        'Business');

INSERT INTO categories (id, parent_id, slug, name_de, name_en) VALUES
  (UNHEX('01930000000070008000000000000011'), UNHEX('01930000000070008000000000000001'), 'excel',       'Excel',            'Excel'),
  (UNHEX('01930000000070008000000000000012'), UNHEX('01930000000070008000000000000002'), 'git',         'Git',              'Git'),
  (UNHEX('01930000000070008000000000000013'), UNHEX('01930000000070008000000000000005'), 'statistics',  'Statistik',        'Statistics');
