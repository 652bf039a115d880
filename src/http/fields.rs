//! The members of a JSON request, taken one by one, so that a refusal names the one at fault.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::problem::{Code, Problem};
use sealane_core::json::child;

/// A JSON object whose members are being read.
#[derive(Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    pub fn of(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(fault(Code::BadMember, "", "the body must be a JSON object")),
        }
    }

    /// Takes a member that must be there.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        match self.0.remove(name) {
            Some(value) => read(&child("", name), value),
            None => Err(fault(Code::MissingMember, &child("", name), "this member is missing")),
        }
    }

    /// Takes a member that may be left out, and is not `null` instead.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        self.0.remove(name).map(|value| read(&child("", name), value)).transpose()
    }

    /// Takes a list, which is empty when it is left out.
    pub fn list<T: DeserializeOwned>(&mut self, name: &str) -> Result<Vec<T>, Problem> {
        let pointer = child("", name);
        match self.0.remove(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                items.into_iter().enumerate().map(|(at, item)| read(&child(&pointer, at), item)).collect()
            }
            Some(_) => Err(fault(Code::BadMember, &pointer, "expected a list")),
        }
    }

    /// Refuses whatever has not been taken.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(fault(Code::UnknownMember, &child("", name), "no member has this name here")),
        }
    }
}

fn read<T: DeserializeOwned>(pointer: &str, value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| fault(Code::BadMember, pointer, &error.to_string()))
}

fn fault(code: Code, pointer: &str, message: &str) -> Problem {
    let name = pointer.trim_start_matches('/');
    let detail = if name.is_empty() { message.to_owned() } else { format!("{name}: {message}") };
    Problem::new(code, detail).with_faults([(pointer, message)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use sealane_core::consortium::Role;

    fn fields() -> Fields {
        Fields::of(json!({"name": "x", "roles": ["shipper", "king"], "more": 1})).unwrap()
    }

    #[test]
    fn names_the_member_at_fault() {
        let text = |problem: Problem| format!("{} {}", problem.code().as_str(), problem.detail());
        assert!(
            text(fields().list::<Role>("roles").unwrap_err()).starts_with("bad-member roles/1: \"king\" is no role")
        );
        assert_eq!(text(fields().list::<Role>("name").unwrap_err()), "bad-member name: expected a list");
        assert_eq!(text(fields().required::<String>("csr").unwrap_err()), "missing-member csr: this member is missing");
        assert!(text(fields().required::<String>("more").unwrap_err()).starts_with("bad-member more: invalid type"));
        assert_eq!(text(Fields::of(json!([])).unwrap_err()), "bad-member the body must be a JSON object");
    }

    #[test]
    fn what_was_not_taken_is_unknown() {
        let mut fields = fields();
        assert_eq!(fields.required::<String>("name").unwrap(), "x");
        assert!(fields.list::<String>("glns").unwrap().is_empty());
        assert_eq!(fields.list::<String>("roles").unwrap().len(), 2);
        assert_eq!(fields.finish().unwrap_err().detail(), "more: no member has this name here");
    }
}
