//! The ways to a point: what is done so that a member comes there, and what follows when it has failed there.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{
    cell::{Cell, Outcomes},
    doom::{Doom, LEAD},
    ground::{Ground, KEPT},
    life::{self, Rein},
    point::{Way, Whom},
};
use crate::{
    Error,
    rest::{Endpoint, admin, baymodel},
};

/// How long one attempt at a point is waited for.
const HIT: Duration = Duration::from_secs(8);
/// How long the owner of a bay stands still around the end of its time.
const EXPIRES: Duration = Duration::from_secs(4);
/// Attempts at one cell: a leader may change between the order and the moment.
const ATTEMPTS: u32 = 3;
/// How long a life may take until its container runs.
const RUNS: Duration = Duration::from_secs(60);
/// How long something without a record may stay.
const SWEPT: Duration = Duration::from_secs(30);
/// Entries that a member must miss to need a snapshot.
const MISSED: usize = 260;
/// Entries after which a purge is certain, however few there were before.
const PURGED: usize = KEPT + 20;

impl Ground {
    /// Tries a cell; what is wrong is noted.
    pub(super) async fn strike(&mut self, cell: &Cell, outcomes: &Outcomes) -> Result<(), Error> {
        self.ready(cell.number).await?;
        for _ in 0..ATTEMPTS {
            self.room().await;
            self.forget_logs();
            let reached = match cell.point.way {
                Way::Install | Way::Restart => self.at_start(cell).await?,
                _ => self.while_running(cell, outcomes).await?,
            };
            if reached || self.struck_late(cell).await? {
                outcomes.note(cell.number, |outcome| outcome.reached = true);
                break;
            }
        }
        outcomes.note(cell.number, |outcome| outcome.tried = true);
        Ok(())
    }

    /// The orders are taken back; but a member may have come to its point when nobody waited for that any more, and stand still there.
    async fn struck_late(&mut self, cell: &Cell) -> Result<bool, Error> {
        let victim = self.hit(cell.point.name);
        match &victim {
            Some(victim) => self.heal(cell, victim).await?,
            None => {
                self.free().await?;
                self.ready(cell.number).await?;
            }
        }
        Ok(victim.is_some())
    }

    /// Orders are given to members that run.
    async fn while_running(&mut self, cell: &Cell, outcomes: &Outcomes) -> Result<bool, Error> {
        let way = cell.point.way;
        let held = matches!(way, Way::Drain | Way::Sighting | Way::Orphan);
        let mut rein = None;
        if held {
            let mut begun = self.begin(cell.number, true);
            let Some(stand) = Self::stands(&mut begun, |stand| stand.container.is_some(), RUNS).await else { return Ok(false) };
            rein = Some((begun, stand));
        }
        let members = self.aim(cell.point.whom).await?;
        if !self.arm(cell, &members).await? {
            release(rein);
            return Ok(false);
        }
        let hit = match (way, &rein) {
            (Way::Snapshot, _) => self.by_snapshot(cell, &members).await,
            (Way::Expiry, _) => self.by_expiry(cell).await?,
            (Way::End, _) => self.by_end(cell).await,
            (Way::Vote, _) => self.by_vote(cell).await?,
            (Way::Drain, Some((_, stand))) => return self.by_drain(cell, stand.bay.clone().unwrap_or_default(), rein).await,
            (Way::Sighting, Some((_, stand))) => {
                self.outside.stop(stand.container.as_deref().unwrap_or_default());
                self.hit_within(cell.point.name, HIT * 2).await
            }
            (Way::Orphan, Some((_, stand))) => return self.by_orphan(cell, stand.bay.clone().unwrap_or_default(), rein, outcomes).await,
            _ => {
                let rein = self.begin(cell.number, false);
                self.hit_during(cell.point.name, rein, RUNS).await
            }
        };
        if let Some(victim) = &hit {
            self.heal(cell, victim).await?;
        }
        release(rein);
        Ok(hit.is_some())
    }

    /// So much is written first that there is something to purge: a young cluster has nothing but entries that are kept.
    async fn by_snapshot(&mut self, cell: &Cell, members: &[String]) -> Option<String> {
        self.begin(cell.number, false);
        let writes = self.writes("purged", PURGED);
        // The member shortens its log by itself, too, while it writes.
        tokio::select! {
            hit = self.hit_within(cell.point.name, RUNS) => return hit,
            () = writes => {}
        }
        let told: Vec<Endpoint> =
            self.stage.hopper.roster().all().into_iter().filter(|one| members.iter().any(|name| **name == *one.name)).collect();
        tokio::select! {
            hit = self.hit_within(cell.point.name, HIT * 2) => hit,
            () = compact(&told, RUNS) => None,
        }
    }

    /// The owner itself ends what is past its time, in the very moment; only where it cannot, the leader does. So it stands still then.
    async fn by_expiry(&mut self, cell: &Cell) -> Result<Option<String>, Error> {
        if let Some(doom) = &mut self.doom {
            doom.begin();
        }
        let started = Instant::now();
        while started.elapsed() < LEAD {
            if let Some(owner) = self.owner_of_the_next_to_expire().await? {
                self.stage.cluster.member(&owner)?.program.pause()?;
                let hit = self.hit_within(cell.point.name, EXPIRES).await;
                self.stage.cluster.member(&owner)?.program.let_go_on()?;
                return Ok(hit);
            }
            if let Some(victim) = self.hit_within(cell.point.name, Duration::from_millis(100)).await {
                return Ok(Some(victim));
            }
        }
        Ok(None)
    }

    /// Of a doomed bay whose time is nearly over; none while there is no such bay, or while it is the leader's own.
    async fn owner_of_the_next_to_expire(&mut self) -> Result<Option<String>, Error> {
        let Some(bay) = self.doom.as_ref().and_then(Doom::nearly_over) else { return Ok(None) };
        let leader = self.stage.cluster.leader(HIT).await?;
        let rows = self.stage.cluster.ownership().await;
        let owner = rows.iter().find(|row| row.cluster == bay).and_then(|row| self.stage.cluster.name_of(row.member));
        Ok(owner.filter(|owner| *owner != leader))
    }

    async fn by_end(&mut self, cell: &Cell) -> Option<String> {
        if let Some(backend) = &self.backend {
            backend.blink(true);
        }
        let rein = self.begin(cell.number, false);
        let hit = self.hit_during(cell.point.name, rein, RUNS).await;
        if let Some(backend) = &self.backend {
            backend.blink(false);
        }
        hit
    }

    async fn by_vote(&mut self, cell: &Cell) -> Result<Option<String>, Error> {
        self.begin(cell.number, false);
        let started = Instant::now();
        while started.elapsed() < HIT {
            // The one that is asked may be the one that dies.
            timeout(Duration::from_secs(3), self.stage.cluster.transfer()).await.map(drop).unwrap_or(());
            if let Some(victim) = self.hit_within(cell.point.name, Duration::from_millis(300)).await {
                return Ok(Some(victim));
            }
        }
        Ok(None)
    }

    async fn by_drain(&mut self, cell: &Cell, bay: String, rein: Option<(Rein, life::Stand)>) -> Result<bool, Error> {
        let rows = self.stage.cluster.ownership().await;
        let owner = rows.iter().find(|row| row.cluster == bay).and_then(|row| self.stage.cluster.name_of(row.member));
        let Some(owner) = owner else {
            release(rein);
            return Ok(false);
        };
        self.stage.cluster.drain(&owner, true).await?;
        let hit = self.hit_within(cell.point.name, HIT).await;
        if let Some(victim) = &hit {
            self.heal(cell, victim).await?;
        }
        self.stage.cluster.drain(&owner, false).await?;
        release(rein);
        Ok(hit.is_some())
    }

    async fn by_orphan(&mut self, cell: &Cell, bay: String, rein: Option<(Rein, life::Stand)>, outcomes: &Outcomes) -> Result<bool, Error> {
        let uuid = orphan(&mut self.chance);
        self.outside.litter(&bay, &uuid);
        let hit = self.hit_within(cell.point.name, HIT * 2).await;
        if let Some(victim) = &hit {
            self.heal(cell, victim).await?;
        }
        let started = Instant::now();
        loop {
            let known = self.listed(&bay).await;
            if life::unknown(&self.outside, &bay, &known).await?.is_empty() {
                break;
            }
            if started.elapsed() > SWEPT {
                outcomes.found(cell.number, format!("the orphan {uuid} of bay {bay} is there after {} s", SWEPT.as_secs()));
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        release(rein);
        Ok(hit.is_some())
    }

    /// Orders are given to a member that is started: one that was down, for so long that it needs a snapshot if that is the way.
    async fn at_start(&mut self, cell: &Cell) -> Result<bool, Error> {
        let whom = if cell.point.way == Way::Install { Whom::Follower } else { cell.point.whom };
        let Some(victim) = self.aim(whom).await?.into_iter().next() else { return Ok(false) };
        let statuses = self.stage.cluster.statuses().await;
        let stood = statuses.iter().map(|one| one.applied).max().unwrap_or(0);
        self.stage.cluster.member(&victim)?.program.kill().await?;
        self.begin(cell.number, false);
        if cell.point.way == Way::Install {
            self.write_and_purge(&victim, stood).await?;
        }
        self.forget_logs();
        let program = &mut self.stage.cluster.member(&victim)?.program;
        program.set_environment("JEROBOAM_FAULTS", Some(&cell.order()));
        program.start()?;
        program.set_environment("JEROBOAM_FAULTS", None);
        let hit = self.hit_within(cell.point.name, HIT * 2).await;
        if hit.is_some() {
            self.heal(cell, &victim).await?;
        }
        Ok(hit.is_some())
    }

    /// The others write so much, and purge it, that a member which stood at `stood` can only go on from a snapshot.
    async fn write_and_purge(&mut self, victim: &str, stood: u64) -> Result<(), Error> {
        self.writes("missed", MISSED).await;
        let started = Instant::now();
        loop {
            self.stage.cluster.compact().await;
            let statuses = self.stage.cluster.statuses().await;
            if statuses.iter().filter(|one| one.name != victim).all(|one| one.purged > stood) {
                return Ok(());
            }
            if started.elapsed() > RUNS {
                return Err(Error::late(format!("the others purging beyond {stood}"), RUNS));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// So many entries at once, through whoever takes them.
    fn writes(&mut self, name: &str, entries: usize) -> impl Future<Output = ()> + use<> {
        let hopper = self.stage.hopper.clone();
        let requests: Vec<_> = (0..entries).map(|number| baymodel::create(&format!("{name}-{number}"), 1, self.chance.key())).collect();
        async move {
            futures::future::join_all(requests.iter().map(|request| hopper.send(request))).await;
        }
    }
}

/// Tells members to take a snapshot and to purge, again and again. Each may take its time: one that is not waited for gives up in the middle.
async fn compact(members: &[Endpoint], limit: Duration) {
    let started = Instant::now();
    while started.elapsed() < limit {
        for member in members {
            // It dies in the middle of this, or stands still.
            admin::compact(member).await.unwrap_or(());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn release(rein: Option<(Rein, life::Stand)>) {
    if let Some((rein, _)) = rein {
        rein.go.send_replace(true);
    }
}

/// The uuid of a container that was never made.
fn orphan(chance: &mut crate::Chance) -> String {
    let key = chance.key();
    let part = |from: usize, to: usize| key.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}
