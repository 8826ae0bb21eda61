//! Jupyter notebooks (nbformat 3 and 4): what stands in their cells. What the cells have put out is left out: pictures, tables of
//! numbers, errors.

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    cells: Vec<Cell>,
    /// Where the cells were before nbformat 4.
    #[serde(default)]
    worksheets: Vec<Sheet>,
}

#[derive(Deserialize)]
struct Sheet {
    #[serde(default)]
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    /// Of code before nbformat 4 the field has this other name.
    #[serde(default, alias = "input")]
    source: Lines,
}

/// A text, or its lines with their ends.
#[derive(Default)]
struct Lines(String);

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Lines;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or its lines")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Lines, E> {
                Ok(Lines(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Lines, A::Error> {
                let mut text = String::new();
                while let Some(line) = lines.next_element::<String>()? {
                    text.push_str(&line);
                }
                Ok(Lines(text))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// The text of the cells, a blank line between them; nothing when it is no notebook.
pub fn cells(json: &str) -> Option<String> {
    let Notebook { cells, worksheets } = serde_json::from_str(json).ok()?;
    let cells = cells.into_iter().chain(worksheets.into_iter().flat_map(|sheet| sheet.cells));
    Some(cells.map(|cell| cell.source.0).collect::<Vec<_>>().join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_read_is_what_stands_in_the_cells() {
        let now = r##"{"nbformat": 4, "metadata": {"kernelspec": {"name": "python3"}}, "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Br\u00fcche\n", "Eine **Torte**."]},
            {"cell_type": "code", "execution_count": 1, "source": "print(1/2)",
             "outputs": [{"output_type": "stream", "text": ["0.5\n"]}, {"data": {"image/png": "iVBORw0KGgo="}}]},
            {"cell_type": "raw"}]}"##;
        assert_eq!(cells(now).unwrap().trim_end(), "# Brüche\nEine **Torte**.\n\nprint(1/2)");
        let before = r#"{"nbformat": 3, "worksheets": [{"cells": [
            {"cell_type": "markdown", "source": "Text"}, {"cell_type": "code", "input": ["x = 1\n", "x"], "outputs": []}]}]}"#;
        assert_eq!(cells(before).unwrap(), "Text\n\nx = 1\nx");
        for none in ["", "# no notebook", "{\"cells\": 3}", &"[".repeat(100_000)] {
            assert_eq!(cells(none), None);
        }
    }
}
