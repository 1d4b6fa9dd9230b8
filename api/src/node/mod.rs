//! Rows of `/v1/nodes`: an early part of the classic API without behaviour. The machines of clusters are shown here too; those change with
//! their cluster only.

pub(crate) mod classic;
pub(crate) mod operations;
