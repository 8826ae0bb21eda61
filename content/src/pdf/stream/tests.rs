use std::io::{Cursor, Write};

use flate2::{Compression, write::ZlibEncoder};

use super::*;

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn object(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut pdf = format!("%PDF-1.7\n7 0 obj\n<< {dictionary} >>\nstream\n").into_bytes();
    pdf.extend_from_slice(data);
    pdf.extend_from_slice(b"\nendstream\nendobj\n");
    pdf
}

fn facts(pdf: Vec<u8>) -> PdfFacts {
    inspect(Cursor::new(pdf), &mut |_| {}, &|| false).unwrap()
}

#[test]
fn sees_names_plain_escaped_and_compressed() {
    let plain = facts(b"1 0 obj << /S /JavaScript /JS (x) >> endobj".to_vec());
    assert!(plain.names.contains("JavaScript"));
    let escaped = facts(b"1 0 obj << /S /L#61unch >> endobj".to_vec());
    assert!(escaped.names.contains("Launch"));
    let hidden = facts(object("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &zlib(b"5 0 << /S /Launch >>")));
    assert!(hidden.names.contains("Launch"));
    assert_eq!((hidden.streams, hidden.opaque), (1, 0));
}

#[test]
fn sees_through_ascii_filters() {
    // "/JavaScript " inflated from its hexadecimal form.
    let hex: String = zlib(b"<< /S /JavaScript >>").iter().map(|byte| format!("{byte:02x}")).collect();
    let found = facts(object("/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]", format!("{hex}>").as_bytes()));
    assert!(found.names.contains("JavaScript"));
    let mut ascii = String::new();
    for group in zlib(b"<< /S /JavaScript >>").chunks(4) {
        let mut bytes = [0; 4];
        bytes[..group.len()].copy_from_slice(group);
        let mut value = u32::from_be_bytes(bytes);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = (value % 85) as u8 + b'!';
            value /= 85;
        }
        ascii.push_str(std::str::from_utf8(&digits[..=group.len()]).unwrap());
    }
    ascii.push_str("~>");
    let found = facts(object("/Type /ObjStm /Filter [/A85 /Fl]", ascii.as_bytes()));
    assert!(found.names.contains("JavaScript"));
}

#[test]
fn counts_what_it_cannot_see_and_what_is_too_much() {
    let opaque = facts(object("/Type /ObjStm /Filter /FlateDecode", b"not zlib"));
    assert_eq!(opaque.opaque, 1);
    let twice = facts(object("/Filter [/FlateDecode /FlateDecode]", &zlib(&zlib(b"<< /S /Launch >>"))));
    assert!(twice.unusual && twice.opaque == 0 && twice.names.contains("Launch"));
    assert!(facts(object("/Filter /Unheard", b"x")).unusual);
    let bomb = facts(object("/Filter /FlateDecode", &zlib(&vec![0; (STREAM_BYTES_MAX + 1) as usize])));
    assert!(bomb.excessive && bomb.inflated <= STREAM_BYTES_MAX + (64 << 10));
    let large = facts(object("/Subtype /Image /Width 100000 /Height 100000 /Filter /DCTDecode", b"x"));
    assert_eq!(large.image_pixels, 10_000_000_000);
}

#[test]
fn nothing_hides_on_the_border_of_windows() {
    for shift in 0..40 {
        let mut pdf = vec![b' '; WINDOW + OVERLAP - 20 + shift];
        pdf.extend(object("/Type /ObjStm /Filter /FlateDecode", &zlib(b"<< /S /Launch >>")));
        let found = facts(pdf);
        assert!(found.names.contains("Launch"), "{shift}");
        assert_eq!(found.streams, 1, "{shift}");
    }
}

#[test]
fn objects_begin_after_any_white_space() {
    for space in ["\n", "\r\n", "\t", " ", "  \n "] {
        let mut pdf = object("/Filter /LZWDecode", b"x");
        pdf.extend(format!("8 0{space}obj\n<< /Filter /FlateDecode >>\nstream\n").into_bytes());
        pdf.extend(zlib(b"<< /S /Launch >>"));
        let found = facts(pdf);
        assert!(found.names.contains("Launch") && !found.unusual, "{space:?}");
    }
}

#[test]
fn what_inflates_is_handed_on() {
    let mut pdf = object("/Filter /FlateDecode", &zlib(b"first"));
    pdf.extend(object("/Filter /FlateDecode", &zlib(b"second")));
    let mut seen = Vec::new();
    inspect(Cursor::new(pdf), &mut |piece| seen.extend_from_slice(piece), &|| false).unwrap();
    assert_eq!(seen, b"\nfirst\nsecond");
}

#[test]
fn links_are_read_wherever_they_stand() {
    let plain = facts(b"1 0 obj << /S /URI /URI (https://a.example.net/\\(x\\)) >> endobj".to_vec());
    assert_eq!(plain.links, BTreeSet::from(["https://a.example.net/(x)".to_owned()]));
    let inside = b"5 0 << /A << /S/URI/URI<68747470733A2F2F622E6E6574> >> >>";
    let hidden = facts(object("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &zlib(inside)));
    assert_eq!(hidden.links, BTreeSet::from(["https://b.net".to_owned()]));
}

#[test]
fn meshes_and_drawings_are_measured() {
    let mesh = |size: u64| vec![b'x'; size as usize];
    for (dictionary, size) in [("/ShadingType 7", MESH_BYTES_MAX), ("/Subtype /Form", DRAWING_BYTES_MAX)] {
        assert!(!facts(object(dictionary, &mesh(size / 2))).heavy, "{dictionary}");
        assert!(facts(object(dictionary, &mesh(size + 1))).heavy, "{dictionary}");
        let packed = format!("{dictionary} /Filter /FlateDecode");
        assert!(!facts(object(&packed, &zlib(&mesh(size / 2)))).heavy, "{dictionary}");
        assert!(facts(object(&packed, &zlib(&mesh(size + 1)))).heavy, "{dictionary}");
    }
}
