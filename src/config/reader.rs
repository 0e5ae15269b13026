//! Reads a parsed document key by key: every key asked for is known, every other is a fault, and no fault keeps the next from being seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Faults, SHOWN, nearest, shown};
use super::form::Form;
use super::secret::Surroundings;

/// One document while it is read, and what was found wrong with it so far.
pub(super) struct Page<'t> {
    file: String,
    /// The folder of the file: relative paths start here.
    pub(super) folder: PathBuf,
    pub(super) surroundings: &'t dyn Surroundings,
    line_starts: Vec<usize>,
    lines: BTreeMap<String, usize>,
    faults: Vec<Fault>,
    pub(super) defaulted: BTreeSet<String>,
}

impl<'t> Page<'t> {
    pub(super) fn new(text: &str, file: String, folder: PathBuf, surroundings: &'t dyn Surroundings) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, folder, surroundings, line_starts, lines: BTreeMap::new(), faults: Vec::new(), defaulted: BTreeSet::new() }
    }

    /// The line of a byte, from 1.
    pub(super) fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Remembers the line of every key below `at`, so that rules between fields can point at them.
    pub(super) fn index(&mut self, at: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = join(at, key.get_ref());
            let line = self.line_at(key.span().start);
            self.lines.insert(path.clone(), line);
            match value.get_ref() {
                DeValue::Table(inner) => self.index(&path, inner),
                DeValue::Array(items) => {
                    for (number, item) in items.iter().enumerate() {
                        let path = format!("{path}[{number}]");
                        let line = self.line_at(item.span().start);
                        self.lines.insert(path.clone(), line);
                        if let DeValue::Table(inner) = item.get_ref() {
                            self.index(&path, inner);
                        }
                    }
                }
                DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
            }
        }
    }

    /// A fault of syntax.
    pub(super) fn broken(&mut self, offset: usize, what: String) {
        let line = Some(self.line_at(offset));
        self.faults.push(Fault { line, at: String::new(), what, expected: String::new(), near: None });
    }

    /// A fault at a section or key; its line is that of the key, or of the nearest section around it.
    pub(super) fn fault(&mut self, at: &str, what: impl Into<String>, expected: impl Into<String>) {
        self.fault_near(at, what, expected, None);
    }

    /// The same with the name that was probably meant.
    pub(super) fn fault_near(&mut self, at: &str, what: impl Into<String>, expected: impl Into<String>, near: Option<String>) {
        let mut around = at;
        let line = loop {
            if let Some(line) = self.lines.get(around) {
                break *line;
            }
            let Some(end) = around.rfind(['.', '[']) else { break 1 };
            around = &around[..end];
        };
        self.faults.push(Fault { line: Some(line), at: at.to_owned(), what: what.into(), expected: expected.into(), near });
    }

    /// `built`, unless anything was wrong.
    pub(super) fn finish<T>(self, built: Option<T>) -> Result<T, Faults> {
        match built {
            Some(built) if self.faults.is_empty() => Ok(built),
            Some(_) | None => Err(Faults::new(self.file, self.faults)),
        }
    }
}

/// The path of `key` inside the section `at`.
pub(super) fn join(at: &str, key: &str) -> String {
    let key = shown(key);
    if at.is_empty() { key } else { format!("{at}.{key}") }
}

/// One table of the document. Whoever opens a section asks for all of its keys and then calls [`Section::end`].
pub(super) struct Section<'d, 't> {
    pub(super) at: String,
    table: Option<&'d DeTable<'t>>,
    known: Vec<&'static str>,
}

impl<'d, 't> Section<'d, 't> {
    pub(super) fn root(table: &'d DeTable<'t>) -> Self {
        Self { at: String::new(), table: Some(table), known: Vec::new() }
    }

    /// Whether the file has this section.
    pub(super) fn is_written(&self) -> bool {
        self.table.is_some()
    }

    pub(super) fn path(&self, key: &str) -> String {
        join(&self.at, key)
    }

    /// Whether the file has this key.
    pub(super) fn is_key_written(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// A key's value, without counting the key as known.
    pub(super) fn peek(&self, key: &str) -> Option<&'d DeValue<'t>> {
        self.table.and_then(|table| table.get(key)).map(|value| value.get_ref())
    }

    /// A key's value as it stands; the key is known from now on.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'d DeValue<'t>> {
        self.known.push(key);
        self.peek(key)
    }

    /// The value of a key that may be missing.
    pub(super) fn optional<T>(&mut self, page: &mut Page<'_>, key: &'static str, form: &Form<'_, T>) -> Option<T> {
        let value = self.raw(key)?;
        match form.read(value) {
            Ok(value) => Some(value),
            Err(misfit) => {
                page.fault_near(&self.path(key), misfit.what, form.expected.clone(), misfit.near);
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub(super) fn required<T>(&mut self, page: &mut Page<'_>, key: &'static str, form: &Form<'_, T>) -> Option<T> {
        if self.is_written() && !self.is_key_written(key) {
            page.fault(&self.at, format!("`{key}` is missing"), form.expected.clone());
        }
        self.optional(page, key, form)
    }

    /// The value of a key that has a default; where the default holds is remembered for `adjutant check`.
    pub(super) fn or<T>(&mut self, page: &mut Page<'_>, key: &'static str, form: &Form<'_, T>, default: T) -> T {
        if !self.is_key_written(key) {
            page.defaulted.insert(self.path(key));
        }
        self.optional(page, key, form).unwrap_or(default)
    }

    /// A table within this one; not written when the file lacks it.
    pub(super) fn section(&mut self, page: &mut Page<'_>, key: &'static str) -> Section<'d, 't> {
        let at = self.path(key);
        let table = match self.raw(key) {
            None => None,
            Some(DeValue::Table(table)) => Some(table),
            Some(other) => {
                page.fault(&at, format!("this is {}", article(other)), format!("a table: [{at}]"));
                None
            }
        };
        Section { at, table, known: Vec::new() }
    }

    /// The named tables within the table `key`: `[key.NAME]`.
    pub(super) fn named(&mut self, page: &mut Page<'_>, key: &'static str) -> Vec<(String, Section<'d, 't>)> {
        let around = self.section(page, key);
        let mut sections = Vec::new();
        for (name, value) in around.table.iter().flat_map(|table| table.iter()) {
            let at = around.path(name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => sections.push((name.get_ref().to_string(), Section { at, table: Some(table), known: Vec::new() })),
                other => page.fault(&at, format!("this is {}", article(other)), format!("a table with a name of your choice: [{key}.NAME]")),
            }
        }
        sections
    }

    /// The tables of an array of tables: `[[key]]`.
    pub(super) fn tables(&mut self, page: &mut Page<'_>, key: &'static str) -> Vec<Section<'d, 't>> {
        let around = self.path(key);
        let expected = || format!("tables headed [[{around}]]");
        match self.raw(key) {
            None => Vec::new(),
            Some(DeValue::Array(items)) => {
                let mut sections = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    let at = format!("{around}[{number}]");
                    match item.get_ref() {
                        DeValue::Table(table) => sections.push(Section { at, table: Some(table), known: Vec::new() }),
                        other => page.fault(&at, format!("this is {}", article(other)), expected()),
                    }
                }
                sections
            }
            Some(other) => {
                page.fault(&around, format!("this is {}", article(other)), expected());
                Vec::new()
            }
        }
    }

    /// The keys that nobody asked for.
    pub(super) fn unknown(&self) -> Vec<String> {
        let keys = self.table.iter().flat_map(|table| table.keys());
        keys.map(|key| key.get_ref().to_string()).filter(|key| !self.known.contains(&key.as_str())).collect()
    }

    /// Names every key that nobody asked for.
    pub(super) fn end(self, page: &mut Page<'_>) {
        let what = if self.at.is_empty() { "unknown section" } else { "unknown key" };
        for (number, key) in self.unknown().into_iter().enumerate() {
            // Beyond what a report shows, looking for near names is work for nobody.
            let near = if number < SHOWN { nearest(&key, self.known.iter().copied()) } else { None };
            page.fault_near(&self.path(&key), what, format!("one of {}", self.known.join(", ")), near);
        }
    }
}

/// What a value is, with its article.
pub(super) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
