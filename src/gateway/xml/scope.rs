//! Which prefixes stand for which namespaces where a tag stands (Namespaces in XML 1.0 §6).

use std::collections::HashSet;

use super::NAMESPACES_MAX;
use super::characters::trimmed;
use super::fault::FaultAt;
use super::namespace::XML_NAMESPACE;
use super::parse::{cut, name, objection_to};
use super::tree::{NO_NAMESPACE, Name, NamespaceNumber, Namespaces};

pub(super) struct Scope<'t> {
    namespaces: Namespaces,
    /// Declarations in force; the last one of a prefix counts.
    declarations: Vec<(&'t str, NamespaceNumber)>,
    /// How many were in force before each open element.
    marks: Vec<usize>,
    /// Each pair once, in the order of the document.
    declared: Vec<(&'t str, NamespaceNumber)>,
    seen: HashSet<(&'t str, NamespaceNumber)>,
}

impl<'t> Scope<'t> {
    pub(super) fn new() -> Self {
        let mut namespaces = Namespaces::new();
        let xml = namespaces.number(XML_NAMESPACE);
        Self {
            namespaces,
            declarations: vec![("xml", xml)],
            marks: Vec::new(),
            declared: Vec::new(),
            seen: HashSet::new(),
        }
    }

    pub(super) fn open(&mut self) {
        self.marks.push(self.declarations.len());
    }

    pub(super) fn close(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.declarations.truncate(mark);
        }
    }

    pub(super) fn declare(&mut self, prefix: &'t str, uri: &str, at: usize) -> Result<(), FaultAt> {
        let uri = trimmed(uri);
        if let Some(objection) = objection_to(prefix, uri) {
            return Err(FaultAt::new(at, objection));
        }
        if !prefix.is_empty() {
            cut(prefix, at)?;
        }
        let number = self.namespaces.number(uri);
        self.declarations.push((prefix, number));
        if self.seen.insert((prefix, number)) {
            self.declared.push((prefix, number));
        }
        if self.declarations.len() > NAMESPACES_MAX || self.namespaces.len() > NAMESPACES_MAX {
            return Err(FaultAt::new(at, format!("a document declares at most {NAMESPACES_MAX} namespaces")));
        }
        Ok(())
    }

    pub(super) fn element(&self, written: &'t str, at: usize) -> Result<Name<'t>, FaultAt> {
        let (prefix, local) = cut(written, at)?;
        let number = match self.find(prefix) {
            Some(number) => number,
            None if prefix.is_empty() => NO_NAMESPACE,
            None => return Err(undeclared(prefix, at)),
        };
        Ok(name(&self.namespaces, number, local))
    }

    /// The name of an attribute: without a prefix it is in no namespace, whatever the element's is.
    pub(super) fn attribute(&self, written: &'t str, at: usize) -> Result<Name<'t>, FaultAt> {
        let (prefix, local) = cut(written, at)?;
        let number = match prefix {
            "" => NO_NAMESPACE,
            _ => self.find(prefix).ok_or_else(|| undeclared(prefix, at))?,
        };
        Ok(name(&self.namespaces, number, local))
    }

    pub(super) fn finish(self) -> (Namespaces, Vec<(&'t str, NamespaceNumber)>) {
        (self.namespaces, self.declared)
    }

    fn find(&self, prefix: &str) -> Option<NamespaceNumber> {
        self.declarations.iter().rev().find(|(declared, _)| *declared == prefix).map(|(_, number)| *number)
    }
}

fn undeclared(prefix: &str, at: usize) -> FaultAt {
    FaultAt::new(
        at,
        format!("the prefix `{prefix}` is not declared: say which namespace it stands for, by xmlns:{prefix}"),
    )
}
