//! How far the members' nodes are, and whether they hold one ledger.

use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::failure::Failure;
use crate::cli::node::now;
use crate::cli::output::columns;
use sealane_core::agreement::proposer_of;
use sealane_core::block::{Checkpoint, Commit, Height, MemberSet, Seal};
use sealane_core::provenance::{Policy, stale};

/// How long is waited for what members bring about together: connections, blocks that were missed.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether that is so.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Characters of a root that people are shown.
const ROOT_CHARS: usize = 12;

/// The last block of a node, as `GET /ledger/blocks/latest` shows it.
#[derive(Debug, Deserialize)]
pub struct NodeTip {
    pub height: Height,
    seal: String,
    checkpoint: String,
    commit: Commit,
}

/// A member's name, the URL of its node, and what that shows.
pub struct MemberTip<'a> {
    pub name: &'a str,
    pub url: &'a str,
    pub tip: &'a NodeTip,
}

impl NodeTip {
    pub fn of(client: &Client) -> Result<Self, Failure> {
        let answer = client.get_json("/ledger/blocks/latest")?;
        Self::deserialize(&answer)
            .map_err(|error| Failure::unreachable(format!("{} shows no block: {error}", client.url())))
    }

    fn checkpoint(&self) -> Result<Checkpoint, Failure> {
        self.checkpoint.parse().map_err(Failure::unproven)
    }

    /// Who proposed the block, and whose signatures make it final. The node that shows it may have others than its neighbour.
    pub fn told(&self, members: &MemberSet) -> String {
        let Commit { height, round, .. } = self.commit;
        let proposer = proposer_of(members, height, round).name();
        format!(
            "Block {height} was proposed by {proposer}, and is final by the signatures of {}.",
            signers(&self.commit, members)
        )
    }
}

impl MemberTip<'_> {
    pub fn to_json(&self) -> Result<Value, Failure> {
        let root = self.tip.checkpoint()?.root;
        Ok(json!({"name": self.name, "url": self.url, "height": self.tip.height, "root": root}))
    }
}

/// Names those who signed a block, in the order of `kid`.
pub fn signers(commit: &Commit, members: &MemberSet) -> String {
    let named = |kid| members.get(kid).map_or_else(|| format!("{kid}"), |member| member.name().to_owned());
    list(&commit.signatures.iter().map(|one| named(&one.kid)).collect::<Vec<_>>())
}

/// A line for each member under a head.
pub fn table(members: &[MemberTip<'_>]) -> Result<Vec<String>, Failure> {
    let mut rows = vec![["member", "node", "height", "leaves", "root"].map(str::to_owned)];
    for MemberTip { name, url, tip } in members {
        let Checkpoint { size, root, .. } = tip.checkpoint()?;
        let root: String = root.to_string().chars().take(ROOT_CHARS).collect();
        rows.push([
            (*name).to_owned(),
            (*url).to_owned(),
            tip.height.to_string(),
            size.to_string(),
            format!("{root}…"),
        ]);
    }
    Ok(columns(&rows, 2..=3))
}

/// Waits until each node is ready: it has met enough others to agree with.
pub fn wait_until_ready(clients: &[&Client]) -> Result<(), Failure> {
    for client in clients {
        wait_for("a node is not ready", || client.get("/health/ready").map(Some))?;
    }
    Ok(())
}

/// Waits until all nodes show the same last block, and returns it as each shows it.
pub fn wait_until_level(clients: &[&Client]) -> Result<Vec<NodeTip>, Failure> {
    wait_for("the nodes show different blocks", || {
        let tips = clients.iter().map(|client| NodeTip::of(client)).collect::<Result<Vec<_>, _>>()?;
        let level = tips.windows(2).all(|two| two[0].checkpoint == two[1].checkpoint);
        Ok(level.then_some(tips))
    })
}

/// Waits until the last block is young enough for a verdict to stand on. A ledger that stood still gets one when its nodes
/// have met.
pub fn wait_until_recent(client: &Client) -> Result<(), Failure> {
    wait_for("the last block is too old", || {
        let seal = Seal::parse(NodeTip::of(client)?.seal.as_bytes()).map_err(Failure::unproven)?;
        Ok(stale(seal.time, now(), &Policy::default()).is_none().then_some(()))
    })
}

/// Asks again and again until there is an answer. Fails with what stood in the way last, or with `lack`.
pub fn wait_for<T>(lack: &str, ask: impl Fn() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let began = Instant::now();
    loop {
        let failure = match ask() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => Failure::unreachable(lack),
            Err(failure) => failure,
        };
        if began.elapsed() > WAIT_MAX {
            return Err(Failure::unreachable(format!("after {} s still: {failure}", WAIT_MAX.as_secs())));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Writes "A, B and C".
pub fn list(names: &[impl AsRef<str>]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealane_core::block::Origin;
    use sealane_core::hash::Hash;
    use sealane_core::merkle::TreeSize;

    #[test]
    fn names_are_listed_as_people_say_them() {
        assert_eq!(list(&[] as &[&str]), "");
        assert_eq!(list(&["A"]), "A");
        assert_eq!(list(&["A", "B", "C"]), "A, B and C");
    }

    #[test]
    fn a_table_for_people() {
        let origin: Origin = "demo.example/1".parse().unwrap();
        let checkpoint = Checkpoint { origin, size: TreeSize::new(31).unwrap(), root: Hash::of(b"root") };
        let height = Height::new(15).unwrap();
        let commit = Commit { height, round: 0, signatures: Vec::new() };
        let tip = NodeTip { height, seal: String::new(), checkpoint: checkpoint.to_text(), commit };
        let shown = MemberTip { name: "Guild", url: "http://127.0.0.1:8081", tip: &tip };
        let root: String = Hash::of(b"root").to_string().chars().take(12).collect();
        assert_eq!(
            table(&[shown]).unwrap(),
            [
                "member  node                   height  leaves  root".to_owned(),
                format!("Guild   http://127.0.0.1:8081      15      31  {root}…"),
            ]
        );
    }
}
