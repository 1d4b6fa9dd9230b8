//! Who is a member, and how that changes while the cluster works.
