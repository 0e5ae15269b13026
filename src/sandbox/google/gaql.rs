//! A small reader of the query language: SELECT, FROM, WHERE with AND, ORDER BY, LIMIT.

use super::Fault;

/// A query as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) fields: Vec<String>,
    pub(super) from: String,
    pub(super) conditions: Vec<Condition>,
    pub(super) order: Vec<(String, Direction)>,
    pub(super) limit: Option<usize>,
}

/// `field operator values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) field: String,
    pub(super) operator: Operator,
    pub(super) values: Vec<String>,
}

/// What a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    In,
    NotIn,
    Between,
    During,
    IsNull,
    IsNotNull,
}

/// Which way rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Rising,
    Falling,
}

/// Reads a query.
pub(super) fn read(text: &str) -> Result<Query, Fault> {
    let words = words(text)?;
    let mut reader = Reader { words: &words, next: 0 };
    reader.expect("SELECT")?;
    let fields = reader.list()?;
    reader.expect("FROM")?;
    let from = reader.word()?.to_owned();
    let mut query = Query { fields, from, conditions: Vec::new(), order: Vec::new(), limit: None };
    if reader.take("WHERE") {
        query.conditions.push(reader.condition()?);
        while reader.take("AND") {
            query.conditions.push(reader.condition()?);
        }
    }
    if reader.take("ORDER") {
        reader.expect("BY")?;
        loop {
            let field = reader.word()?.to_owned();
            let direction = if reader.take("DESC") { Direction::Falling } else { Direction::Rising };
            reader.take("ASC");
            query.order.push((field, direction));
            if !reader.take(",") {
                break;
            }
        }
    }
    if reader.take("LIMIT") {
        query.limit = Some(reader.word()?.parse().map_err(|_| Fault::query("INVALID_VALUE_WITH_LIMIT", "LIMIT takes a positive number."))?);
    }
    if reader.take("PARAMETERS") {
        reader.next = words.len();
    }
    match words.get(reader.next) {
        None => Ok(query),
        Some(rest) => Err(Fault::query("UNEXPECTED_INPUT", format!("Unexpected input {rest}."))),
    }
}

struct Reader<'a> {
    words: &'a [String],
    next: usize,
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> Result<&'a str, Fault> {
        let word = self.words.get(self.next).ok_or_else(|| Fault::query("UNEXPECTED_END_OF_QUERY", "The query ended unexpectedly."))?;
        self.next += 1;
        Ok(word)
    }

    fn take(&mut self, keyword: &str) -> bool {
        let hit = self.words.get(self.next).is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        self.next += usize::from(hit);
        hit
    }

    fn expect(&mut self, keyword: &str) -> Result<(), Fault> {
        let here = self.words.get(self.next).cloned().unwrap_or_default();
        if self.take(keyword) { Ok(()) } else { Err(Fault::query("UNEXPECTED_INPUT", format!("Expected {keyword}, found '{here}'."))) }
    }

    fn list(&mut self) -> Result<Vec<String>, Fault> {
        let mut all = vec![self.word()?.to_owned()];
        while self.take(",") {
            all.push(self.word()?.to_owned());
        }
        Ok(all)
    }

    fn value(&mut self) -> Result<String, Fault> {
        Ok(self.word()?.trim_matches(['\'', '"']).to_owned())
    }

    fn bracketed(&mut self) -> Result<Vec<String>, Fault> {
        self.expect("(")?;
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
        }
        self.expect(")")?;
        Ok(values)
    }

    fn condition(&mut self) -> Result<Condition, Fault> {
        let field = self.word()?.to_owned();
        let operator = self.word()?.to_ascii_uppercase();
        let (operator, values) = match operator.as_str() {
            "=" => (Operator::Equal, vec![self.value()?]),
            "!=" => (Operator::NotEqual, vec![self.value()?]),
            ">" => (Operator::Greater, vec![self.value()?]),
            ">=" => (Operator::GreaterEqual, vec![self.value()?]),
            "<" => (Operator::Less, vec![self.value()?]),
            "<=" => (Operator::LessEqual, vec![self.value()?]),
            "DURING" => (Operator::During, vec![self.value()?]),
            "IN" => (Operator::In, self.bracketed()?),
            "NOT" => {
                self.expect("IN")?;
                (Operator::NotIn, self.bracketed()?)
            }
            "BETWEEN" => {
                let from = self.value()?;
                self.expect("AND")?;
                (Operator::Between, vec![from, self.value()?])
            }
            "IS" => {
                let operator = if self.take("NOT") { Operator::IsNotNull } else { Operator::IsNull };
                self.expect("NULL")?;
                (operator, Vec::new())
            }
            other => return Err(Fault::query("OPERATOR_FIELD_MISMATCH", format!("The sandbox does not know the operator {other}."))),
        };
        Ok(Condition { field, operator, values })
    }
}

/// Cuts a query into words, quoted texts (with their quotes), commas, brackets and operators.
fn words(text: &str) -> Result<Vec<String>, Fault> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => rest[1..].find(first).map(|end| end + 2).ok_or_else(|| Fault::query("BAD_VALUE", "A quoted text does not end."))?,
            ',' | '(' | ')' => 1,
            '=' | '!' | '<' | '>' => 1 + usize::from(rest[1..].starts_with('=')),
            _ => rest.find(|c: char| c.is_whitespace() || ",()=!<>'\"".contains(c)).unwrap_or(rest.len()),
        };
        words.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    Ok(words)
}
