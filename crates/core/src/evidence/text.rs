//! The JSON of an evidence document, made part by part, so that the node never holds all of it.

use std::iter::{once, once_with};

use serde::Serialize;

use crate::evidence::Evidence;

/// A part of a document's text, or why it cannot be written.
type Part = serde_json::Result<Vec<u8>>;

impl Evidence {
    /// Gives the text that `serde_json::to_vec` gives of this document, in parts: one for each entry of a list, and one for each
    /// other member. What a part tells of is dropped with it.
    pub fn into_text(self) -> impl Iterator<Item = Part> + Send + use<> {
        let Self {
            version,
            id,
            label,
            checkpoint,
            commit,
            seal,
            signers,
            index,
            statements,
            registrations,
            seals,
            handovers,
            former_members,
            inclusion_proof,
        } = self;
        member("{\"version\":", version)
            .chain(member(",\"id\":", id))
            .chain(member(",\"label\":", label))
            .chain(member(",\"checkpoint\":", checkpoint))
            .chain(member(",\"commit\":", commit))
            .chain(member(",\"seal\":", seal))
            .chain(member(",\"signers\":", signers))
            .chain(list(",\"index\":[", index))
            .chain(list(",\"statements\":[", statements))
            .chain(list(",\"registrations\":[", registrations))
            .chain(list(",\"seals\":[", seals))
            .chain(list(",\"handovers\":[", handovers))
            .chain(list(",\"formerMembers\":[", former_members))
            .chain(member(",\"inclusionProof\":", inclusion_proof))
            .chain(once(Ok(b"}".to_vec())))
    }
}

fn member(name: &'static str, value: impl Serialize + Send) -> impl Iterator<Item = Part> + Send {
    once_with(move || written(name, &value))
}

fn list<T: Serialize + Send>(name: &'static str, items: Vec<T>) -> impl Iterator<Item = Part> + Send {
    let entries = items.into_iter().enumerate();
    let entries = entries.map(|(at, item)| written(if at == 0 { "" } else { "," }, &item));
    once(Ok(name.as_bytes().to_vec())).chain(entries).chain(once(Ok(b"]".to_vec())))
}

fn written(before: &str, value: &impl Serialize) -> Part {
    let mut text = before.as_bytes().to_vec();
    serde_json::to_writer(&mut text, value)?;
    Ok(text)
}
