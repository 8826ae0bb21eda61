//! Code that the documents show: it is code of the repository, word for word, so it compiles and does what they say.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const DOCUMENTS: [&str; 2] = ["CONTRIBUTING.md", "docs/jobs.md"];
/// Stands where a passage leaves something out.
const LEFT_OUT: &str = "…";

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(Path::new(ROOT).join(file)).map_err(|error| format!("{file}: {error}"))
}

/// Text as it is compared: a document may indent a passage differently.
fn flush_left(text: &str) -> String {
    text.lines().map(str::trim_start).collect::<Vec<_>>().join("\n")
}

/// The blocks of Rust and SQL.
fn blocks(markdown: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if matches!(line.trim_start(), "```rust" | "```sql") {
            blocks.push(lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect());
        }
    }
    blocks
}

/// What is wrong with a block: its first line is a comment that names a file, the others are passages of it in their order.
fn fault(block: &[&str]) -> Option<String> {
    let Some((first, shown)) = block.split_first() else { return Some("an empty block".into()) };
    let file = first.trim_start().trim_start_matches(['/', '-']).trim();
    let source = match read(file) {
        Ok(source) => flush_left(&source),
        Err(error) => return Some(format!("the first line names the file, but {error}")),
    };
    let mut rest = source;
    for passage in shown.split(|line| line.trim().trim_start_matches(['/', '-']).trim() == LEFT_OUT) {
        let passage = flush_left(passage.join("\n").trim_matches('\n'));
        // Whole lines: half a line could say something else.
        match format!("\n{rest}\n").split_once(&format!("\n{passage}\n")) {
            Some((_, behind)) => rest = behind.to_owned(),
            None => return Some(format!("{file} does not say, or not in this place:\n{passage}")),
        }
    }
    None
}

#[test]
fn code_in_the_documents_is_code_of_the_repository() {
    for document in DOCUMENTS {
        let text = read(document).unwrap();
        let blocks = blocks(&text);
        assert!(blocks.len() >= 3, "{document} shows {} blocks of code", blocks.len());
        for block in blocks {
            assert_eq!(fault(&block), None, "{document}");
        }
    }
}

#[test]
fn operators_find_every_schedule_in_the_table() {
    let text = read("docs/operations.md").unwrap();
    for schedule in jobs::KINDS.schedules() {
        let row = format!("\n| `{}` |", schedule.line.name);
        assert!(text.contains(&row), "docs/operations.md, \"Schedules\", has no row of {}", schedule.line.name);
    }
}

#[test]
fn a_document_that_says_something_else_is_found() {
    let path = "// tests/it/documents.rs";
    assert!(fault(&[path, "use std::path"]).is_some(), "half a line");
    assert_eq!(fault(&[path, "use std::path::Path;", "// …", "#[test]"]), None);
    assert!(fault(&[path, "#[test]", "// …", "use std::path::Path;"]).is_some(), "in another order");
    assert!(fault(&["// tests/it/nowhere.rs", "x"]).is_some());
    assert_eq!(blocks("1. A\n\n   ```rust\n   // a\n     b\n   ```\n```\nmake\n```\n"), [["   // a", "     b"]]);
}

/// The source text of every crate.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap_or_default());
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules", "web"].contains(&name.as_str()) {
            sources(&path, text);
        } else if name.ends_with(".rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

/// How many tests and files a document names; each is there. Every second piece stands between backticks.
fn named(document: &str, code: &str) -> (usize, usize) {
    let text = read(document).unwrap();
    let (mut tests, mut files) = (0, 0);
    for named in text.split('`').skip(1).step_by(2) {
        let is_test = named.matches('_').count() >= 2
            && named.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_test {
            assert!(code.contains(&format!("fn {named}(")), "{document} names the test {named}");
            tests += 1;
        } else if named.contains('/') && !named.contains([' ', ':']) {
            let path = Path::new(ROOT).join(named);
            assert!(path.exists() || named.starts_with('/'), "{document} names {named}");
            files += 1;
        }
    }
    (tests, files)
}

#[test]
fn the_tests_and_files_that_tables_of_proofs_name_are_there() {
    let mut code = String::new();
    sources(Path::new(ROOT), &mut code);
    let (tests, files) = named("docs/security.md", &code);
    assert!(tests > 50 && files > 20, "{tests} tests and {files} files are named");
    let (tests, files) = named("docs/queue-faults.md", &code);
    assert!(tests > 40 && files > 0, "{tests} tests and {files} files are named");
}
