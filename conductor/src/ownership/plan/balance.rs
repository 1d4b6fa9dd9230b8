//! As few moves as bring the worst member down.
//!
//! The worst gives to the least burdened that can take it: the lightest cluster that is enough at once, or else the heaviest that the other has
//! room for, or else the lightest that leaves the other better off than the worst is now. Among equals the one that was assigned last
//! goes: it has the least to lose. No cluster moves twice in one plan, so there is an end.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use model::{MemberId, id::ClusterId, ownership::Reason};

use super::{Aim, BOUND, Choice, EVEN, Holding, Move, SETTLED, board::Board};

/// The order in which a member's clusters are looked through.
type Rank = (u64, Reverse<u64>, ClusterId);

/// What each member could give away.
type Stock<'a> = BTreeMap<MemberId, BTreeMap<Rank, &'a Holding>>;

/// The moves; `staying` are the clusters that could be moved at all.
pub(super) fn moves(board: &mut Board<'_>, staying: &[&Holding], aim: Aim) -> Vec<Move> {
    let (begin, until) = if aim == Aim::Even { (EVEN, EVEN) } else { (BOUND, SETTLED) };
    if board.worst(begin, &[]).is_none() {
        return Vec::new();
    }
    let mut stock: Stock<'_> = BTreeMap::new();
    for holding in staying {
        if let Some((owner, _)) = holding.owner {
            stock.entry(owner).or_default().insert((holding.work, Reverse(holding.epoch), holding.cluster), holding);
        }
    }
    let (mut moves, mut cannot) = (Vec::new(), Vec::new());
    while let Some(worst) = board.worst(until, &cannot) {
        let Some((rank, to)) = pick(board, worst, stock.get(&worst), until) else {
            cannot.push(worst);
            continue;
        };
        if let Some(holding) = stock.get_mut(&worst).and_then(|clusters| clusters.remove(&rank)) {
            moves.push(board.give(holding, to, Reason::Balance, Choice::Least));
        }
    }
    moves
}

fn pick(board: &Board<'_>, worst: MemberId, clusters: Option<&BTreeMap<Rank, &Holding>>, until: u64) -> Option<(Rank, MemberId)> {
    let clusters = clusters?;
    let too_much = board.room(worst, until).err()?;
    let others = board.least(worst);
    let mut known = BTreeSet::new();
    for to in &others {
        let Ok(room) = board.room(*to, until) else { break };
        let fits = |holding: &&&Holding| board.lack(*to, &holding.driver).is_none();
        let (from, beyond) = (floor(too_much), floor(room.saturating_add(1)));
        if too_much <= room
            && let Some((rank, _)) = clusters.range(from..beyond).find(|(_, holding)| fits(holding))
        {
            return Some((*rank, *to));
        }
        // Whoever has less room for the same drivers cannot do better.
        if known.insert(board.member(*to).map(|member| &member.drivers))
            && let Some((rank, _)) = clusters.range(..beyond).rev().find(|(_, holding)| fits(holding))
        {
            return Some((*rank, *to));
        }
    }
    others.iter().find_map(|to| {
        let improving = clusters.iter().take_while(|((work, ..), _)| board.improves(worst, *to, *work));
        let mut fitting = improving.filter(|(_, holding)| board.lack(*to, &holding.driver).is_none());
        fitting.next().map(|(rank, _)| (*rank, *to))
    })
}

/// Before every cluster of this work.
fn floor(work: u64) -> Rank {
    (work, Reverse(u64::MAX), ClusterId::new(uuid::Uuid::nil()))
}
