//! `jeroboam pki`

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;
use model::MemberId;
use uuid::Uuid;
use x509_parser::{pem::parse_x509_pem, prelude::GeneralName};

use super::table::{say, table, text};
use crate::{Error, certificates, config::duration};

#[derive(Debug, Subcommand)]
pub(super) enum Pki {
    /// Make the cluster's own authority, and choose the cluster's id
    Init {
        /// Where it is kept
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Make certificates for members; prints the folder of each
    Member {
        /// Their numbers; the first member of a cluster is 1, `jeroboam member add` says the others
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<u64>,
        /// Where the authority is kept
        #[arg(long, default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
        /// A further name or address the certificate stands for; may be repeated
        #[arg(long = "san", value_name = "NAME")]
        names: Vec<String>,
        /// For how long it is good
        #[arg(long, default_value = "825d", value_parser = parse_duration, value_name = "DURATION")]
        valid: Duration,
        /// The cluster's id, if it is another than the authority was made for (after `jeroboam recover`)
        #[arg(long, value_name = "UUID")]
        cluster: Option<Uuid>,
    },
    /// Show the certificates in a folder: whom they stand for, and until when
    Show {
        /// The folder
        #[arg(default_value = "pki", value_name = "DIR")]
        dir: PathBuf,
    },
}

impl Pki {
    pub(super) fn run(&self) -> Result<(), Error> {
        match self {
            Self::Init { dir } => {
                let cluster = certificates::init(dir)?;
                say(&format!("authority of cluster {cluster} made in {}\nkeep ca.key there, away from the members\n", dir.display()))
            }
            Self::Member { numbers, dir, names, valid, cluster } => {
                for number in numbers {
                    let wish = certificates::Wish { member: MemberId(*number), names: names.clone(), valid: *valid, cluster: *cluster };
                    say(&format!("{}\n", certificates::issue(dir, &wish)?.display()))?;
                }
                Ok(())
            }
            Self::Show { dir } => {
                let mut rows = table(&["FILE", "NAME", "STANDS FOR", "SIGNED BY", "UNTIL"]);
                let folders = std::iter::once(dir.clone()).chain(member_folders(dir));
                let certificates: Vec<_> = folders.flat_map(|folder| certificates::found(&folder)).collect();
                if certificates.is_empty() {
                    return Err(Error::Certificates(format!("there are no certificates in {}", dir.display())));
                }
                for (path, pem) in certificates {
                    rows.add_row(describe(&path.display().to_string(), &pem)?);
                }
                say(&text(&rows))
            }
        }
    }
}

fn member_folders(dir: &PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    // What begins with a dot was not finished.
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'));
    let mut folders: Vec<_> = entries.filter(|path| named(path) && path.join("member.pem").exists()).collect();
    folders.sort();
    folders
}

fn describe(path: &str, pem: &str) -> Result<Vec<String>, Error> {
    let odd = |error: &dyn std::fmt::Display| Error::Certificates(format!("{path} is no certificate: {error}"));
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|error| odd(&error))?;
    let parsed = block.parse_x509().map_err(|error| odd(&error))?;
    let alternatives = parsed.subject_alternative_name().ok().flatten().map(|found| found.value.general_names.clone()).unwrap_or_default();
    let names = alternatives.iter().map(|name| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress([a, b, c, d]) => std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string(),
        GeneralName::IPAddress(bytes) => {
            <[u8; 16]>::try_from(*bytes).map_or_else(|_| "?".to_owned(), |bytes| std::net::Ipv6Addr::from(bytes).to_string())
        }
        other => other.to_string(),
    });
    let until = jiff::Timestamp::from_second(parsed.validity().not_after.timestamp()).map_err(|error| odd(&error))?;
    let common = |name: &x509_parser::x509::X509Name<'_>| {
        name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or("-").to_owned()
    };
    let stands_for = names.collect::<Vec<_>>().join(", ");
    Ok(vec![path.to_owned(), common(parsed.subject()), stands_for, common(parsed.issuer()), until.strftime("%Y-%m-%d").to_string()])
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "must be a duration such as 90d, 1h".to_owned())
}
