//! What is wrong with a configuration file, all of it at once, in words that lead to the line and to the remedy.

use std::fmt;

/// Most faults one report lists; a file of garbage must not fill a terminal.
pub(super) const SHOWN: usize = 100;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file, from 1; `None` when the fault is the file itself.
    pub line: Option<usize>,
    /// Section and key, such as `pools.core.daily_cap`; empty for a fault of syntax.
    pub at: String,
    /// What is wrong.
    pub what: String,
    /// What would be right; may be empty.
    pub expected: String,
    /// The nearest valid name.
    pub near: Option<String>,
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    file: String,
    list: Vec<Fault>,
}

impl Faults {
    pub(super) fn new(file: String, mut list: Vec<Fault>) -> Self {
        list.sort_by(|a, b| (a.line, &a.at, &a.what).cmp(&(b.line, &b.at, &b.what)));
        list.dedup();
        Self { file, list }
    }

    /// The faults, in the order of their lines; never empty.
    #[must_use]
    pub fn list(&self) -> &[Fault] {
        &self.list
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.list.iter().take(SHOWN).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.file)?;
            if let Some(line) = fault.line {
                write!(f, "{line}:")?;
            }
            if !fault.at.is_empty() {
                write!(f, " [{}]", fault.at)?;
            }
            write!(f, " {}", fault.what)?;
            if !fault.expected.is_empty() {
                write!(f, "; expected {}", fault.expected)?;
            }
            if let Some(near) = &fault.near {
                write!(f, "; did you mean `{near}`?")?;
            }
        }
        if self.list.len() > SHOWN {
            write!(f, "\n{}: and {} more", self.file, self.list.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The name among `names` that `wrong` most likely stands for: equal but for case, the end of a longer name, or a few letters away.
pub(super) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    if wrong.is_empty() || wrong.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let wanted = plain(wrong);
    let reach = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter_map(|name| {
            let candidate = plain(name);
            let distance = if candidate.ends_with(&format!("/{wanted}")) { 0 } else { strsim::damerau_levenshtein(&wanted, &candidate) };
            let prefix = wanted.len() >= 4 && (candidate.starts_with(&wanted) || wanted.starts_with(&candidate) && candidate.len() >= 4);
            (distance <= reach || prefix).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name.to_owned())
}

/// Text from the file as a message may show it: short, and without control characters.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short.replace("\\\"", "\"").replace("\\'", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near_or_not_named_at_all() {
        let keys = ["daily_cap", "monthly_cap", "members", "time_zone"];
        assert_eq!(nearest("dayly_cap", keys).as_deref(), Some("daily_cap"));
        assert_eq!(nearest("time-zone", keys).as_deref(), Some("time_zone"));
        assert_eq!(nearest("Members", keys).as_deref(), Some("members"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("New_York", ["Europe/York", "America/New_York"]).as_deref(), Some("America/New_York"));
    }

    #[test]
    fn text_from_the_file_cannot_write_to_the_terminal() {
        assert_eq!(shown("\u{1b}[2J"), "\\u{1b}[2J");
        assert!(shown(&"x".repeat(9_000)).len() < 100);
    }
}
