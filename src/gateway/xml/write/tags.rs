//! Tags and texts as they are written, with the prefixes that they need.

use std::collections::HashMap;
use std::fmt::Write;

use crate::gateway::xml::characters::{is_char, is_name};

/// A text of elements. A prefix is declared at the top by the first who uses it, and again where it stands for something else.
pub(super) struct Tags {
    out: String,
    /// What each open element is called, whether its tag is still open, and how many declarations were in force before it.
    open: Vec<OpenTag>,
    top: HashMap<String, String>,
    /// The same in the order in which they came.
    order: Vec<String>,
    local: Vec<(String, String)>,
}

struct OpenTag {
    name: String,
    is_open: bool,
    mark: usize,
}

/// Prefixes that are none of an extension's.
const RESERVED: [&str; 4] = ["epcis", "epcisq", "xsi", "xsd"];

impl Tags {
    pub(super) fn new() -> Self {
        Self { out: String::new(), open: Vec::new(), top: HashMap::new(), order: Vec::new(), local: Vec::new() }
    }

    /// The declarations of the top, and the elements.
    pub(super) fn finish(self) -> (String, String) {
        let mut declarations = String::new();
        for prefix in &self.order {
            let namespace = self.top.get(prefix).map(String::as_str).unwrap_or_default();
            let _ = write!(declarations, " xmlns:{prefix}=\"{}\"", escaped(namespace));
        }
        (declarations, self.out)
    }

    pub(super) fn open(&mut self, name: &str) {
        self.close_tag();
        self.out.push('<');
        self.out.push_str(name);
        self.open.push(OpenTag { name: name.to_owned(), is_open: true, mark: self.local.len() });
    }

    /// Opens an element in a namespace.
    pub(super) fn open_in(&mut self, prefix: &str, namespace: &str, local: &str) {
        self.close_tag();
        let mark = self.local.len();
        let name = format!("{}:{local}", self.prefix(prefix, namespace));
        self.out.push('<');
        self.out.push_str(&name);
        self.open.push(OpenTag { name, is_open: true, mark });
    }

    pub(super) fn close(&mut self) {
        let Some(tag) = self.open.pop() else { return };
        if tag.is_open {
            self.out.push_str("/>");
        } else {
            let _ = write!(self.out, "</{}>", tag.name);
        }
        self.local.truncate(tag.mark);
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, " {name}=\"{}\"", escaped(value));
    }

    pub(super) fn attribute_in(&mut self, prefix: &str, namespace: &str, local: &str, value: &str) {
        let prefix = self.prefix(prefix, namespace);
        self.attribute(&format!("{prefix}:{local}"), value);
    }

    pub(super) fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.close_tag();
            self.out.push_str(&escaped(text));
        }
    }

    /// Declares a prefix in the open tag, if it does not stand for this yet and may.
    pub(super) fn declare(&mut self, prefix: &str, namespace: &str) {
        if !is_usable(prefix) || namespace.is_empty() || !namespace.chars().all(is_char) {
            return;
        }
        match self.find(prefix) {
            Some(found) if found == namespace => {}
            Some(_) => self.declare_here(prefix, namespace),
            None => self.declare_at_top(prefix, namespace),
        }
    }

    /// The prefix by which a namespace is named here.
    fn prefix(&mut self, wished: &str, namespace: &str) -> String {
        if is_usable(wished) {
            match self.find(wished) {
                Some(found) if found == namespace => return wished.to_owned(),
                Some(_) => {}
                None => {
                    self.declare_at_top(wished, namespace);
                    return wished.to_owned();
                }
            }
        }
        let is_known = |prefix: &&String| self.find(prefix.as_str()) == Some(namespace);
        if let Some(known) = self.order.iter().find(is_known) {
            return known.clone();
        }
        // A prefix of our own, at the top: it hides no other.
        let mut number = self.order.len() + 1;
        while self.find(&format!("ns{number}")).is_some() {
            number += 1;
        }
        let prefix = format!("ns{number}");
        self.declare_at_top(&prefix, namespace);
        prefix
    }

    fn find(&self, prefix: &str) -> Option<&str> {
        let local = self.local.iter().rev().find(|(declared, _)| declared == prefix).map(|(_, namespace)| namespace);
        local.or_else(|| self.top.get(prefix)).map(String::as_str)
    }

    fn declare_at_top(&mut self, prefix: &str, namespace: &str) {
        self.top.insert(prefix.to_owned(), namespace.to_owned());
        self.order.push(prefix.to_owned());
    }

    fn declare_here(&mut self, prefix: &str, namespace: &str) {
        if self.open.last().is_some_and(|tag| tag.is_open) {
            let _ = write!(self.out, " xmlns:{prefix}=\"{}\"", escaped(namespace));
            self.local.push((prefix.to_owned(), namespace.to_owned()));
        }
    }

    fn close_tag(&mut self) {
        if let Some(tag) = self.open.last_mut().filter(|tag| tag.is_open) {
            tag.is_open = false;
            self.out.push('>');
        }
    }
}

fn is_usable(prefix: &str) -> bool {
    is_name(prefix)
        && !RESERVED.contains(&prefix)
        && !prefix.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"))
}

/// Text as it may stand between tags and in an attribute, also after a reader has evened out its white space.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            _ => out.push(c),
        }
    }
    out
}
