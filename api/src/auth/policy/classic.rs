//! Files of rules of 2015 speak of bays and baymodels; requests in that vocabulary are decided by the rules of that name.

use std::borrow::Cow;

/// Path, today's name, the old one.
const WORDS: [(&str, &str, &str); 2] = [("/v1/bays", "cluster:", "bay:"), ("/v1/baymodels", "clustertemplate:", "baymodel:")];

/// The name of a rule in the vocabulary of a request. What 2015 did not know keeps its name.
pub(crate) fn rule<'r>(path: &str, rule: &'r str) -> Cow<'r, str> {
    let word = WORDS.iter().find(|(of, ..)| path.starts_with(of));
    let old = word.and_then(|(_, current, old)| Some(format!("{old}{}", rule.strip_prefix(current)?)));
    match old.filter(|old| super::defaults::of(old).is_some()) {
        Some(old) => Cow::Owned(old),
        None => Cow::Borrowed(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_decided_in_its_own_words() {
        assert_eq!(rule("/v1/bays/{bay}", "cluster:delete"), "bay:delete");
        assert_eq!(rule("/v1/bays/{bay}", "cluster:force_delete"), "cluster:force_delete");
        assert_eq!(rule("/v1/baymodels", "clustertemplate:publish"), "baymodel:publish");
        assert_eq!(rule("/v1/clusters", "cluster:delete"), "cluster:delete");
        assert_eq!(rule("/v1/bays", "quota:get"), "quota:get");
    }
}
