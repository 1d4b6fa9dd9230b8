//! The planted bugs, where they stand, and which checks must find them.
//!
//! Each bug is one that somebody could make in good faith. Its check is the cheapest one that really sees what the bug does: to the state
//! (`model`), to the log and the outside (`conductor`, with real consensus on simulated disks), to a backend over HTTP (`drivers`), or to
//! clients (`api`).

/// One planted bug.
pub(crate) struct Bug {
    /// Its name in `planted!("…")`.
    pub(crate) name: &'static str,
    /// What is wrong.
    pub(crate) what: &'static str,
    /// The file in which it is planted (the first, if it takes several).
    pub(crate) place: &'static str,
    /// The checks that must find it, each.
    pub(crate) checks: &'static [Check],
}

/// A named test.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    /// Its crate.
    pub(crate) package: &'static str,
    /// The test binary.
    pub(crate) target: &'static str,
    /// Its name with its modules.
    pub(crate) test: &'static str,
}

const fn model(test: &'static str) -> Check {
    Check { package: "model", target: "it", test }
}

const fn conducting(test: &'static str) -> Check {
    Check { package: "conductor", target: "conducting", test }
}

/// All of them.
pub(crate) const BUGS: [Bug; 11] = [
    Bug {
        name: "m5",
        what: "a write that is forwarded again has no key by which it is known",
        place: "model/src/remember/origin.rs",
        checks: &[
            model("remember::the_same_proposal_changes_nothing_the_second_time"),
            conducting("fencing::a_write_that_is_forwarded_again_is_applied_once"),
        ],
    },
    Bug {
        name: "m6",
        what: "nobody compares the epoch: neither apply nor the owner before its call",
        place: "model/src/ownership/query.rs",
        checks: &[
            model("operation::an_old_epoch_reports_nothing"),
            conducting("fencing::what_an_owner_that_was_cut_off_reports_late_does_not_count"),
        ],
    },
    Bug {
        name: "m6-mark",
        what: "calls do not carry the epoch, so no backend can fence them",
        place: "conductor/src/reconcile/step.rs",
        checks: &[conducting("fencing::every_effect_is_marked_with_its_epoch")],
    },
    Bug {
        name: "m7",
        what: "a member that was started again gets its cluster back under its old epoch",
        place: "model/src/ownership/apply.rs",
        checks: &[
            model("ownership::a_new_start_of_the_same_member_gets_an_epoch_of_its_own"),
            conducting("group::a_restarted_member_gets_its_bay_back_under_a_new_epoch_without_waiting"),
        ],
    },
    Bug {
        name: "m8",
        what: "the call is made before its intent is in the log",
        place: "conductor/src/reconcile/step.rs",
        checks: &[
            conducting("fencing::a_call_that_is_out_stands_in_the_log_when_its_owner_dies"),
            conducting("fencing::a_deletion_reckons_with_a_call_whose_owner_died_in_it"),
        ],
    },
    Bug {
        name: "m9",
        what: "a step that is taken up again makes a second thing instead of adopting the first",
        place: "drivers/src/docker/containers.rs",
        checks: &[Check {
            package: "drivers",
            target: "adopting",
            test: "a_create_whose_answer_was_lost_is_adopted_by_the_next_owner_and_not_made_again",
        }],
    },
    Bug {
        name: "m10",
        what: "a deletion removes the record before the outside has confirmed it",
        place: "conductor/src/reconcile/step.rs",
        checks: &[conducting("fencing::a_record_goes_only_when_the_outside_has_gone")],
    },
    Bug {
        name: "m11",
        what: "the planner overlooks clusters whose owner was removed",
        place: "conductor/src/ownership/plan.rs",
        checks: &[conducting("fencing::the_bay_of_a_removed_member_finds_a_new_owner")],
    },
    Bug {
        name: "m16",
        what: "the quota is checked by the member that was asked, not in apply",
        place: "model/src/cluster/create.rs",
        checks: &[
            model("quota::a_quota_is_never_passed_and_a_deletion_makes_room"),
            Check { package: "api", target: "it", test: "clusters::of_many_creates_at_once_the_quota_lets_exactly_its_number_through" },
        ],
    },
    Bug {
        name: "m17",
        what: "an operation that was superseded still writes its cluster's status",
        place: "model/src/operation/apply.rs",
        checks: &[model("ways_on::what_was_superseded_ends_late_and_moves_no_status")],
    },
    Bug {
        name: "m18",
        what: "a lease is counted from when the answer came, not from when it was asked for",
        place: "conductor/src/ownership/renew.rs",
        checks: &[conducting("fencing::a_lease_runs_from_when_it_was_asked_for_however_late_the_answer_comes")],
    },
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn planted_in(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                planted_in(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let file = path.strip_prefix(root()).unwrap().display().to_string();
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let names = code.flat_map(|line| line.split("planted!(\"").skip(1)).filter_map(|rest| rest.split('"').next());
                found.extend(names.map(|name| (name.to_owned(), file.clone())));
            }
        }
    }

    #[test]
    fn the_table_is_that_of_the_code() {
        let mut code = BTreeSet::new();
        for folder in ["model", "storage", "raft", "conductor", "drivers", "api", "node"] {
            planted_in(&root().join(folder).join("src"), &mut code);
        }
        for bug in &BUGS {
            assert!(code.contains(&(bug.name.to_owned(), bug.place.to_owned())), "{} does not stand in {}", bug.name, bug.place);
            assert!(!bug.checks.is_empty());
        }
        let names: BTreeSet<&str> = code.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, BUGS.iter().map(|bug| bug.name).collect());
    }
}
