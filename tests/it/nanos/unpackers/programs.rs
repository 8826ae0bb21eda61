//! The programs that write and read archives, and what they make of them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use sha2::{Digest, Sha256};
use tests::outside;

/// Names with the SHA-256 of their content.
pub type Tree = BTreeMap<String, [u8; 32]>;

/// Says what is left out without it.
pub fn installed(names: &[&str], package: &str) -> Option<PathBuf> {
    let found = servers::programs::installed(names, package);
    // Homebrew keeps its Java where a user's PATH does not look.
    let found = found.or_else(|error| {
        let kegs = ["/opt/homebrew/opt/openjdk/bin", "/usr/local/opt/openjdk/bin"];
        let paths = kegs.iter().flat_map(|keg| names.iter().map(move |name| Path::new(keg).join(name)));
        paths.into_iter().find(|path| path.exists()).ok_or(error)
    });
    outside::or_left_out(found)
}

/// A command that takes file names for UTF-8.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" }).stdin(Stdio::null());
    command
}

/// Runs to the end, which must be a good one.
#[track_caller]
pub fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A program that unpacks an archive into a folder.
pub struct Extractor {
    pub name: &'static str,
    program: PathBuf,
}

impl Extractor {
    pub fn all() -> Vec<Self> {
        let known: [(&str, &[&str], &str); 3] = [
            ("unzip", &["unzip"], "unzip"),
            ("7-Zip", &["7z", "7zz"], "p7zip-full"),
            ("bsdtar", &["bsdtar"], "libarchive-tools"),
        ];
        let found = |(name, programs, package)| Some(Self { name, program: installed(programs, package)? });
        known.into_iter().filter_map(found).collect()
    }

    /// What lies in the folder afterwards.
    pub fn tree(&self, archive: &Path) -> Tree {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = command(&self.program);
        match self.name {
            "unzip" => command.arg("-q").arg(archive).arg("-d").arg(folder.path()),
            "7-Zip" => command.args(["x", "-y", "-bd"]).arg(format!("-o{}", folder.path().display())).arg(archive),
            _ => command.arg("-xf").arg(archive).arg("-C").arg(folder.path()),
        };
        run(&mut command);
        tree_of(folder.path())
    }
}

/// The files below a folder.
pub fn tree_of(folder: &Path) -> Tree {
    let (mut tree, mut folders) = (Tree::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("a name in UTF-8").to_owned();
                tree.insert(name, hash(&fs::read(&path).expect("a file")));
            }
        }
    }
    tree
}

pub fn hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// Java or Python: started once, since that takes longer than all they do here.
pub struct Interpreter {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Interpreter {
    pub fn all(source: &Path, target: &Path) -> Vec<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/nanos/unpackers");
        let mut all = Vec::new();
        if let Some(python) = installed(&["python3"], "python3") {
            all.push(Self::start(command(&python).arg(scripts.join("zips.py")).arg(source).arg(target)));
        }
        // It compiles its source, so it comes with the compiler.
        if let Some(compiler) = installed(&["javac"], "default-jdk-headless") {
            let java = compiler.with_file_name("java");
            // Compiled code would come too late for what little there is to do.
            let quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Dsun.jnu.encoding=UTF-8"];
            let script = scripts.join("Zips.java");
            all.push(Self::start(command(&java).args(quick).arg(script).arg(source).arg(target)));
        }
        all
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out }
    }

    /// Waits until its archives are written.
    pub fn written(&mut self) {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("a line");
        assert_eq!(line, "written\n", "it failed, see above");
    }

    /// By reader and archive, what it reads.
    pub fn read(mut self, archives: &[PathBuf]) -> HashMap<(String, PathBuf), Tree> {
        let mut list = self.child.stdin.take().expect("its input");
        for archive in archives {
            writeln!(list, "{}", archive.display()).expect("it listens");
        }
        drop(list);
        let mut text = String::new();
        self.out.read_to_string(&mut text).expect("text");
        assert!(self.child.wait().expect("its end").success(), "it failed, see above");
        let mut trees: HashMap<_, Tree> = HashMap::new();
        for line in text.lines().filter(|line| *line != "read") {
            let fields: Vec<&str> = line.split('\t').collect();
            let [reader, archive, name, hash] = fields[..] else { panic!("not four fields: {line}") };
            let name = String::from_utf8(hex::decode(name).expect("hex")).expect("a name in UTF-8");
            let hash = hex::decode(hash).expect("hex").try_into().expect("32 bytes");
            let tree = trees.entry((reader.to_owned(), PathBuf::from(archive))).or_default();
            assert!(tree.insert(name, hash).is_none(), "{reader} reads a name twice in {archive}");
        }
        assert!(text.ends_with("read\n"), "it stopped early");
        trees
    }
}
