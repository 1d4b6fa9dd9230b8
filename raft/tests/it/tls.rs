use std::{sync::Arc, time::Duration};

use model::MemberId;
use raft::{Consistency, PeerTls, tls::certificate_name};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use storage::Store;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cluster::{Cluster, Issue, create, done, fresh_name, get, settings, soon};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(authority: &CertifiedIssuer<'static, KeyPair>, cluster: Uuid, member: MemberId) -> PeerTls {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![certificate_name(cluster, member)]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    PeerTls::from_pem(authority.pem().as_bytes(), certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_with_certificates_work_and_others_are_kept_out() {
    let ca = Arc::new(authority());
    let from = ca.clone();
    let issuer: Issue = Arc::new(move |cluster, member| issue(&from, cluster, member));
    let mut cluster = Cluster::of_one(settings(), Some(issuer)).await;
    let id = cluster.add_learner().await;
    cluster.any().promote(MemberId(id), soon()).await.unwrap();
    let name = fresh_name();
    done(cluster.handle(id).write(create(&name, 1), soon()).await.unwrap());
    assert_eq!(get(&cluster.handle(1), &name, Consistency::Linearizable).await, Some(1));

    // With a good token but the certificate of another member, of another authority, of another cluster, or none, nobody gets in.
    let stranger = authority();
    let wrong: [Option<PeerTls>; 4] = [
        Some(issue(&ca, cluster.id, MemberId(1))),
        Some(issue(&stranger, cluster.id, MemberId(3))),
        Some(issue(&ca, Uuid::from_u128(5), MemberId(3))),
        None,
    ];
    let token = cluster.any().create_token(Duration::from_secs(60), soon()).await.unwrap();
    assert_eq!(token.member, MemberId(3));
    for (number, tls) in wrong.into_iter().enumerate() {
        let folder = cluster.folder(100 + u64::try_from(number).unwrap());
        let store = Store::create_in(&folder, cluster.id, 3).await.unwrap();
        cluster.peers.remove(&3);
        let mut boot = cluster.boot(3, store);
        boot.tls = tls;
        let refused = raft::join(boot, &token, Instant::now() + Duration::from_millis(1_500)).await.unwrap_err();
        assert!(refused.retryable(), "{number}: {refused}");
        assert_eq!(cluster.any().status().learners.len(), 0, "{number}");
    }
    cluster.peers.remove(&3);
    cluster.join(&token).await.unwrap();
    assert_eq!(get(&cluster.handle(3), &name, Consistency::Linearizable).await, Some(1));
}
