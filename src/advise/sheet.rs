//! A sheet of comma-, semicolon- or tab-separated values as people export it: cells with where they stand.

use super::history::HistoryError;

/// The cells of a sheet, row by row; every row has the line it begins on, the first being 1.
pub(super) struct Sheet {
    pub separator: char,
    pub rows: Vec<(usize, Vec<String>)>,
}

impl Sheet {
    /// Reads a sheet whose separator is the one its first line has most of. Quoted cells may hold separators, doubled quotes and line ends.
    pub fn read(text: &str) -> Result<Self, HistoryError> {
        let text = text.trim_start_matches('\u{feff}');
        let first = text.lines().next().unwrap_or_default();
        let separator = [',', ';', '\t'].into_iter().max_by_key(|separator| (first.matches(*separator).count(), *separator == ',')).unwrap_or(',');
        let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
        let (mut line, mut began, mut quoted, mut opened) = (1, 1, false, 1);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            line += usize::from(letter == '\n');
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => {
                    letters.next();
                    cell.push('"');
                }
                '"' if quoted => quoted = false,
                '"' if cell.trim().is_empty() => {
                    cell.clear();
                    (quoted, opened) = (true, line);
                }
                letter if quoted => cell.push(letter),
                letter if letter == separator => cells.push(std::mem::take(&mut cell)),
                '\n' => {
                    cells.push(std::mem::take(&mut cell));
                    rows.push((began, std::mem::take(&mut cells)));
                    began = line;
                }
                '\r' => {}
                letter => cell.push(letter),
            }
        }
        if quoted {
            return Err(HistoryError { line: opened, column: None, what: "a quoted cell is never closed".to_owned() });
        }
        if !cell.is_empty() || !cells.is_empty() {
            cells.push(cell);
            rows.push((began, cells));
        }
        rows.retain(|(_, cells)| cells.iter().any(|cell| !cell.trim().is_empty()));
        Ok(Self { separator, rows })
    }
}

/// A number as people write it: with a currency, with separators of thousands, with a decimal comma. An empty cell or a dash is nothing.
pub(super) fn number(cell: &str, separator: char) -> Option<f64> {
    let kept: String = cell.chars().filter(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ',' | '-' | '+')).collect();
    let strange = cell.chars().any(|letter| letter.is_ascii_digit()) && cell.chars().any(|letter| matches!(letter, '/' | ':' | '%'));
    if strange || (kept.is_empty() && !cell.trim().is_empty()) {
        return None;
    }
    if kept.is_empty() || kept == "-" {
        return Some(0.0);
    }
    let plain = match (kept.rfind('.'), kept.rfind(',')) {
        (Some(point), Some(comma)) if comma > point => kept.replace('.', "").replace(',', "."),
        (Some(_), Some(_)) => kept.replace(',', ""),
        // A lone comma: three digits after it are thousands, unless the sheet itself shows that its commas are decimal.
        (None, Some(comma)) if separator == ';' || kept.len() - comma - 1 != 3 => kept.replace(',', "."),
        (None, Some(_)) => kept.replace(',', ""),
        (Some(_), None) | (None, None) => kept,
    };
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_what_is_quoted_and_the_line_they_stand_on() {
        let sheet = Sheet::read("\u{feff}a,b\r\n\"x, \"\"y\"\"\nz\",2\n\n3,4").expect("a sheet");
        assert_eq!(sheet.rows[1], (2, vec!["x, \"y\"\nz".to_owned(), "2".to_owned()]));
        assert_eq!((sheet.rows[2].0, sheet.rows.len()), (5, 3));
        assert_eq!(Sheet::read("a;b;c,d\n1;2;3").expect("a sheet").separator, ';');
        assert_eq!(Sheet::read("a,b\n\"x,1").err().map(|error| error.line), Some(2));
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (cell, separator, number) in [
            ("12.5", ',', 12.5),
            ("$1,234.50", ',', 1234.5),
            ("1.234,50 €", ';', 1234.5),
            ("0,75", ';', 0.75),
            ("1,234", ',', 1234.0),
            ("1,5", '\t', 1.5),
            ("", ',', 0.0),
            ("-", ',', 0.0),
        ] {
            assert_eq!(super::number(cell, separator), Some(number), "{cell}");
        }
        for cell in ["n/a", "1/2", "12 %", "1.2.3.4"] {
            assert_eq!(number(cell, ','), None, "{cell}");
        }
    }
}
