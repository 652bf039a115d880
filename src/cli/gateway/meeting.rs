//! How a gateway comes to know its ledger: by a trust anchor in its directory, which a node's ledger must have the genesis of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{read_if_there, write_whole};
use crate::cli::failure::Failure;
use crate::cli::output::printable;
use crate::cli::provider::provider;
use crate::cli::trust;
use crate::gateway::nodes::NodeDoor;
use crate::gateway::{MeetError, Meeting};
use sealane_core::evidence::Anchor;

const ANCHOR_FILE: &str = "anchor.json";

/// Meets the ledger of some nodes.
pub struct FirstMeeting {
    pin: PathBuf,
    /// What the operator has named, or an earlier start has pinned.
    known: Option<Anchor>,
    doors: Vec<Arc<dyn NodeDoor>>,
}

impl FirstMeeting {
    pub fn new(data: &Path, named: Option<&Path>, doors: Vec<Arc<dyn NodeDoor>>) -> Result<Self, Failure> {
        let pin = data.join(ANCHOR_FILE);
        let pinned = read_if_there(&pin)?.map(|bytes| Anchor::parse(&bytes, provider().signatures)).transpose();
        let pinned = pinned.map_err(|error| Failure::unreachable(format!("{}: {error}", pin.display())))?;
        let named = named.map(trust::read).transpose()?;
        if let (Some(named), Some(pinned)) = (&named, &pinned)
            && named.genesis_id() != pinned.genesis_id()
        {
            return Err(Failure::unproven(format!(
                "--trust is the anchor of {}, and this gateway has sent to {}: give another --data",
                named.genesis().origin,
                pinned.genesis().origin
            )));
        }
        Ok(Self { pin, known: named.or(pinned), doors })
    }

    fn pin(&self, anchor: &Anchor) -> Result<(), MeetError> {
        let text =
            serde_json::to_string_pretty(&anchor.to_json()).map_err(|error| MeetError::Unpinned(error.to_string()))?;
        write_whole(&self.pin, &(text + "\n")).map_err(|failure| MeetError::Unpinned(failure.to_string()))
    }
}

impl Meeting for FirstMeeting {
    fn meet(&self) -> Result<Anchor, MeetError> {
        let mut met = self.known.clone();
        let mut silent = Vec::new();
        for door in &self.doors {
            let shown = door.get("/trust").and_then(|answer| match answer.status {
                200 => Anchor::parse(&answer.body, provider().signatures).map_err(|error| error.to_string()),
                status => Err(format!("{} answered /trust with status {status}", door.url())),
            });
            let shown = match shown {
                Ok(shown) => shown,
                Err(why) => {
                    silent.push(why);
                    continue;
                }
            };
            match &met {
                Some(met) if met.genesis_id() != shown.genesis_id() => {
                    return Err(MeetError::OtherLedger(format!(
                        "{} has the ledger {}, and this gateway sends to {}: give nodes of one ledger, or another --data",
                        door.url(),
                        printable(shown.genesis().origin.as_str()),
                        printable(met.genesis().origin.as_str())
                    )));
                }
                Some(_) => {}
                None => {
                    let (origin, fingerprint) = (printable(shown.genesis().origin.as_str()), shown.fingerprint());
                    tracing::warn!(
                        origin,
                        %fingerprint,
                        "first contact with this ledger: its trust anchor is pinned. Compare its fingerprint with a member's own"
                    );
                    met = Some(shown);
                }
            }
        }
        let met = met.ok_or_else(|| MeetError::NoNode(silent.join("; ")))?;
        self.pin(&met)?;
        Ok(met)
    }
}
