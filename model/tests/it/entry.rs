//! What stands around every command: log time, damaged entries.

use model::{Actor, Command, Entry, Fault, MemoryTables, Proposal, apply, command::*, meta};
use proptest::prelude::*;
use prost::Message;

use crate::world::{actor, proposal};

#[test]
fn log_time_never_goes_back() {
    let mut tables = MemoryTables::default();
    let payload = proposal(actor("p"), Command::Expire(Expire { limit: 1 })).encode_to_vec();
    for (index, at_ms, shown) in [(1, 500, 500), (2, 400, 500), (3, 501, 501)] {
        apply(&mut tables, &Entry { index, term: 1, at_ms, payload: &payload }).unwrap();
        assert_eq!(meta::log_time(&tables).unwrap(), shown);
    }
}

#[test]
fn garbage_is_a_fault() {
    let mut tables = MemoryTables::default();
    let fault = apply(&mut tables, &Entry { index: 3, term: 1, at_ms: 1, payload: &[0xff, 0xff, 0xff] }).unwrap_err();
    assert!(matches!(fault, Fault::Entry { index: 3, .. }));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut tables = MemoryTables::default();
        let applied = apply(&mut tables, &Entry { index: 1, term: 1, at_ms: 1, payload: &payload });
        prop_assert!(applied.is_ok() || tables.rows().is_empty(), "an entry that cannot be read changes nothing");
    }

    #[test]
    fn no_damage_to_a_proposal_makes_it_panic(place in 0_usize..400, value in any::<u8>(), cut in 0_usize..400) {
        let command = crate::world::cluster_create(10, crate::world::id(1));
        let mut payload = Proposal { actor: Some(Actor::default()), ..proposal(actor("p"), command) }.encode_to_vec();
        if let Some(byte) = payload.get_mut(place) {
            *byte = value;
        }
        payload.truncate(cut.max(10));
        let mut tables = MemoryTables::default();
        if apply(&mut tables, &Entry { index: 1, term: 1, at_ms: 1, payload: &payload }).is_ok() {
            prop_assert_eq!(model::check::check(&tables).unwrap(), Vec::<String>::new());
        }
    }
}
