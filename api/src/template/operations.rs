//! What can be done with templates, in no vocabulary.

use model::{
    Command, Page,
    command::{TemplateCreate, TemplateDelete, TemplateUpdate},
    defaults,
    id::TemplateId,
    template::{Template, TemplateWish, query},
};
use uuid::Uuid;

use crate::{
    call::{Applied, Call, ident, one},
    error::Error,
    page::Wanted,
};

/// What people call it in messages.
const NOUN: &str = "template";

/// A template as this request left it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) template: Template,
    pub(super) replayed: bool,
}

/// One page of the templates the caller sees.
pub(super) async fn list(call: &Call<'_>, rule: &str) -> Result<(Vec<Template>, Wanted), Error> {
    call.allow(rule)?;
    let wanted = Wanted::of::<Template>(call)?;
    let reading = call.read().await?;
    let scope = call.wide();
    let marker = match wanted.marker {
        Some(uuid) => Some(one(query::find(&*reading.view, model::Ident::Id(uuid), scope)?, NOUN, &uuid.to_string())?),
        None => None,
    };
    let rows = wanted.select(marker.as_ref(), |page: &Page| query::list(&*reading.view, scope, page))?;
    Ok((rows, wanted))
}

/// One template by id or name.
pub(super) async fn show(call: &Call<'_>, name: &str) -> Result<Template, Error> {
    call.allow("clustertemplate:get")?;
    let reading = call.read().await?;
    one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)
}

/// Makes a template.
pub(super) async fn create(call: &Call<'_>, id: Option<Uuid>, mut wish: TemplateWish, kind: &str) -> Result<Changed, Error> {
    call.allow("clustertemplate:create")?;
    if wish.public || wish.hidden {
        call.allow("clustertemplate:publish")?;
    }
    let chance = &call.app.handle.seams().chance;
    if wish.name.is_empty() {
        wish.name = defaults::name(chance.number(), chance.number(), kind);
    }
    let id = TemplateId::new(id.unwrap_or_else(|| call.uuid()));
    let command = TemplateCreate { id, wish: wish.clone() };
    let applied = call.write(Command::TemplateCreate(command)).await?;
    let made = Template {
        id,
        revision: applied.done.revision,
        project_id: call.caller.project_id.clone(),
        user_id: call.caller.user_id.clone(),
        wish,
        created_ms: call.app.handle.seams().wall.now_ms(),
        ..Template::default()
    };
    settled(call, &applied, made).await
}

/// Changes a template: `change` computes the new wish from the present one, again when somebody else was faster.
pub(super) async fn update(
    call: &Call<'_>,
    name: &str,
    change: impl Fn(&TemplateWish) -> Result<TemplateWish, Error>,
) -> Result<Changed, Error> {
    call.allow("clustertemplate:update")?;
    let mut attempt = 1;
    loop {
        let reading = call.read_newest().await?;
        if let Some(applied) = call.remembered(&reading)? {
            return settled(call, &applied, Template::default()).await;
        }
        let template = one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)?;
        drop(reading);
        call.check_revision(template.revision)?;
        let mut wish = change(&template.wish)?;
        if wish.name.is_empty() {
            wish.name.clone_from(&template.wish.name);
        }
        if (wish.public, wish.hidden) != (template.wish.public, template.wish.hidden) {
            call.allow("clustertemplate:publish")?;
        }
        let command = TemplateUpdate { id: template.id, expected_revision: template.revision, wish: wish.clone() };
        match call.write(Command::TemplateUpdate(command)).await {
            Ok(applied) => {
                let updated_ms = Some(call.app.handle.seams().wall.now_ms());
                let changed = Template { revision: applied.done.revision, wish, updated_ms, ..template };
                return settled(call, &applied, changed).await;
            }
            Err(error) if call.again(attempt, &error) => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Removes a template. Whether it was removed before, by the same request.
pub(super) async fn delete(call: &Call<'_>, name: &str) -> Result<bool, Error> {
    call.allow("clustertemplate:delete")?;
    let reading = call.read_newest().await?;
    if let Some(applied) = call.remembered(&reading)? {
        return Ok(applied.replayed);
    }
    let template = one(query::find(&*reading.view, ident(name), call.wide())?, NOUN, name)?;
    drop(reading);
    let expected_revision = call.bound_revision(template.revision)?;
    let applied = call.write(Command::TemplateDelete(TemplateDelete { id: template.id, expected_revision })).await?;
    Ok(applied.replayed)
}

/// The template as the state has it after this request. Where somebody else has changed or removed it since, what this request made of
/// it (`written`); for a request that was sent before, whatever it is now.
async fn settled(call: &Call<'_>, applied: &Applied, written: Template) -> Result<Changed, Error> {
    let reading = call.read_after(applied.index).await?;
    let present = query::by_id(&*reading.view, TemplateId::new(applied.object()))?;
    let template = match present {
        Some(present) if applied.replayed || present.revision == applied.done.revision => present,
        None if applied.replayed => {
            return Err(Error::missing("the first attempt succeeded, and the template is gone since").replayed(true));
        }
        _ => written,
    };
    Ok(Changed { template, replayed: applied.replayed })
}
