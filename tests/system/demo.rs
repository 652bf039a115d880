//! `demo`: the story of several members, what it leaves behind, and that no node outlives it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use sealane::config::Config;
use serde_json::{Value, json};

use crate::support::{Node, path, run, run_ok, sealane, text};

/// How long a test waits for what has to happen: much longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

const NAMES: [&str; 4] = ["makers", "carriers", "pharmacists", "regulator"];

/// A running demonstration that leads a process group, as one does that was started at a terminal.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let mut command = sealane(&["demo"]);
        command.args(arguments).process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (told, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            text(&bytes)
        });
        Self { child, lines, errors: Some(errors) }
    }

    /// Reads until a line contains `words`; returns all that was read.
    #[track_caller]
    fn read_until(&self, words: &str) -> Vec<String> {
        let mut read = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => read.push(line),
                Err(error) => panic!("no {words:?} ({error}) in:\n{}", read.join("\n")),
            }
            if read.last().is_some_and(|line| line.contains(words)) {
                return read;
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The processes that the demonstration has started.
    fn children(&self) -> Vec<Pid> {
        let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
        let own = self.child.id().to_string();
        let child = |line: &str| {
            let mut words = line.split_whitespace();
            let pid = words.next()?.parse().ok()?;
            (words.next()? == own).then(|| Pid::from_raw(pid)).flatten()
        };
        text(&listed.stdout).lines().filter_map(child).collect()
    }

    /// Waits for its end; returns the exit code and what it said on standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it did not end");
            thread::sleep(Duration::from_millis(20));
        }
        (self.child.wait().unwrap().code(), self.errors.take().unwrap().join().unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells whether a process is there. One that has ended, and for which its parent has not asked, is gone.
fn is_there(pid: Pid) -> bool {
    let shown = Command::new("ps").args(["-o", "stat=", "-p", &pid.as_raw_pid().to_string()]).output().unwrap();
    let state = text(&shown.stdout);
    !state.trim().is_empty() && !state.starts_with('Z')
}

/// Waits until the processes are gone, which nothing tells of if they have lost their parent.
#[track_caller]
fn wait_until_gone(pids: &[Pid]) {
    let until = Instant::now() + PATIENCE;
    while pids.iter().any(|pid| is_there(*pid)) {
        assert!(Instant::now() < until, "nodes are left: {pids:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn demo(data: &Path, arguments: &[&str]) -> Output {
    let mut all = vec!["demo", "--data", path(data)];
    all.extend(arguments);
    run(&all)
}

#[track_caller]
fn refused(data: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = demo(data, arguments);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
    for word in words {
        assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}");
    }
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
}

/// What a demonstration printed: one JSON object on one line.
#[track_caller]
fn told(output: &Output) -> Value {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{stdout}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    serde_json::from_str(&stdout).unwrap()
}

/// The members must hold one ledger; returns their URLs.
#[track_caller]
fn level(told: &Value, names: &[&str]) -> Vec<String> {
    let members = told["members"].as_array().unwrap();
    let shown: Vec<&str> = members.iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!(shown, names);
    for member in members {
        assert_eq!((&member["height"], &member["root"]), (&members[0]["height"], &members[0]["root"]), "{told}");
        assert_eq!(member["root"].as_str().unwrap().len(), 43, "{told}");
    }
    assert!(members[0]["height"].as_u64().unwrap() > 9, "{told}");
    members.iter().map(|member| member["url"].as_str().unwrap().to_owned()).collect()
}

const MEMBERS: [&str; 4] = ["Medicine Makers Union", "Carriers Guild", "Chamber of Pharmacists", "Medicines Regulator"];

#[test]
fn four_members_tell_one_story_and_each_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    let first = told(&demo(&home, &["--no-serve", "--json", "--listen", "127.0.0.1:0"]));
    let urls = level(&first, &MEMBERS);
    assert_eq!(
        first["outage"],
        json!({"withoutOne": {"posted": 3, "final": 3}, "withoutTwo": {"status": 503, "code": "no-quorum"}})
    );
    let verdicts: Vec<&Value> = first["products"].as_array().unwrap().iter().map(|one| &one["verdict"]).collect();
    assert_eq!(verdicts, ["authentic", "disputed"]);
    for product in first["products"].as_array().unwrap() {
        assert!(product["url"].as_str().unwrap().starts_with(&format!("{}/01/", urls[0])), "{first}");
        assert!(!product["reasons"].as_array().unwrap().is_empty(), "{first}");
    }

    // Each directory is a whole member: sound, and with all that its node needs.
    for (name, url) in NAMES.iter().zip(&urls) {
        let data = home.join(name);
        let audit: Value = serde_json::from_str(&run_ok(&["audit", "--json", "--data", path(&data)])).unwrap();
        assert_eq!(audit["participants"], 4, "{audit}");
        let config = Config::read(&data).unwrap();
        assert_eq!(config.listen.as_deref(), url.strip_prefix("http://"));
        assert_eq!(config.public_url.as_ref(), Some(url));
        assert_eq!(config.peers.addresses.len(), 3);
    }
    let node = Node::spawn(
        tempfile::tempdir().unwrap(),
        sealane(&["serve", "--json", "--data", path(&home.join("regulator"))]),
    );
    assert_eq!((&node.url, node.origin.as_str()), (&urls[3], first["origin"].as_str().unwrap()));
    drop(node);

    // Another number of members is another demonstration.
    refused(&home, &["--members", "1"], 2, &["has the directories of 4 members: run `sealane demo --members 4`"]);
    refused(&home, &["--members", "5"], 2, &["has the directories of 4 members", "or choose another --data"]);

    // A port that is taken is named: of clients, and of members' nodes.
    let address = urls[1].strip_prefix("http://").unwrap();
    let held = TcpListener::bind(address).unwrap();
    refused(&home, &["--no-serve"], 3, &[&format!("cannot listen on {address}"), "choose another --listen"]);
    drop(held);
    let peer = Config::read(&home.join("carriers")).unwrap().peers.listen.unwrap();
    let held = TcpListener::bind(peer).unwrap();
    let log = home.join("carriers").join("node.log");
    let says = format!("{} says:\nsealane: cannot listen on {peer}", log.display());
    let words = ["the node of Carriers Guild did not start", &says];
    refused(&home, &["--no-serve"], 3, &words);
    drop(held);

    // A second run serves what is there, and no node outlives it, even if it is killed.
    let again = Demo::start(&["--json", "--data", path(&home)]);
    let line = again.read_until("{").remove(0);
    let second: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(level(&second, &MEMBERS), urls);
    assert_eq!((&second["origin"], second.get("outage")), (&first["origin"], None));
    assert_eq!(second["products"][0]["verdict"], "authentic");
    refused(&home, &["--no-serve"], 3, &["another sealane process is using "]);
    let nodes = again.children();
    assert_eq!(nodes.len(), 4);
    assert!(nodes.iter().all(|pid| is_there(*pid)));
    kill_process(again.pid(), Signal::KILL).unwrap();
    wait_until_gone(&nodes);
}

#[test]
fn the_story_is_told_to_people_and_ctrl_c_stops_every_node() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    let demo = Demo::start(&["--listen", "127.0.0.1:0", "--data", path(&home)]);
    let story = demo.read_until("Later, each member goes on by itself: ").join("\n");
    for words in [
        "1. Four organisations found one ledger together.",
        "has the same fingerprint at all four:",
        "2. Four nodes start, each a process of its own",
        "3. Organisations register at one member, Medicine Makers Union.",
        "a post is final when three of four members have checked and signed its block",
        "5. Two boxes are scanned at another member, Medicines Regulator.",
        "AUTHENTIC  https://id.gs1.org/01/09506000134352/21/7H3KX9QZ2M",
        "DISPUTED  https://id.gs1.org/01/09506000134352/21/4W8RT5VN6C",
        "6. The node of Carriers Guild is killed. Three of four members must agree, and three are left: posting goes on.",
        "7. The node of Chamber of Pharmacists is killed too. Two are left, and nothing becomes final.",
        "is answered 503 no-quorum:\n   not taken: 3 of 4 members must agree and 2 can be reached (missing: ",
        // In the order of their keys, which are new in each run.
        "Carriers Guild, since ",
        "Chamber of Pharmacists, since ",
        "Verifying goes on: authentic at Medicines Regulator",
        "8. Carriers Guild and Chamber of Pharmacists come back, on their own data.",
        "Carriers Guild has fetched the three blocks that it missed",
        "The post that was refused is posted again, the same bytes:",
        "9. All four hold the same ledger.",
        " and is final by the signatures of ",
        "Serving until Ctrl-C, at",
    ] {
        assert!(story.contains(words), "no {words:?} in\n{story}");
    }
    // README's example of a verdict is what the program prints, but for the days and where lines end.
    let readme = include_str!("../../README.md");
    let shown = readme.split_once("```text\nDISPUTED").and_then(|(_, rest)| rest.split_once("\n…")).unwrap().0;
    let without_days = |text: &str| {
        let words = text.split_whitespace().map(|word| if word.starts_with("20") { "DAY" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    assert!(
        without_days(&story).contains(&without_days(shown)),
        "README shows {shown:?}, and the demo prints\n{story}"
    );
    // A node that ends by itself is told of, and the others go on.
    let nodes = demo.children();
    assert_eq!(nodes.len(), 4);
    let last = story.lines().find_map(|line| line.split_once("`members` again: kill ")).unwrap().1;
    let last = Pid::from_raw(last.parse().unwrap()).unwrap();
    assert!(nodes.contains(&last));
    kill_process(last, Signal::KILL).unwrap();
    wait_until_gone(&[last]);
    // The terminal's Ctrl-C reaches the whole group of the demonstration.
    kill_process_group(demo.pid(), Signal::INT).unwrap();
    let end = demo.read_until("All four nodes have stopped");
    assert!(end.last().unwrap().ends_with("everything acknowledged is on disk."), "{end:?}");
    let (code, says) = demo.end();
    assert_eq!(code, Some(0), "{says}");
    wait_until_gone(&nodes);
    let others = says.lines().filter(|line| !line.contains("the node of Medicines Regulator has ended (signal: 9"));
    assert_eq!(others.count(), 0, "{says}");
}

#[test]
fn a_stop_in_the_middle_leaves_no_node_and_is_told_of_later() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    let demo = Demo::start(&["--listen", "127.0.0.1:0", "--data", path(&home)]);
    demo.read_until("2. Four nodes start");
    let nodes = demo.children();
    assert_eq!(nodes.len(), 4);
    kill_process(demo.pid(), Signal::TERM).unwrap();
    let (code, says) = demo.end();
    assert_eq!(code, Some(3), "{says}");
    assert!(says.contains("stopped before the end of the story: remove ") && says.contains(path(&home)), "{says}");
    assert_eq!(says.lines().count(), 1, "{says}");
    wait_until_gone(&nodes);
    refused(&home, &["--no-serve"], 3, &["was cut short: remove ", path(&home), "choose another --data"]);
}

#[test]
fn one_member_alone_is_a_demonstration_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    let one = ["--members", "1", "--no-serve", "--json", "--listen", "127.0.0.1:0"];
    let first = told(&demo(&home, &one));
    level(&first, &["Demo Consortium"]);
    assert_eq!((&first["products"][1]["verdict"], first.get("outage")), (&json!("disputed"), None));
    refused(&home, &["--no-serve"], 2, &["has one member: run `sealane demo --members 1` to go on", "another --data"]);
    let second = told(&demo(&home, &one));
    assert_eq!((&second["origin"], &second["products"][0]["id"]), (&first["origin"], &first["products"][0]["id"]));
}

#[test]
fn what_a_demonstration_cannot_be_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("demo");
    for (members, words) in
        [("0", "one member at least"), ("8", "7 members at the most"), ("x", "from 1 to 7, such as 4")]
    {
        refused(&home, &["--members", members], 2, &[words]);
    }
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let words = [&format!("cannot listen on {address}"), "choose another --listen", "4 members take 4 ports"];
    refused(&home, &["--listen", &address], 3, &words);
    refused(&home, &["--listen", "127.0.0.1:65533"], 2, &["4 members need 4 ports", "65535"]);
    refused(&home, &["--listen", "8080"], 2, &["an address looks like 127.0.0.1:8080"]);
    refused(&home, &["--database-url", "postgres://u@127.0.0.1/x"], 2, &["leave it out, or give --members 1"]);
    assert!(!home.exists());
    fs::create_dir(&home).unwrap();
    fs::write(home.join("demo.json"), "[]").unwrap();
    refused(&home, &[], 3, &["demo.json is not what a demonstration writes"]);
}
