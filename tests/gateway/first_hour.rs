//! The integrator's first hour of docs/GATEWAY.md, command by command as it stands there.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::until;
use crate::support::text;

const SECTION: &str = "## An integrator's first hour";

/// What the section has between fences: a file by its name, or a command.
enum Block {
    File(String, String),
    Commands(Vec<String>),
}

fn blocks() -> Vec<Block> {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/GATEWAY.md")).unwrap();
    let section = docs.split_once(SECTION).unwrap().1.split("\n## ").next().unwrap();
    let mut found = Vec::new();
    let mut parts = section.split("```");
    while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
        let (language, body) = block.split_once('\n').unwrap();
        match language {
            "sh" => found.push(Block::Commands(body.lines().map(str::to_owned).collect())),
            "json" => {
                let name = before.rsplit('`').find(|word| word.ends_with(".json")).unwrap();
                found.push(Block::File(name.to_owned(), body.to_owned()));
            }
            other => panic!("a block of {other:?}"),
        }
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A terminal in an empty directory, with the program on its path.
struct Terminal {
    dir: TempDir,
    node: u16,
    gateway: u16,
    /// What the reader puts for `ID` and `$KEY`.
    id: String,
    key: String,
    running: Vec<Child>,
}

impl Terminal {
    fn open() -> Self {
        let (id, key) = (String::new(), String::new());
        Self {
            dir: tempfile::tempdir().unwrap(),
            node: free_port(),
            gateway: free_port(),
            id,
            key,
            running: Vec::new(),
        }
    }

    fn shell(&self, line: &str) -> Command {
        let line = line.replace(":8080", &format!(":{}", self.node)).replace(":8085", &format!(":{}", self.gateway));
        let words = line.split(' ').map(|word| match word {
            "ID" => self.id.as_str(),
            other => other,
        });
        let line = words.collect::<Vec<_>>().join(" ").replace("/capture/ID", &format!("/capture/{}", self.id));
        let programs = Path::new(env!("CARGO_BIN_EXE_sealane")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command
            .args(["-c", &line])
            .current_dir(&self.dir)
            .env("PATH", path)
            .env("KEY", &self.key)
            .env("SEALANE_LOG", "warn");
        command.env("SEALANE_URL", format!("http://127.0.0.1:{}", self.node)).env_remove("SEALANE_DATA");
        command
    }

    /// Keeps a program running as in a terminal of its own, until it answers.
    fn keep(&mut self, line: &str, port: u16) {
        let line = format!("exec {line} --listen 127.0.0.1:{port}");
        self.running.push(self.shell(&line).stdout(Stdio::null()).spawn().unwrap());
        until(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop), || line.clone());
    }

    #[track_caller]
    fn run(&self, line: &str) -> Output {
        let output = self.shell(line).output().unwrap();
        println!("$ {line}\n{}{}", text(&output.stdout), text(&output.stderr));
        output
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn event_count(output: &Output) -> usize {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len()
}

#[test]
fn the_first_hour_goes_as_the_page_says() {
    let mut terminal = Terminal::open();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for block in blocks() {
        let lines = match block {
            Block::File(name, body) => {
                std::fs::write(terminal.dir.path().join(name), body).unwrap();
                continue;
            }
            Block::Commands(lines) => lines,
        };
        for line in &lines {
            if line.starts_with("sealane serve") {
                terminal.keep(line, terminal.node);
                continue;
            }
            if line.starts_with("sealane gateway --as") {
                terminal.keep(line, terminal.gateway);
                continue;
            }
            let output = terminal.run(line);
            let told = text(&output.stdout);
            let is_verify = line.starts_with("sealane verify");
            assert_eq!(output.status.code(), Some(i32::from(is_verify)), "{line}");
            let kind = match line {
                line if line.starts_with("sealane register") => {
                    terminal.id = told.split("participant ").nth(1).unwrap()[..36].to_owned();
                    "registered"
                }
                line if line.starts_with("sealane participants") => {
                    assert!(told.contains(&terminal.id), "{told}");
                    "listed"
                }
                line if line.starts_with("sealane gateway client add") => {
                    terminal.key = told.lines().next().unwrap().to_owned();
                    "key"
                }
                line if line.contains("--data-binary") => {
                    assert!(told.starts_with("HTTP/1.1 202"), "{told}");
                    terminal.id = told.split("location: /capture/").nth(1).unwrap()[..36].to_owned();
                    until(
                        || {
                            let job = terminal
                                .shell(&format!(
                                    "curl -s -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8085/capture/{}",
                                    terminal.id
                                ))
                                .output()
                                .unwrap();
                            text(&job.stdout).contains("\"running\":false,\"success\":true").then_some(())
                        },
                        || "the job did not end".to_owned(),
                    );
                    "captured"
                }
                line if line.contains("EQ_bizTransaction_po") || line.contains("MATCH_anyEPCClass") => {
                    assert_eq!(event_count(&output), 1, "{told}");
                    "found"
                }
                _ if is_verify => {
                    assert!(told.starts_with("RECALLED"), "{told}");
                    "recalled"
                }
                _ => "done",
            };
            *seen.entry(kind).or_default() += 1;
        }
    }
    let times = |kind: &str| seen.get(kind).copied().unwrap_or_default();
    assert_eq!(["registered", "listed", "key", "captured", "found", "recalled"].map(times), [1, 1, 1, 2, 2, 1]);
}
