//! The sample for creators, `docs/sample-nano.zip`: what a nano may look like, and what packs without a finding.

use archive::hostile;

use crate::archives;

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Reading a box plot</title>
</head>
<body>
<h1>Reading a box plot</h1>
<img src="cover.png" alt="" width="320">
<p>After this unit you can read median, quartiles and outliers off a box plot. It takes ten minutes.</p>
<ol>
<li>Look at the line in the box: half of the values lie below it. This is the median.</li>
<li>Look at the box: it holds the middle half of the values.</li>
<li>Look at the whiskers: what lies beyond them is an outlier.</li>
</ol>
<p>Go on with <a href="exercises/Übung%201.md">the exercise</a>; its data are in <a
href="exercises/measurements.csv">measurements.csv</a>.</p>
</body>
</html>
"#;

const EXERCISE: &str = "# Übung 1\n\n\
    Open `measurements.csv`. Which class has the larger median, and which one the outlier?\n\n\
    Solution: class B has the larger median (34 against 31), class A the outlier (58).\n";

const DATA: &str = "class;value\r\nA;29\r\nA;30\r\nA;31\r\nA;32\r\nA;58\r\nB;32\r\nB;33\r\nB;34\r\nB;35\r\nB;36\r\n";

/// Its bytes; always the same.
pub fn archive() -> Vec<u8> {
    hostile::archive(&[
        ("index.html", PAGE.as_bytes()),
        ("cover.png", &archives::picture(320, 180)),
        ("exercises/Übung 1.md", EXERCISE.as_bytes()),
        ("exercises/measurements.csv", DATA.as_bytes()),
    ])
}
