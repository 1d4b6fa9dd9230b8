//! Breadth-first search over all states: the first broken one with the shortest way to it, or the proof that there is none and that
//! from every state the work can still be finished.

use std::collections::HashMap;

use crate::{
    design::Design,
    protocol::Event,
    state::{Property, State},
};

/// What the search found.
#[derive(Debug)]
pub(crate) struct Found {
    /// States seen.
    pub(crate) states: usize,
    /// The first broken property and the way to it.
    pub(crate) broken: Option<(Property, Vec<(Event, State)>)>,
    /// A way into a state from which the work cannot be finished.
    pub(crate) stuck: Option<Vec<(Event, State)>>,
}

struct Graph {
    states: Vec<State>,
    from: Vec<(u32, Event)>,
    edges: Vec<(u32, u32)>,
}

/// More states than this is a mistake in the model.
const STATES_MAX: usize = 6_000_000;

/// Explores a design until the first state that breaks `property` (any property if `None`).
pub(crate) fn explore(design: &Design, property: Option<Property>) -> Found {
    let mut graph = Graph { states: vec![State::first(design)], from: vec![(0, Event::Tick)], edges: Vec::new() };
    let mut known: HashMap<State, u32> = HashMap::from([(State::first(design), 0)]);
    let mut at = 0;
    while at < graph.states.len() {
        let state = graph.states[at];
        let here = u32::try_from(at).unwrap();
        if let Some(broken) = state.broken(design).into_iter().find(|broken| property.is_none_or(|property| property == *broken)) {
            return Found { states: graph.states.len(), broken: Some((broken, way(&graph, here))), stuck: None };
        }
        for (event, next) in state.next(design) {
            let there = *known.entry(next).or_insert_with(|| {
                graph.states.push(next);
                graph.from.push((here, event));
                u32::try_from(graph.states.len() - 1).unwrap()
            });
            graph.edges.push((there, here));
        }
        assert!(graph.states.len() < STATES_MAX, "the model has no bound");
        at += 1;
    }
    let stuck = stuck(design, &mut graph);
    Found { states: graph.states.len(), broken: None, stuck }
}

fn way(graph: &Graph, mut at: u32) -> Vec<(Event, State)> {
    let mut way = Vec::new();
    while at != 0 {
        let (from, event) = graph.from[at as usize];
        way.push((event, graph.states[at as usize]));
        at = from;
    }
    way.reverse();
    way
}

/// Walks backwards from all finished states; whatever is not met cannot finish.
fn stuck(design: &Design, graph: &mut Graph) -> Option<Vec<(Event, State)>> {
    graph.edges.sort_unstable();
    let mut can = vec![false; graph.states.len()];
    let mut todo: Vec<u32> = Vec::new();
    for (at, state) in graph.states.iter().enumerate() {
        if state.finished(design) {
            can[at] = true;
            todo.push(u32::try_from(at).unwrap());
        }
    }
    while let Some(there) = todo.pop() {
        let first = graph.edges.partition_point(|(to, _)| *to < there);
        for (_, here) in graph.edges[first..].iter().take_while(|(to, _)| *to == there) {
            if !can[*here as usize] {
                can[*here as usize] = true;
                todo.push(*here);
            }
        }
    }
    let at = can.iter().position(|can| !can)?;
    Some(way(graph, u32::try_from(at).unwrap()))
}

/// The way in words, one event per line.
pub(crate) fn tell(way: &[(Event, State)]) -> String {
    let mut text = String::new();
    for (event, state) in way {
        let calls: Vec<_> = state.calls.iter().flatten().map(|call| format!("e{}:job{}", call.epoch, call.job)).collect();
        text += &format!(
            "  {:<22} owner {} epoch {} done {} | leases {}/{} | objects {:?} | under way {}\n",
            format!("{event:?}"),
            state.owner,
            state.epoch,
            state.done,
            state.members[0].lease,
            state.members[1].lease,
            state.objects,
            calls.join(" "),
        );
    }
    text
}
