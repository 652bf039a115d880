//! An outsider's audit, which believes nothing that a node shows.

use serde_json::json;

use super::world::{MEMBER, PROVIDER, World, event, foreign_hash, leaf_of, member, sign_admin_for, signed, stored};
use crate::block::{Checkpoint, Commit, Height, MemberSet, Note};
use crate::consortium::Admin;
use crate::evidence::Anchor;
use crate::ledger::{
    Auditor, Body, EverSeen, InvalidReason, Proposal, SealedBlock, StoredBlock, check_signed, propose,
};
use crate::statement::P256;

/// A ledger of three blocks, with the body of each and what was signed about it.
fn ledger() -> (World, Vec<(Body, StoredBlock)>) {
    let (mut world, mut all) = (World::with_maker(), Vec::new());
    let mut again = World::new("ledger.example/rules");
    // The first two blocks, made again from the same statements.
    let genesis = again.anchor.statement().compact().to_owned();
    let mut blocks = vec![(again.state.last_seal().unwrap().clone(), vec![genesis])];
    let admin = crate::consortium::Admin::Registration(Box::new(World::registration(1, "manufacturer", &["9506000"])));
    let registration = again.sign_admin(&admin.to_payload(), MEMBER);
    let mut checkpoints = vec![again.state.clone()];
    let candidate = again.candidate(registration.clone()).unwrap();
    again.extend(vec![candidate]);
    checkpoints.push(again.state.clone());
    blocks.push((again.state.last_seal().unwrap().clone(), vec![registration.compact().to_owned()]));
    let capture = again.capture(1, &event(json!({})));
    let candidate = again.candidate(capture.clone()).unwrap();
    again.extend(vec![candidate]);
    checkpoints.push(again.state.clone());
    blocks.push((again.state.last_seal().unwrap().clone(), vec![capture.compact().to_owned()]));
    for ((seal, statements), state) in blocks.into_iter().zip(checkpoints) {
        let checkpoint =
            Checkpoint { origin: again.anchor.genesis().origin.clone(), size: state.size(), root: state.root() };
        let shown = stored(seal.clone(), checkpoint, MEMBER);
        all.push((Body { leaves: statements.iter().map(|text| leaf_of(text)).collect(), seal }, shown));
    }
    std::mem::swap(&mut world, &mut again);
    (world, all)
}

/// Goes through a ledger; the message of the first fault.
fn audit(trusted: Option<&Anchor>, blocks: &[(Body, StoredBlock)]) -> Result<u64, String> {
    let mut auditor = Auditor::new(PROVIDER, trusted);
    for (body, shown) in blocks {
        let sealed = auditor.validate(body.clone()).map_err(|invalid| invalid.to_string())?;
        auditor.close(sealed, shown)?;
    }
    assert_eq!(auditor.tally().blocks, blocks.len() as u64);
    Ok(auditor.tally().leaves)
}

#[test]
fn a_sound_ledger_is_found_sound_and_counted() {
    let (world, blocks) = ledger();
    assert_eq!(audit(Some(&world.anchor), &blocks), Ok(6));
    assert_eq!(audit(None, &blocks), Ok(6));
    let mut auditor = Auditor::new(PROVIDER, None);
    for (body, shown) in &blocks {
        let sealed = auditor.validate(body.clone()).unwrap();
        let audited = auditor.close(sealed, shown).unwrap();
        assert_eq!(audited.content.leaves.len(), 2);
    }
    let tally = *auditor.tally();
    // Three statements, three commits, three notes of two lines each.
    assert_eq!((tally.signatures, tally.captures, tally.events, tally.statements), (12, 1, 1, 3));
}

#[test]
fn a_statement_too_long_for_its_leaf_is_counted_as_one() {
    let (mut world, mut blocks) = ledger();
    let long = world.capture(1, &event(json!({"eventID": "urn:uuid:long", "example:note": "y".repeat(60_000)})));
    let body = world.body(std::slice::from_ref(&long));
    let candidate = world.candidate(long).unwrap();
    let sealed = world.propose(vec![candidate]).block.unwrap();
    blocks.push((body, signed(&sealed, MEMBER)));
    let mut auditor = Auditor::new(PROVIDER, None);
    for (body, shown) in &blocks {
        let sealed = auditor.validate(body.clone()).unwrap();
        auditor.close(sealed, shown).unwrap();
    }
    assert_eq!((auditor.tally().long_statements, auditor.tally().statements), (1, 4));
}

#[test]
fn an_audit_goes_on_where_another_ended_and_knows_what_stood_there() {
    let (_, mut blocks) = ledger();
    let mut first = Auditor::new(PROVIDER, None);
    let mut seen = EverSeen::default();
    for (body, shown) in &blocks[..2] {
        let mut sealed = first.validate(body.clone()).unwrap();
        seen.learn(std::mem::take(&mut sealed.learnt));
        first.close(sealed, shown).unwrap();
    }
    let mut second = Auditor::resume(PROVIDER, first.state().clone(), seen, *first.tally());
    for auditor in [&mut first, &mut second] {
        let (body, shown) = &blocks[2];
        let sealed = auditor.validate(body.clone()).unwrap();
        auditor.close(sealed, shown).unwrap();
    }
    assert_eq!((first.tally(), first.state().root()), (second.tally(), second.state().root()));
    // What it was told of, it takes for known: the registration of block 1 may not stand again.
    let (again, _) = blocks.remove(1);
    blocks[1].0.leaves = again.leaves;
    let invalid = second.validate(blocks[1].0.clone()).unwrap_err();
    assert!(matches!(*invalid.reason, InvalidReason::Repeated { first } if first.get() == 2), "{invalid}");
}

#[test]
fn another_genesis_than_the_anchors_is_named() {
    let (_, blocks) = ledger();
    let other = World::new("ledger.example/other");
    let says = audit(Some(&other.anchor), &blocks).unwrap_err();
    assert!(says.contains(&InvalidReason::OtherGenesis.to_string()), "{says}");
}

/// The rules take any time for the first block; the anchor takes `created` of the genesis statement.
#[test]
fn a_first_block_of_another_time_or_with_more_in_it_is_refused_whatever_the_anchor() {
    let (world, mut blocks) = ledger();
    for trusted in [None, Some(&world.anchor)] {
        let mut auditor = Auditor::new(PROVIDER, trusted);
        let (body, _) = &mut blocks[0];
        body.seal.time = body.seal.time.plus_millis(1);
        let invalid = auditor.validate(body.clone()).unwrap_err();
        assert!(matches!(*invalid.reason, InvalidReason::Seal { member: "time" }), "{invalid}");
        body.seal.time = body.seal.time.plus_millis(-1);
        // A registration that could stand in the next block.
        let admin = Admin::Registration(Box::new(World::registration(7, "shipper", &[])));
        let more = sign_admin_for(world.origin(), &admin.to_payload(), body.seal.time, MEMBER);
        body.leaves.push(leaf_of(more.compact()));
        let invalid = auditor.validate(body.clone()).unwrap_err();
        assert!(matches!(*invalid.reason, InvalidReason::BesideGenesis), "{invalid}");
        body.leaves.pop();
        assert!(auditor.validate(body.clone()).is_ok());
    }
}

#[test]
fn the_block_of_a_later_anchor_is_held_against_it() {
    let (world, blocks) = ledger();
    let height = |height: u64| Height::new(height).unwrap();
    let members = || world.anchor.members().clone();
    for at in [1, 2] {
        let checkpoint = &blocks[at].1.checkpoint;
        let anchor = |checkpoint: &Checkpoint, members: MemberSet| {
            world.anchor.clone().after(height(at as u64), checkpoint, members)
        };
        assert_eq!(audit(Some(&anchor(checkpoint, members())), &blocks), Ok(6));
        let other_root = Checkpoint { root: foreign_hash(), ..checkpoint.clone() };
        let other_size = Checkpoint { size: checkpoint.size.next_index().size_through(), ..checkpoint.clone() };
        for wrong in [
            anchor(&other_root, members()),
            anchor(&other_size, members()),
            anchor(checkpoint, MemberSet::new(vec![member(7)]).unwrap()),
        ] {
            let says = audit(Some(&wrong), &blocks).unwrap_err();
            let expected = format!("block {at} has another size, root or members than the trust anchor");
            assert!(says.contains(&expected), "{says}");
            // Nothing before it is.
            assert_eq!(audit(Some(&wrong), &blocks[..at]), Ok(2 * at as u64));
        }
    }
}

/// The block that is staged last, and what is shown of it changed.
fn shown(change: impl Fn(&mut StoredBlock)) -> Result<u64, String> {
    let mut world = World::with_maker();
    let candidate = world.candidate(world.capture(1, &event(json!({})))).unwrap();
    let Proposal { block, .. } = world.propose(vec![candidate]);
    let block: SealedBlock = block.unwrap();
    let mut stored = signed(&block, MEMBER);
    change(&mut stored);
    check_signed(&block, &stored, &P256)
}

#[test]
fn what_was_signed_is_held_against_the_leaves_part_by_part() {
    // The commit's, and the two lines of the note.
    assert_eq!(shown(|_| ()), Ok(3));
    let says = |change: &dyn Fn(&mut StoredBlock)| shown(change).unwrap_err();
    assert!(says(&|one| one.checkpoint.root = foreign_hash()).contains("not of the tree that the leaves give"));
    let larger = |one: &mut StoredBlock| one.checkpoint.size = one.checkpoint.size.next_index().size_through();
    assert!(says(&larger).contains("not of the tree that the leaves give"));
    assert!(says(&|one| one.checkpoint.origin = "ledger.example/x".parse().unwrap()).contains("of another origin"));
    assert!(says(&|one| one.seal.index_root = foreign_hash()).contains("the seal shown"));
    assert!(says(&|one| one.commit.round = 1).contains("the commit of block 2"));
    assert!(says(&|one| one.commit.signatures.clear()).contains("the commit of block 2"));
    let strangers = |one: &mut StoredBlock| {
        let Commit { signatures, .. } = stored(one.seal.clone(), one.checkpoint.clone(), 7).commit;
        one.commit.signatures = signatures;
    };
    assert!(says(&strangers).contains("the commit of block 2"));
}

#[test]
fn a_note_of_another_text_or_with_a_strangers_signature_is_refused() {
    let says = |change: &dyn Fn(&mut StoredBlock)| shown(change).unwrap_err();
    assert!(says(&|one| one.note.push('x')).contains("the note of block 2"));
    // A note that holds, over another checkpoint of this ledger.
    let other = |one: &mut StoredBlock| {
        let checkpoint = Checkpoint { root: foreign_hash(), ..one.checkpoint.clone() };
        one.note = stored(one.seal.clone(), checkpoint, MEMBER).note;
    };
    assert!(says(&other).contains("its text is not the checkpoint"));
    // The member's lines, and those by nobody's keys.
    let one_more = |one: &mut StoredBlock| {
        let stranger = stored(one.seal.clone(), one.checkpoint.clone(), 7).note;
        let (ours, theirs) = (Note::parse(one.note.as_bytes()).unwrap(), Note::parse(stranger.as_bytes()).unwrap());
        let lines = ours.signatures().iter().chain(theirs.signatures()).cloned().collect();
        one.note = Note::new(one.checkpoint.to_text(), lines).unwrap().to_text();
    };
    assert!(says(&one_more).contains("no member's"));
    let strangers = |one: &mut StoredBlock| one.note = stored(one.seal.clone(), one.checkpoint.clone(), 7).note;
    assert!(says(&strangers).contains("the note of block 2"));
}

/// A note of some of the lines of another.
fn note_of(text: &str, choose: impl Fn(usize) -> bool) -> String {
    let note = Note::parse(text.as_bytes()).unwrap();
    let lines = note.signatures().iter().enumerate().filter(|(at, _)| choose(*at));
    Note::new(note.text().to_owned(), lines.map(|(_, line)| line.clone()).collect()).unwrap().to_text()
}

#[test]
fn a_note_with_one_of_a_members_two_lines_is_refused() {
    for gone in [0, 1] {
        let says = shown(|one| one.note = note_of(&one.note, |at| at != gone)).unwrap_err();
        assert!(says.contains("no member has signed it with both its keys"), "without line {gone}: {says}");
    }
    let twice = |one: &mut StoredBlock| {
        let line = one.note.lines().last().unwrap().to_owned();
        one.note.push_str(&format!("{line}\n"));
    };
    let says = shown(twice).unwrap_err();
    assert!(says.contains("stands there twice"), "{says}");
}

#[test]
fn the_two_lines_of_a_note_are_one_members() {
    const OTHER: u8 = 201;
    let mut world = World::founded_by("ledger.example/two", &[MEMBER, OTHER]);
    let time = world.next_place().time;
    let block = propose(&mut world.state, &world.seen, time, Vec::new(), true, &P256).unwrap().block;
    let block = block.unwrap();
    let (mut both, other) = (signed(&block, MEMBER), signed(&block, OTHER));
    both.commit.signatures.extend(other.commit.signatures.clone());
    let lines = other.note.lines().skip_while(|line| !line.starts_with('—'));
    both.note.extend(lines.map(|line| format!("{line}\n")));
    let check = |lines: &[usize]| {
        let note = note_of(&both.note, |at| lines.contains(&at));
        check_signed(&block, &StoredBlock { note, ..both.clone() }, &P256)
    };
    // The two signatures of the commit, and each line.
    for (lines, signatures) in [(&[0, 1][..], 4), (&[2, 3], 4), (&[0, 1, 2], 5), (&[0, 1, 2, 3], 6)] {
        assert_eq!(check(lines), Ok(signatures), "{lines:?}");
    }
    for lines in [&[0, 2][..], &[0, 3], &[1, 2], &[1, 3]] {
        let says = check(lines).unwrap_err();
        assert!(says.contains("no member has signed it with both its keys"), "{lines:?}: {says}");
    }
}

/// Each founder's node signs its own copy of block 0; a later block takes a quorum.
#[test]
fn block_0_of_several_founders_is_signed_by_the_member_whose_copy_it_is() {
    let founders = [MEMBER, 201, 202, 203];
    let mut world = World::founded_by("ledger.example/four", &founders);
    let genesis = world.anchor.statement().compact().to_owned();
    let seal = world.state.last_seal().unwrap().clone();
    let checkpoint =
        Checkpoint { origin: world.origin().parse().unwrap(), size: world.state.size(), root: world.state.root() };
    let body = Body { leaves: vec![leaf_of(&genesis)], seal: seal.clone() };
    for founder in founders {
        let shown = stored(seal.clone(), checkpoint.clone(), founder);
        assert_eq!(audit(Some(&world.anchor), &[(body.clone(), shown)]), Ok(2));
    }
    let says = |shown: StoredBlock| audit(Some(&world.anchor), &[(body.clone(), shown)]).unwrap_err();
    let own = stored(seal.clone(), checkpoint.clone(), MEMBER);
    let stranger = stored(seal, checkpoint, 7);
    assert!(says(StoredBlock { commit: stranger.commit, ..own.clone() }).contains("who is no member in force"));
    assert!(says(StoredBlock { note: stranger.note, ..own.clone() }).contains("the note of block 0"));
    let unsigned = Commit { signatures: Vec::new(), ..own.commit.clone() };
    assert!(says(StoredBlock { commit: unsigned, ..own.clone() }).contains("0 of 4 members have signed; 1 are needed"));
    let later = Commit { round: 1, ..own.commit.clone() };
    assert!(says(StoredBlock { commit: later, ..own }).contains("of round 0"));
    let time = world.next_place().time;
    let block = propose(&mut world.state, &world.seen, time, Vec::new(), true, &P256).unwrap().block;
    let block = block.unwrap();
    let says = check_signed(&block, &signed(&block, MEMBER), &P256).unwrap_err();
    assert!(says.contains("the commit of block 1: 1 of 4 members have signed; 3 are needed"), "{says}");
}

#[test]
fn a_block_that_is_not_as_it_was_signed_is_taken_back() {
    let (_, blocks) = ledger();
    let mut auditor = Auditor::new(PROVIDER, None);
    let (body, shown) = &blocks[0];
    let mut wrong = shown.clone();
    wrong.commit.signatures.clear();
    let sealed = auditor.validate(body.clone()).unwrap();
    assert!(auditor.close(sealed, &wrong).is_err());
    assert_eq!((auditor.tally().blocks, auditor.state().size().get(), auditor.state().subjects()), (0, 0, 0));
    let sealed = auditor.validate(body.clone()).unwrap();
    assert!(auditor.close(sealed, shown).is_ok());
}
