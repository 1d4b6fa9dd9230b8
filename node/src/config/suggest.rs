//! "Did you mean …?": the known name that is nearest to an unknown one.

/// The nearest of `names`, if it is near enough to be a slip of the hand: same last part, or few letters apart.
pub(super) fn nearest<'a>(unknown: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let limit = 2.max(unknown.len() / 4);
    names
        .map(|name| (if last(name) == last(unknown) { 1 } else { distance(unknown, name) }, name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance: how many letters must be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn a_slip_is_answered_and_nonsense_is_not() {
        let names = ["raft.heartbeat", "api.listen", "peer.listen"];
        assert_eq!(nearest("raft.hartbeat", names.into_iter()), Some("raft.heartbeat"));
        assert_eq!(nearest("rest.listen", names.into_iter()), Some("api.listen"));
        assert_eq!(nearest("colour.of.the.sky", names.into_iter()), None);
    }
}
