//! Templates are made, changed and removed. What clusters were made from stays as it was, but for what does not matter to them.

use crate::{
    Change,
    command::{TemplateCreate, TemplateDelete, TemplateUpdate},
    context::{Answer, Context, Stop, done_to, made_from, refuse, still_at},
    event::Note,
    id::TemplateId,
    outcome::{Class, Refusal},
    record,
    template::{Template, TemplateWish, query},
};

/// Makes a template. The id may be the client's, so it may be taken.
pub(crate) fn create(context: &mut Context<'_>, command: TemplateCreate) -> Answer {
    if record::exists::<Template>(context.tables, command.id.bytes())? {
        return refuse(Class::Conflict, "template-exists", format!("there is a template {} already", command.id));
    }
    let template = Template {
        id: command.id,
        serial: context.serial(|meta| &mut meta.templates),
        revision: context.index,
        project_id: context.actor.project_id.clone(),
        user_id: context.actor.user_id.clone(),
        wish: command.wish,
        created_ms: context.wall_ms,
        updated_ms: None,
    };
    record::replace(context.tables, None, &template);
    context.changes.push(Change::Template(template.id));
    context.event(Note::template(&template, "created"));
    done_to(template.id.bytes(), template.revision)
}

/// The template if the asking one may change it: others' public ones are seen, but not changed.
fn changeable(context: &Context<'_>, id: TemplateId) -> Result<Template, Stop> {
    let template = query::by_id(context.tables, id)?.filter(|template| query::visible(template, context.scope()));
    let Some(template) = template else {
        return refuse(Class::Missing, "template-missing", format!("template {id} could not be found"));
    };
    if !context.scope().sees(&template.project_id) {
        return refuse(Class::Forbidden, "template-foreign", format!("template {id} belongs to another project"));
    }
    Ok(template)
}

/// Changes a template.
pub(crate) fn update(context: &mut Context<'_>, command: &TemplateUpdate) -> Answer {
    let previous = changeable(context, command.id)?;
    made_from(command.expected_revision, previous.revision)?;
    if previous.wish == command.wish {
        return done_to(previous.id.bytes(), previous.revision);
    }
    if query::referenced(context.tables, command.id)? {
        harmless(&previous.wish, &command.wish)?;
    }
    let template = Template { revision: context.index, wish: command.wish.clone(), updated_ms: Some(context.wall_ms), ..previous.clone() };
    record::replace(context.tables, Some(&previous), &template);
    context.changes.push(Change::Template(template.id));
    context.event(Note::template(&template, "updated"));
    done_to(template.id.bytes(), template.revision)
}

/// Of a template that clusters use only one of these may change, one at a time: its name, its tags (to some), whether it is hidden,
/// and public from false to true.
fn harmless(previous: &TemplateWish, wish: &TemplateWish) -> Result<(), Refusal> {
    let allowed = [
        TemplateWish { name: wish.name.clone(), ..previous.clone() },
        TemplateWish { tags: wish.tags.clone().or_else(|| previous.tags.clone()), ..previous.clone() },
        TemplateWish { hidden: wish.hidden, ..previous.clone() },
        TemplateWish { public: wish.public || previous.public, ..previous.clone() },
    ];
    if allowed.contains(wish) {
        return Ok(());
    }
    Err(Refusal::new(
        Class::Invalid,
        "template-referenced",
        "clusters use this template: only its name, its tags, hidden, or public from false to true may change, one of them at a time",
    ))
}

/// Removes a template that no cluster uses.
pub(crate) fn delete(context: &mut Context<'_>, command: &TemplateDelete) -> Answer {
    let template = changeable(context, command.id)?;
    still_at(command.expected_revision, template.revision)?;
    if query::referenced(context.tables, command.id)? {
        return refuse(Class::Invalid, "template-referenced", format!("clusters use template {}; delete them first", command.id));
    }
    record::delete(context.tables, &template);
    context.changes.push(Change::Template(template.id));
    context.event(Note::template(&template, "deleted"));
    done_to(template.id.bytes(), context.index)
}
