//! Ledgers served by the test itself: a copy of a node's, blocks that its member's key signs by hand, and answers of
//! any kind.

use sealane_core::ledger::PlacedRecord;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use sealane::app::Head;
use sealane::pki::{NotePrivateKey, PrivateKey};
use sealane::ports::LedgerStore;
use sealane::store::SqliteStore;
use sealane_core::block::{Checkpoint, Commit, CommitSignature, Leaf, Note, NoteKey, Origin, Seal};
use sealane_core::consortium::Registry;
use sealane_core::index::names::Names;
use sealane_core::index::{ListEntry, SignerTag, SubjectIndex};
use sealane_core::merkle::{self, Frontier, TilePath};
use sealane_core::statement::{Draft, Header, P256, Signature, StatementType, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

/// One answer to a GET.
pub enum Reply {
    Body(Vec<u8>),
    /// A body that says that it is JSON.
    Json(Value),
    Status(u16, &'static str),
    /// Without an end.
    Endless,
    /// Fewer bytes than were announced.
    CutShort(Vec<u8>),
}

/// A server on a free port, until it is dropped.
pub struct Server {
    pub url: String,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stopped = Arc::new(AtomicBool::new(false));
        let (stop, answer) = (Arc::clone(&stopped), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || serve(stream.unwrap(), &*answer));
            }
        });
        Self { url, stopped, thread: Some(thread) }
    }

    /// Stands before a node and changes what it answers: `change` is given the path and the node's body, and `None` of
    /// it leaves the answer as it is.
    pub fn before(url: &str, change: impl Fn(&str, &[u8]) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let url = url.to_owned();
        Self::start(move |path| match get(&url, path) {
            Ok(body) => change(path, &body).unwrap_or(Reply::Body(body)),
            Err(status) => Reply::Status(status, ""),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        let _ = self.thread.take().unwrap().join();
    }
}

/// The body of a 200, or another status.
pub fn get(url: &str, path: &str) -> Result<Vec<u8>, u16> {
    match ureq::get(format!("{url}{path}")).call() {
        Ok(mut answer) => Ok(answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap()),
        Err(ureq::Error::StatusCode(status)) => Err(status),
        Err(error) => panic!("{url}{path}: {error}"),
    }
}

/// Whoever asks may hang up at any time, as the program does on an answer that it refuses.
fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.by_ref().lines();
    let Some(Ok(first)) = lines.next() else { return };
    let head: Vec<String> = lines.map_while(|line| line.ok().filter(|line| !line.is_empty())).collect();
    // A body that is left unread would break off the connection before the answer is read.
    let length_in = |line: &String| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<u64>().ok();
    let length = head.iter().find_map(length_in).unwrap_or_default();
    let _ = std::io::copy(&mut reader.take(length), &mut std::io::sink());
    let path = first.split(' ').nth(1).unwrap();
    let head = |status: u16, further: &str| format!("HTTP/1.1 {status} Any\r\nConnection: close\r\n{further}\r\n");
    let sized = |length: usize| head(200, &format!("Content-Length: {length}\r\n"));
    let _ = match answer(path) {
        Reply::Body(body) => stream.write_all(&[sized(body.len()).as_bytes(), &body].concat()),
        Reply::Json(body) => {
            let body = body.to_string();
            let further = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
            stream.write_all(&[head(200, &further).as_bytes(), body.as_bytes()].concat())
        }
        Reply::Status(status, further) => stream.write_all(head(status, further).as_bytes()),
        Reply::CutShort(body) => stream.write_all(&[sized(body.len() + 1).as_bytes(), &body].concat()),
        Reply::Endless => {
            let mut sent = stream.write_all(head(200, "").as_bytes());
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 65_536]);
            }
            Ok(())
        }
    };
}

/// A ledger in memory that goes on from a node's, with the member's key in hand.
#[derive(Clone)]
pub struct Shelf {
    key: Arc<PrivateKey>,
    note_key: Arc<NotePrivateKey>,
    leaves: Vec<Vec<u8>>,
    blocks: Vec<Value>,
    frontier: Frontier,
    index: SubjectIndex,
    registry: Arc<Registry>,
    last: Seal,
}

impl Shelf {
    /// Takes up the ledger in the data directory of a node that was stopped.
    pub fn of(data: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqliteStore::open(&data.join("ledger.sqlite")).unwrap();
            let tip = store.tip().await.unwrap().unwrap();
            let leaves = store.leaves(0..tip.size().get()).await.unwrap();
            let registry = Head::load(&store, &P256).await.unwrap().registry;
            let mut frontier = Frontier::new();
            for leaf in &leaves {
                frontier.push(merkle::leaf_hash(&leaf.bytes));
            }
            let mut index = SubjectIndex::new();
            for PlacedRecord { place, record } in
                store.records_from(leaves[0].index, u32::MAX, usize::MAX).await.unwrap()
            {
                for (key, entry) in record.list_entries(place.leaf) {
                    assert!(index.append(key, entry).unwrap());
                }
            }
            let mut blocks = store.last_blocks(u32::MAX).await.unwrap();
            blocks.reverse();
            Self {
                key: Arc::new(PrivateKey::read(&data.join("member-key.pem")).unwrap()),
                note_key: Arc::new(NotePrivateKey::read(&data.join("member-note-key.pem")).unwrap()),
                leaves: leaves.into_iter().map(|leaf| leaf.bytes).collect(),
                blocks: blocks.iter().map(|one| block(&one.seal, &one.checkpoint, &one.commit, &one.note)).collect(),
                frontier,
                index,
                registry,
                last: tip.seal,
            }
        })
    }

    /// An admin statement of any payload by the member's key.
    pub fn sign_admin(&self, payload: &[u8]) -> String {
        let header = Header::admin(self.key.public().thumbprint(), self.origin().as_str(), self.last.time);
        sign(Draft::new(header, payload).unwrap(), self.key.signing_key()).compact().to_owned()
    }

    /// Who a list entry says to have signed; of a stranger some participant.
    fn signer_of(&self, statement: &str) -> SignerTag {
        let statement = SubmittedStatement::parse(statement.as_bytes()).ok();
        match statement.as_ref().map(|statement| (statement.header().typ(), *statement.header().signer().hash())) {
            Some((StatementType::Admin, kid)) => SignerTag::of_member(&kid),
            Some((_, certificate)) => {
                let known = self.registry.certificate(&certificate).map(|(one, _)| SignerTag::of_participant(&one.id));
                known.unwrap_or(SignerTag::Participant([0; 16]))
            }
            None => SignerTag::Participant([0; 16]),
        }
    }

    fn origin(&self) -> Origin {
        self.blocks[0]["checkpoint"].as_str().unwrap().lines().next().unwrap().parse().unwrap()
    }

    /// The height of the last block.
    pub fn height(&self) -> u64 {
        self.last.height.get()
    }

    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Signs a block of statements, each with the subjects that it is put under.
    pub fn append(&mut self, statements: &[(String, Names)]) {
        self.append_altered(statements, |_, bytes| bytes);
    }

    /// Signs a block of a seal alone, closed at a time and by rules of any number.
    pub fn append_by_rules(&mut self, time: Timestamp, rules: u32) {
        let time = time.plus_millis(-1_000);
        self.last = Seal { time, rules, enacted: Vec::new(), ..self.last.clone() };
        self.append(&[]);
    }

    /// Signs a block whose leaves are altered before they are hashed, by their place in the block.
    pub fn append_altered(&mut self, statements: &[(String, Names)], alter: impl Fn(usize, Vec<u8>) -> Vec<u8>) {
        let (previous_size, previous_root) = (self.frontier.size(), self.frontier.root());
        for (place, (statement, names)) in statements.iter().enumerate() {
            let leaf = self.frontier.size().next_index();
            for (subject, acts) in names {
                let entry = ListEntry { leaf, signer: self.signer_of(statement), acts: *acts };
                assert!(self.index.append(subject.key(), entry).unwrap());
            }
            self.push(alter(place, Leaf::of_statement(statement).encode()));
        }
        let seal = Seal {
            height: self.last.height.next(),
            time: self.last.time.plus_millis(1_000),
            previous_size,
            previous_root,
            index_root: self.index.root(),
            ..self.last.clone()
        };
        self.push(alter(statements.len(), Leaf::Seal(seal.clone()).encode()));
        let checkpoint = Checkpoint { origin: self.origin(), size: self.frontier.size(), root: self.frontier.root() };
        let key = self.key.signing_key();
        let signatures = vec![CommitSignature::sign(key, seal.height, 0, &checkpoint)];
        let commit = Commit { height: seal.height, round: 0, signatures };
        let text = checkpoint.to_text();
        let ecdsa = NoteKey::ecdsa(checkpoint.origin.clone(), self.key.public().clone());
        let ed25519 = NoteKey::ed25519(checkpoint.origin.clone(), self.note_key.public());
        let first = ecdsa.line(Signature::sign(key, text.as_bytes()).to_der().unwrap());
        let second = ed25519.line(self.note_key.sign(text.as_bytes()).to_vec());
        let note = Note::new(text, vec![first, second]).unwrap().to_text();
        self.blocks.push(block(&seal, &checkpoint, &commit, &note));
        self.last = seal;
    }

    fn push(&mut self, bytes: Vec<u8>) {
        self.frontier.push(merkle::leaf_hash(&bytes));
        self.leaves.push(bytes);
    }

    pub fn serve(self) -> Server {
        Server::start(move |path| self.answer(path).map_or(Reply::Status(404, ""), Reply::Body))
    }

    fn answer(&self, path: &str) -> Option<Vec<u8>> {
        let path = path.strip_prefix("/ledger/")?;
        if path == "checkpoint" {
            return Some(self.blocks.last()?["note"].as_str()?.as_bytes().to_vec());
        }
        if let Some(height) = path.strip_prefix("blocks/") {
            let height = if height == "latest" { self.blocks.len() - 1 } else { height.parse().ok()? };
            return Some(self.blocks.get(height)?.to_string().into_bytes());
        }
        let Ok(TilePath::Entries(bundle)) = path.parse() else { return None };
        let positions = bundle.positions();
        let leaves = self.leaves.get(positions.start as usize..positions.end as usize)?;
        Some(merkle::encode_entries(leaves.iter().map(Vec::as_slice)).unwrap())
    }
}

fn block(seal: &Seal, checkpoint: &Checkpoint, commit: &Commit, note: &str) -> Value {
    json!({
        "height": seal.height,
        "seal": seal.to_json(),
        "checkpoint": checkpoint.to_text(),
        "note": note,
        "commit": commit,
        "from": seal.previous_size,
        "to": checkpoint.size,
    })
}
