//! Plain tables for people: columns as wide as they need, control characters made visible.

/// Rows under headings, separated by two spaces.
#[must_use]
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let head: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    rows.iter().fold(line(&head), |text, row| text + &line(row))
}

/// Text from outside as a terminal may show it: no control character acts.
#[must_use]
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_escape_sequences_do_not_act() {
        let text = table(&["id", "name"], &[vec!["1".into(), "\u{1b}[2Jx".into()], vec!["1234".into(), "b".into()]]);
        assert_eq!(text, "id    name\n1     \\u{1b}[2Jx\n1234  b\n");
    }
}
