//! Programs and scripts, by name and by content (rule 13).

use crate::{
    findings::code::Code::{self, Program, ScriptNotAllowed, TypeNotAllowed},
    hostile::{
        Case, case,
        plan::{EntryPlan, Plan},
        sample,
    },
};

pub(crate) fn cases() -> Vec<Case> {
    let (exe, elf) = (sample::exe(), sample::elf());
    let files: &[(&'static str, &str, &[u8], Code)] = &[
        ("windows program", "setup.exe", &exe, Program),
        ("windows program called a text", "readme.txt", &exe, Program),
        ("windows program called a picture", "photo.png", &exe, Program),
        ("windows program called a film", "film.mp4", &exe, Program),
        ("windows program behind two types", "rechnung.pdf.exe", &exe, Program),
        ("windows program in capitals", "SETUP.EXE", &exe, Program),
        ("windows library", "a.dll", &exe, Program),
        ("windows screen saver", "a.scr", &exe, Program),
        ("dos program called a font", "a.woff2", b"MZ\x01\0\x02\0\0\0\x20\0", Program),
        ("linux program", "tool.txt", &elf, Program),
        ("linux program without extension", "tool", &elf, Program),
        ("linux program of an unknown type", "tool.dat", &elf, Program),
        ("mac program", "tool.pdf", b"\xcf\xfa\xed\xfe\x07\0\0\x01\x03\0\0\0", Program),
        ("mac program of 32 bits", "tool.gif", b"\xce\xfa\xed\xfe\x07\0\0\0\x03\0\0\0", Program),
        ("mac program of powerpc", "tool.webp", b"\xfe\xed\xfa\xce\0\0\0\x12\0\0\0\0", Program),
        ("mac program in a bundle", "Tool.app/Contents/MacOS/Tool", b"\xcf\xfa\xed\xfe\x07\0\0\x01", Program),
        ("java class", "Main.jpg", b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d", Program),
        ("java class by name", "Main.class", b"x", Program),
        ("android program", "a.mp3", b"dex\n035\0\0\0\0\0", Program),
        ("llvm bitcode", "a.ogg", b"BC\xc0\xde\x35\x14\0\0", Program),
        ("python bytecode by name", "a.pyc", b"\xa7\r\r\n\0\0\0\0", Program),
        ("shell script", "install.sh", b"#!/bin/sh\nrm -rf ~\n", Program),
        ("shell script called a text", "install.txt", b"#!/bin/sh\nrm -rf ~\n", Program),
        ("shell script called a table", "data.csv", b"#! /usr/bin/env bash\n", Program),
        ("shell script behind a byte order mark", "a.md", b"\xef\xbb\xbf#!/bin/sh\n", Program),
        ("shell script of a mac", "start.command", b"open .\n", Program),
        ("windows batch", "start.bat", b"@echo off\r\n", Program),
        ("powershell", "start.ps1", b"Get-Process\r\n", Program),
        ("visual basic script", "start.vbs", b"MsgBox 1\r\n", Program),
        ("encoded visual basic script", "start.vbe", b"#@~^", Program),
        ("script of the windows host", "start.wsf", b"<job/>", Program),
        ("html application", "start.hta", b"<html/>", Program),
        ("change of the registry", "settings.reg", b"REGEDIT4\r\n", Program),
        ("installer", "setup.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Program),
        ("console of windows", "a.msc", b"<MMC_ConsoleFile/>", Program),
        ("autorun", "autorun.inf", b"[autorun]\r\n", Program),
        ("windows shortcut", "start.lnk", b"L\0\0\0\x01\x14\x02\0\0\0\0\0", Program),
        ("windows shortcut called a picture", "photo.jpg", b"L\0\0\0\x01\x14\x02\0\0\0\0\0", Program),
        ("link to a page", "page.url", b"[InternetShortcut]\r\n", Program),
        ("php in html", "index.html", b"<?php system($_GET['c']);", Program),
        ("php in capitals behind empty lines", "index.htm", b"\n\n<?PHP system($_GET['c']);", Program),
        ("php in short tags", "index.html", b"<?= `id` ?>", Program),
        ("python", "a.py", b"import os\n", Program),
        ("settings of a web server", ".htaccess", b"AddType application/x-httpd-php .txt\n", TypeNotAllowed),
        ("desktop entry", "start.desktop", b"[Desktop Entry]\nExec=sh\n", TypeNotAllowed),
        ("no extension", "LICENSE", b"text\n", TypeNotAllowed),
        ("nothing but an extension", ".txt/readme", b"text\n", TypeNotAllowed),
        ("unknown type", "model.blend", b"BLENDER-v300", TypeNotAllowed),
        ("old word document", "letter.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", TypeNotAllowed),
        ("terminal sequence in an extension", "a.\u{1b}[2J", b"x", TypeNotAllowed),
        ("script", "quiz.js", b"alert(1);\n", ScriptNotAllowed),
        ("script in capitals", "QUIZ.JS", b"alert(1);\n", ScriptNotAllowed),
        ("webassembly", "quiz.wasm", b"\0asm\x01\0\0\0", ScriptNotAllowed),
        ("webassembly called a font", "quiz.woff2", b"\0asm\x01\0\0\0", Program),
    ];
    files
        .iter()
        .map(|(name, entry, content, code)| case(name, Plan::of([EntryPlan::deflated(entry, content)]).build(), *code))
        .collect()
}
