//! The tables of personal data in `docs/data-protection.md`: every column that could hold some is in them, or in the list of
//! those that hold none.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tests::TestApp;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/data-protection.md");
const WITHOUT: &str = "## Columns without personal data";
/// Texts, blobs, documents and ids. Times, numbers and states stand beside them.
const COLUMNS: &str = "SELECT c.table_name, c.column_name FROM information_schema.columns c
   JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
 WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND t.table_name <> '_sqlx_migrations'
   AND c.data_type IN ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'json', 'binary', 'varbinary',
                       'tinyblob', 'blob', 'mediumblob', 'longblob')";

/// What the page says of columns, each as `table.column`.
#[derive(Default)]
struct Page {
    /// With the number of filled cells of its row.
    personal: BTreeMap<String, usize>,
    without: BTreeSet<String>,
    /// Names of columns that hold nothing personal in any table.
    names: BTreeSet<String>,
}

/// The words in backticks that name a column.
fn columns(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|word| word.contains('.'))
}

impl Page {
    fn read(text: &str) -> Self {
        let (tables, lists) = text.split_once(WITHOUT).expect("the page has both parts");
        let mut page = Self::default();
        for row in tables.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
            for column in columns(cells[0]) {
                let before = page.personal.insert(column.to_owned(), filled);
                assert_eq!(before, None, "{column} has two rows");
            }
        }
        for column in columns(lists) {
            match column.strip_prefix("*.") {
                Some(name) => page.names.insert(name.to_owned()),
                None => page.without.insert(column.to_owned()),
            };
        }
        page
    }

    /// What does not fit the schema, a sentence each.
    fn faults(&self, schema: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        for column in schema {
            let name = column.split_once('.').map_or("", |(_, name)| name);
            let places = [self.personal.contains_key(column), self.without.contains(column)];
            match places.into_iter().filter(|there| *there).count() {
                0 if self.names.contains(name) => {}
                0 => faults.push(format!(
                    "{column} is new: write into docs/data-protection.md what it says about people, why, how long and who \
                     erases it, or that it says nothing"
                )),
                1 => {}
                _ => faults.push(format!("{column} is said to hold personal data, and to hold none")),
            }
        }
        let known = self.personal.keys().chain(&self.without);
        faults.extend(known.filter(|column| !schema.contains(*column)).map(|column| format!("{column} is gone")));
        for name in &self.names {
            let ending = format!(".{name}");
            if !schema.iter().any(|column| column.ends_with(&ending)) {
                faults.push(format!("no table has a column {name}"));
            }
        }
        let short = self.personal.iter().filter(|(_, filled)| **filled != 5);
        faults.extend(short.map(|(column, _)| format!("the row of {column} has an empty cell")));
        faults
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_with_personal_data_is_in_the_table() {
    let app = TestApp::start().await;
    let found: Vec<(String, String)> = sqlx::query_as(COLUMNS).fetch_all(app.db.pool()).await.unwrap();
    let schema: BTreeSet<String> = found.into_iter().map(|(table, column)| format!("{table}.{column}")).collect();
    assert!(schema.contains("users.email") && schema.contains("chat_messages.text"), "{schema:?}");
    let page = Page::read(&std::fs::read_to_string(Path::new(PAGE)).unwrap());
    let faults = page.faults(&schema);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    app.finish().await;
}

#[test]
fn what_the_comparison_finds() {
    let schema = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect::<BTreeSet<_>>();
    let text = format!(
        "| columns | what |\n| --- | --- |\n| `users.email` | address | mails | until erasure | `erase_person` |\n\n{WITHOUT}\n\n\
         In every table, by name: `*.id`.\n\n- `alerts.name`\n"
    );
    let page = Page::read(&text);
    let whole = ["users.id", "users.email", "alerts.name"];
    assert_eq!(page.faults(&schema(&whole)), [""; 0]);
    let new = page.faults(&schema(&[&whole[..], &["users.phone"]].concat()));
    assert!(new.len() == 1 && new[0].starts_with("users.phone is new"), "{new:?}");
    assert_eq!(page.faults(&schema(&["users.id", "users.email"])), ["alerts.name is gone"]);
    assert_eq!(page.faults(&schema(&["users.email", "alerts.name"])), ["no table has a column id"]);
    let hasty = Page::read(&text.replace("until erasure", ""));
    assert_eq!(hasty.faults(&schema(&whole)), ["the row of users.email has an empty cell"]);
    let twice = Page::read(&text.replace("`alerts.name`", "`alerts.name`, `users.email`"));
    assert_eq!(twice.faults(&schema(&whole)), ["users.email is said to hold personal data, and to hold none"]);
}
