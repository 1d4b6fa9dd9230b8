//! What can be wrong with a certificate, a key or a wish for one.

/// Why no certificate came of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a certificate in PEM.
    #[error("this is not a certificate in PEM form: {0}")]
    Certificate(String),
    /// The text is not a private key in PEM.
    #[error("this is not a private key in PEM form")]
    Key(#[source] rcgen::Error),
    /// The certificate's basic constraints or key usage do not allow signing.
    #[error("the certificate of {name} is not that of an authority: it may not sign others")]
    NotAnAuthority {
        /// The certificate's subject.
        name: String,
    },
    /// The private key is not the one of the certificate.
    #[error("the private key does not belong to the certificate of {name}")]
    Mismatch {
        /// The certificate's subject.
        name: String,
    },
    /// A name that is neither a DNS name nor an IP address, or none at all.
    #[error("{0:?} can stand for nobody in a certificate: neither a DNS name nor an address")]
    Name(String),
    /// The authority is not valid at the time of issue.
    #[error("the certificate of {name} is not valid at the time of signing")]
    OutOfTime {
        /// The authority's subject.
        name: String,
    },
    /// A time that certificates cannot express.
    #[error("{0} ms since 1970 is no time for a certificate")]
    Time(u64),
    /// The cryptographic library failed.
    #[error("could not make or sign a certificate")]
    Library(#[source] rcgen::Error),
}
