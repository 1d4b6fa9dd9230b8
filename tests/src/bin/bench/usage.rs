//! What processes use, read from `/proc`.

use crate::Result;

/// CPU time of all threads of these processes so far, user and system, microseconds.
pub(crate) fn cpu_us(pids: &[u32]) -> Result<u64> {
    let mut ticks = 0u64;
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The command's name may hold spaces: fields are counted from its closing parenthesis.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        for field in [11, 12] {
            ticks += fields.get(field).and_then(|text| text.parse::<u64>().ok()).ok_or("no CPU times in /proc")?;
        }
    }
    // USER_HZ is 100 on every Linux that Rust runs on.
    Ok(ticks * 10_000)
}

/// Resident memory of these processes, MiB.
pub(crate) fn resident_mib(pids: &[u32]) -> Result<u64> {
    let mut kib = 0;
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        kib += status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(kib / 1024)
}
