//! Every unzip program reads what we serve as the same files, whoever packed the upload: the archives that real
//! programs write here and now, and byte-faithful ones of programs that this machine does not have.

mod programs;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io::{BufWriter, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Mutex,
};

use archive::{EntryReader, FileSource, Options, ReadAt, Report, hostile};
use tests::archives;

use programs::{Extractor, Interpreter, Tree, command, hash, installed, run, tree_of};

/// Lessons as creators have them on their disks.
fn lessons(folder: &Path) {
    let noise = |seed: u32, size: u32| -> Vec<u8> {
        let mix = |n: u32| (n ^ seed).wrapping_mul(0x9e37_79b1).rotate_left(13).wrapping_mul(0x85eb_ca6b) >> 24;
        (0..size).map(|n| mix(n) as u8).collect()
    };
    let film = [b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".as_slice(), &noise(1, 300_000)].concat();
    let deep = (1..=15).map(|level| format!("Ebene {level}/")).collect::<String>() + "ganz unten.txt";
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("Lektion 1/Übung für Anfänger.txt".into(), "Grüße aus Köln\n".into()),
        // Decomposed, as macOS keeps names.
        ("Lektion 1/Lo\u{308}sung.md".into(), "# Lösung\n".into()),
        ("日本語/例題.md".into(), "# 例題\n".into()),
        ("中文练习/第一课.html".into(), "<!doctype html><title>第一课</title><p>你好</p>\n".into()),
        ("🎓 Los geht’s.txt".into(), "🎉\n".into()),
        ("Русский.txt".into(), "Привет\n".into()),
        ("leer.txt".into(), Vec::new()),
        (deep, "tief\n".into()),
        ("medien/bild.png".into(), archives::picture(320, 180)),
        ("medien/film.mp4".into(), film),
        ("medien/ton.mp3".into(), [b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0".as_slice(), &noise(2, 70_000)].concat()),
        ("lang.csv".into(), (0..60_000).map(|n| format!("{n};Zeile {}\r\n", n % 97)).collect::<String>().into()),
    ];
    files.extend((0..200).map(|n| (format!("viele/{:02}/Karte {n}.txt", n % 7), format!("Karte {n}\n").into_bytes())));
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, content).expect("a file");
    }
    fs::create_dir_all(folder.join("leere Ordner/Grüße")).expect("folders");
}

/// Has every program here pack `source`; Java and Python do it by themselves.
fn pack(source: &Path, target: &Path) {
    let whole: &[(&str, &[&str], &str, &[&str])] = &[
        ("Info-ZIP", &["zip"], "zip", &["-qr", "FILE", "."]),
        ("Info-ZIP, stored", &["zip"], "zip", &["-qr0", "FILE", "."]),
        ("Info-ZIP, no folders, no extras", &["zip"], "zip", &["-qrDX9", "FILE", "."]),
        ("7-Zip", &["7z", "7zz"], "p7zip-full", &["a", "-tzip", "-bd", "FILE", "."]),
        ("7-Zip, stored", &["7z", "7zz"], "p7zip-full", &["a", "-tzip", "-bd", "-mx=0", "FILE", "."]),
        ("7-Zip, ultra, UTF-8", &["7z", "7zz"], "p7zip-full", &["a", "-tzip", "-bd", "-mx=9", "-mcu=on", "FILE", "."]),
        ("bsdtar", &["bsdtar"], "libarchive-tools", &["--format", "zip", "-cf", "FILE", "ALL"]),
    ];
    for (name, programs, package, arguments) in whole {
        if let Some(program) = installed(programs, package) {
            let file = target.join(format!("{name}.zip"));
            let file = file.to_str().expect("a name in UTF-8");
            let arguments = arguments.iter().map(|argument| if *argument == "FILE" { file } else { argument });
            run(command(&program).args(all(source, arguments)).current_dir(source));
        }
    }
}

/// What lies in the folder in place of `ALL`: of `.` bsdtar would make names that begin with `./`.
fn all<'a>(source: &Path, arguments: impl Iterator<Item = &'a str>) -> Vec<OsString> {
    let inside = || fs::read_dir(source).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    arguments.flat_map(|argument| if argument == "ALL" { inside().collect() } else { vec![argument.into()] }).collect()
}

fn check(source: &dyn ReadAt) -> Report {
    archive::check(source, &Options::default(), &mut |_, _| ControlFlow::Continue(())).expect("it can be read")
}

fn tree(source: &dyn ReadAt, entries: &[archive::ManifestEntry]) -> Tree {
    let read = |entry| {
        let mut content = Vec::new();
        EntryReader::new(source, entry).read_to_end(&mut content).expect("accepted content reads");
        hash(&content)
    };
    entries.iter().map(|entry| (entry.name.clone(), read(entry))).collect()
}

/// An accepted upload and the canonical archive made of it.
struct Served {
    program: String,
    canonical: PathBuf,
    tree: Tree,
}

/// Checks an upload, which must be accepted, and writes the canonical archive beside it.
fn serve(program: &str, upload: &Path) -> Served {
    let source = FileSource::open(upload).expect("the upload");
    let report = check(&source);
    assert!(report.accepted, "{program}: {:#?}", report.rejections().collect::<Vec<_>>());
    let uploaded = tree(&source, &report.entries);

    let canonical = upload.with_extension("canonical.zip");
    let out = BufWriter::new(File::create(&canonical).expect("a file"));
    let rebuilt = archive::rebuild(&source, &report, out, &mut |_, _| ControlFlow::Continue(())).expect("rebuilt");
    let served = FileSource::open(&canonical).expect("the canonical archive");
    archive::cross_check(&served, &rebuilt).expect("a second reader agrees");
    let again = check(&served);
    assert!(again.accepted && again.entries.iter().all(|entry| !entry.renamed), "{program}: {:#?}", again.findings);
    let tree = tree(&served, &rebuilt.entries);
    assert_eq!(tree, uploaded, "{program}: rebuilt");
    Served { program: program.into(), canonical, tree }
}

/// Has every unzip program read all canonical archives.
fn all_agree(served: &[Served], interpreters: Vec<Interpreter>) {
    let extractors = Extractor::all();
    let left = Mutex::new(served.iter().flat_map(|one| extractors.iter().map(move |extractor| (one, extractor))));
    let next = || left.lock().expect("no panic holds it").next();
    let work = || {
        while let Some((one, extractor)) = next() {
            same(&one.tree, &extractor.tree(&one.canonical), &one.program, extractor.name);
        }
    };
    let archives: Vec<PathBuf> = served.iter().map(|one| one.canonical.clone()).collect();
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for interpreter in interpreters {
            let trees = interpreter.read(&archives);
            let readers: BTreeSet<&String> = trees.keys().map(|(reader, _)| reader).collect();
            assert!(!readers.is_empty());
            for (one, reader) in served.iter().flat_map(|one| readers.iter().map(move |reader| (one, *reader))) {
                let read = trees.get(&(reader.clone(), one.canonical.clone()));
                same(
                    &one.tree,
                    read.unwrap_or_else(|| panic!("{reader}: {} unread", one.program)),
                    &one.program,
                    reader,
                );
            }
        }
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[track_caller]
fn same(ours: &Tree, theirs: &Tree, packed_by: &str, reader: &str) {
    if ours != theirs {
        let differing = |a: &Tree, b: &Tree| -> Vec<String> {
            a.iter().filter(|(name, hash)| b.get(*name) != Some(*hash)).map(|(name, _)| name.clone()).collect()
        };
        panic!(
            "packed by {packed_by}, unpacked by {reader}: ours {:?}, theirs {:?}",
            differing(ours, theirs),
            differing(theirs, ours)
        );
    }
}

#[test]
fn what_real_programs_pack_is_accepted_and_served_the_same_to_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, made) = (folder.path().join("lessons"), folder.path().join("made"));
    fs::create_dir_all(&made).expect("a folder");
    lessons(&source);
    let mut interpreters = Interpreter::all(&source, &made);
    pack(&source, &made);
    interpreters.iter_mut().for_each(Interpreter::written);

    let composed = |name: String| name.replace("o\u{308}", "ö");
    let expected: Tree = tree_of(&source).into_iter().map(|(name, hash)| (composed(name), hash)).collect();
    assert!(expected.contains_key("Lektion 1/Lösung.md") && expected.len() == 212, "{}", expected.len());

    let mut uploads: Vec<PathBuf> =
        fs::read_dir(&made).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    uploads.sort();
    let mut served = Vec::new();
    for upload in &uploads {
        let program = upload.file_stem().expect("a name").to_string_lossy();
        let one = serve(&program, upload);
        same(&expected, &one.tree, &program, "the check");
        served.push(one);
    }
    // Three of Python and, unless they were left out for want of the programs, all the others.
    assert!(served.len() >= 3);
    all_agree(&served, interpreters);
}

/// What the imitations of [`hostile::honest`] hold, by the name each must come out with.
const IMITATED: &[(&str, &[&str])] = &[
    ("macOS Finder until 10.14", &["Lektion 1/bild.png", "Lektion 1/leer.txt", "Lektion 1/Übung für Anfänger.txt"]),
    ("macOS Finder", &["Lektion 1/bild.png", "Lektion 1/leer.txt", "Lektion 1/Übung für Anfänger.txt"]),
    ("bsdtar", &["Lektion 1/Übung für Anfänger.txt", "leer.txt"]),
    ("Windows Explorer, umlauts in the DOS code page", EXPLORER),
    ("Windows Explorer, umlauts in UTF-8", EXPLORER),
    (".NET", &["Lektion 1/leer.txt", "Lektion 1/Übung für Anfänger.txt"]),
    ("7-Zip", &["Lektion 1/Übung für Anfänger.txt", "leer.txt"]),
    ("Info-ZIP", &["Lektion 1/leer.txt", "Lektion 1/Übung für Anfänger.txt"]),
    ("Python zipfile", &["Lektion 1/Übung für Anfänger.txt", "leer.txt"]),
    ("Java jar", &["Lektion 1/Übung für Anfänger.txt", "leer.txt"]),
];
const EXPLORER: &[&str] = &["Lektion 1/leer.txt", "Lektion 1/seite.html", "Lektion 1/Übung für Anfänger.txt"];

#[test]
fn imitated_programs_are_accepted_and_served_the_same_to_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, made) = (folder.path().join("lessons"), folder.path().join("made"));
    fs::create_dir_all(&source).expect("a folder");
    fs::create_dir_all(&made).expect("a folder");
    fs::write(source.join("a.txt"), "a").expect("a file");
    let mut interpreters = Interpreter::all(&source, &made);
    interpreters.iter_mut().for_each(Interpreter::written);

    let honest = hostile::honest();
    let mut served = Vec::new();
    for (number, (program, bytes)) in honest.iter().enumerate() {
        let upload = folder.path().join(format!("{number}.zip"));
        fs::write(&upload, bytes).expect("a file");
        served.push(serve(program, &upload));
    }
    for (program, names) in IMITATED {
        let one = served.iter().find(|one| one.program == *program);
        let one = one.unwrap_or_else(|| panic!("no archive of {program}"));
        assert_eq!(one.tree.keys().collect::<Vec<_>>(), *names, "{program}");
    }
    // What comes out alike, from whichever program, need not be unpacked twice.
    let mut different = BTreeSet::new();
    for (number, written) in hostile::written().into_iter().enumerate() {
        let upload = folder.path().join(format!("written-{number}.zip"));
        fs::write(&upload, &written.bytes).expect("a file");
        let one = serve(&format!("{} ({:?})", written.writer, written.set), &upload);
        let names: BTreeSet<&String> = written.names.iter().collect();
        assert_eq!(one.tree.keys().collect::<BTreeSet<_>>(), names, "{}", one.program);
        if different.insert(hash(&fs::read(&one.canonical).expect("the canonical archive"))) {
            served.push(one);
        }
    }
    assert!(different.len() >= hostile::Set::ALL.len(), "{} are different", different.len());
    all_agree(&served, interpreters);
}

/// A program that cannot go back writes sizes behind the content, also of what it stores, and bsdtar fills its last
/// block with zeros: other programs read such archives in different ways. They come from pipes, not from creators.
#[test]
fn what_is_packed_into_a_pipe_is_refused_with_its_reason_or_served_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("lessons");
    lessons(&source);
    let cases: [(&str, &str, &[&str], &str); 2] = [
        ("zip", "zip", &["-qr", "-", "."], "DESCRIPTOR_NOT_ALLOWED"),
        ("bsdtar", "libarchive-tools", &["--format", "zip", "-cf", "-", "ALL"], "TRAILING_DATA"),
    ];
    for (program, package, arguments, code) in cases {
        let Some(path) = installed(&[program], package) else { continue };
        let bytes = run(command(&path).args(all(&source, arguments.iter().copied())).current_dir(&source));
        let report = check(&bytes);
        let codes: BTreeSet<&str> = report.rejections().map(|finding| finding.code.as_str()).collect();
        assert!(report.accepted || codes == BTreeSet::from([code]), "{program}: {codes:?}");
        if report.accepted {
            assert_eq!(report.entries.len(), 212, "{program}");
        }
    }
}
