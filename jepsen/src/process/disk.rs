//! A filesystem of its own, in an image file, whose power can be taken.
//!
//! A killed process leaves its unflushed writes to the operating system, which writes them later: kill -9 finds no missing
//! fsync. Here the filesystem itself is shut down without writing anything back (ext4's shutdown ioctl), as a power cut
//! does: what was not flushed is gone after the next mount. Needs root and loop devices.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::run;
use crate::Error;

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(60);
/// `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: neither data nor journal is written back. Perl belongs to every
/// Debian, and it may call what this crate, which forbids unsafe code, may not.
const SHUTDOWN: &str =
    r#"open(my $f, "<", $ARGV[0]) or die "open: $!"; my $mode = pack("L", 2); ioctl($f, 0x8004587D, $mode) or die "ioctl: $!";"#;

/// A mounted filesystem. Unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    /// Makes one of `megabytes` in `folder` and mounts it there.
    ///
    /// # Errors
    /// [`Error::Setup`] when this machine does not allow it.
    pub async fn create(folder: &Path, megabytes: u64) -> Result<Self, Error> {
        let disk = Self { image: folder.join("disk.img"), mounted: folder.join("disk") };
        fs::create_dir_all(&disk.mounted).map_err(Error::file("make", &disk.mounted))?;
        let file = fs::File::create(&disk.image).map_err(Error::file("make", &disk.image))?;
        file.set_len(megabytes << 20).map_err(Error::file("size", &disk.image))?;
        let missing = |error: Error| Error::Setup(format!("a disk that loses power needs root, loop devices and ext4: {error}"));
        command("mkfs.ext4", &["-q", "-F", &text(&disk.image)]).await.map_err(missing)?;
        disk.mount().await.map_err(missing)?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mounted
    }

    /// Takes its power: from now on nothing is written any more. Who still has a file open gets errors.
    pub async fn cut(&self) -> Result<(), Error> {
        command("perl", &["-e", SHUTDOWN, &text(&self.mounted)]).await
    }

    /// Gives it power again, after everybody who had a file open has ended: only what was flushed is there.
    pub async fn restore(&self) -> Result<(), Error> {
        command("umount", &[&text(&self.mounted)]).await?;
        self.let_go().await?;
        self.mount().await
    }

    /// A container that was just begun elsewhere on this machine may hold the filesystem for a moment, as it holds all that were mounted then:
    /// until it lets go, another mount would be of the one without power.
    async fn let_go(&self) -> Result<(), Error> {
        let started = Instant::now();
        while !run(&tool("losetup"), &["-j", &text(&self.image)], COMMAND).await?.trim().is_empty() {
            if started.elapsed() > COMMAND {
                return Err(Error::late(format!("everybody letting go of {}", self.mounted.display()), COMMAND));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn mount(&self) -> Result<(), Error> {
        command("mount", &["-o", "loop", &text(&self.image), &text(&self.mounted)]).await
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: members that are still being ended may have files open.
        let unmounted = std::process::Command::new("umount").arg("-l").arg(&self.mounted).output();
        if let Err(error) = unmounted {
            eprintln!("chaos: {} stays mounted: {error}", self.mounted.display());
        }
    }
}

async fn command(name: &str, arguments: &[&str]) -> Result<(), Error> {
    run(&tool(name), arguments, COMMAND).await.map(drop)
}

/// Debian keeps some of them where ordinary users do not look.
fn tool(name: &str) -> PathBuf {
    let found = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from(name))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
