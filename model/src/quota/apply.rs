//! Quotas are set and removed. A lower limit takes nothing away, it only stops the next create.

use crate::{
    Change,
    command::{QuotaDelete, QuotaSet},
    context::{Answer, Context, Stop, done, refuse},
    event::Note,
    outcome::{Class, Done},
    quota::{CLUSTER, Quota, query},
    record,
};

fn known(resource: &str) -> Result<(), Stop> {
    if resource == CLUSTER {
        return Ok(());
    }
    refuse(Class::Invalid, "resource-unknown", format!("there are quotas for {CLUSTER} only"))
}

fn note(quota: &Quota, action: &'static str) -> Note {
    let note = Note::operators("quota", format!("{} {}", quota.project_id, quota.resource), action);
    Note { project_id: quota.project_id.clone(), ..note }.detail(quota.hard_limit.to_string())
}

/// Sets a quota.
pub(crate) fn set(context: &mut Context<'_>, command: &QuotaSet) -> Answer {
    known(&command.resource)?;
    let previous = query::of(context.tables, &command.project_id, &command.resource)?;
    let quota = match (&previous, command.create) {
        (Some(_), Some(true)) => return refuse(Class::Conflict, "quota-exists", "the project has a quota for this resource already"),
        (None, Some(false)) => return refuse(Class::Missing, "quota-missing", "the project has no quota for this resource"),
        (Some(previous), _) => {
            Quota { revision: context.index, hard_limit: command.hard_limit, updated_ms: Some(context.wall_ms), ..previous.clone() }
        }
        (None, _) => Quota {
            serial: context.serial(|meta| &mut meta.quotas),
            revision: context.index,
            project_id: command.project_id.clone(),
            resource: command.resource.clone(),
            hard_limit: command.hard_limit,
            created_ms: context.wall_ms,
            updated_ms: None,
        },
    };
    record::replace(context.tables, previous.as_ref(), &quota);
    context.changes.push(Change::Quota);
    context.event(note(&quota, if previous.is_some() { "updated" } else { "created" }));
    Ok(Done { number: quota.serial, revision: context.index, ..Done::default() })
}

/// Removes a quota.
pub(crate) fn delete(context: &mut Context<'_>, command: &QuotaDelete) -> Answer {
    known(&command.resource)?;
    let Some(quota) = query::of(context.tables, &command.project_id, &command.resource)? else {
        return refuse(Class::Missing, "quota-missing", "the project has no quota for this resource");
    };
    record::delete(context.tables, &quota);
    context.changes.push(Change::Quota);
    context.event(note(&quota, "deleted"));
    done(context.index)
}
