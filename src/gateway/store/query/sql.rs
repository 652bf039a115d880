//! Statements for both databases. What differs between them stands here: how values are named, lists, and the search for bytes.

use std::fmt::Write;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// A value of a statement.
#[derive(Debug, Clone)]
pub enum Bound {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Ints(Vec<i64>),
    Texts(Vec<String>),
    ByteList(Vec<Vec<u8>>),
}

/// A statement as it is put together.
#[derive(Debug, Clone)]
pub struct Sql {
    dialect: Dialect,
    pub text: String,
    pub values: Vec<Bound>,
}

impl Sql {
    pub fn new(dialect: Dialect, text: &str) -> Self {
        Self { dialect, text: text.to_owned(), values: Vec::new() }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a value.
    pub fn bind(&mut self, value: Bound) -> &mut Self {
        self.values.push(value);
        match self.dialect {
            Dialect::Sqlite => self.text.push('?'),
            // Writing to a text does not fail.
            Dialect::Postgres => drop(write!(self.text, "${}", self.values.len())),
        }
        self
    }

    pub fn int(&mut self, value: i64) -> &mut Self {
        self.bind(Bound::Int(value))
    }

    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.bind(Bound::Bytes(value.to_vec()))
    }

    pub fn string(&mut self, value: &str) -> &mut Self {
        self.bind(Bound::Text(value.to_owned()))
    }

    /// Adds the condition that what was written last is one of a list. SQLite reads a list as JSON, once for a statement, so that the
    /// length of a list is not bounded by the number of values that a statement may have.
    pub fn is_one_of(&mut self, list: Bound) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => self.push(" = ANY(").bind(list).push(")"),
            Dialect::Sqlite => {
                let item = if matches!(list, Bound::ByteList(_)) { "unhex(value)" } else { "value" };
                self.push(" IN (SELECT ").push(item).push(" FROM json_each(").bind(list).push("))")
            }
        }
    }

    /// Adds a list as a table `w` with one column.
    pub fn table_of(&mut self, list: Bound, column: &str) -> &mut Self {
        match self.dialect {
            Dialect::Postgres => self.push("unnest(").bind(list).push(") AS w (").push(column).push(")"),
            Dialect::Sqlite => {
                let item = if matches!(list, Bound::ByteList(_)) { "unhex(value)" } else { "value" };
                self.push("(SELECT ")
                    .push(item)
                    .push(" AS ")
                    .push(column)
                    .push(" FROM json_each(")
                    .bind(list)
                    .push(")) AS w")
            }
        }
    }

    /// Adds the condition that a column's bytes hold some others.
    pub fn holds(&mut self, column: &str, part: &str) -> &mut Self {
        match self.dialect {
            Dialect::Sqlite => self.push("instr(").push(column).push(", ").bytes(part.as_bytes()).push(") > 0"),
            Dialect::Postgres => self.push("position(").bytes(part.as_bytes()).push(" IN ").push(column).push(") > 0"),
        }
    }

    /// Adds the table of facts as `name`, to be read by values.
    pub fn facts_by_value(&mut self, name: &str) -> &mut Self {
        self.push("fact AS ").push(name);
        if self.dialect == Dialect::Sqlite {
            self.push(" INDEXED BY fact_by_value");
        }
        self
    }

    /// Adds facts as `f`, to be looked up one event after the other.
    pub fn facts_of_event(&mut self) -> &mut Self {
        self.push("fact AS f");
        if self.dialect == Dialect::Sqlite {
            self.push(" NOT INDEXED");
        }
        self
    }

    /// Adds what keeps a planner from turning `EXISTS` into a join, whose order would be its own choice.
    pub fn as_it_stands(&mut self) -> &mut Self {
        match self.dialect {
            Dialect::Sqlite => self.push(" LIMIT 1 OFFSET 0"),
            Dialect::Postgres => self.push(" OFFSET 0"),
        }
    }

    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// A list of integers or texts as JSON, bytes as hexadecimal digits, for SQLite.
pub fn json_of(list: &Bound) -> String {
    let texts: Vec<String> = match list {
        Bound::Ints(all) => all.iter().map(i64::to_string).collect(),
        Bound::Texts(all) => all.iter().map(|text| serde_json::Value::from(text.as_str()).to_string()).collect(),
        Bound::ByteList(all) => all.iter().map(|bytes| format!("\"{}\"", hex(bytes))).collect(),
        Bound::Int(_) | Bound::Text(_) | Bound::Bytes(_) => Vec::new(),
    };
    format!("[{}]", texts.join(","))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
