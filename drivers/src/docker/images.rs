//! Images: brought when they are missing, left alone when they are there.
//!
//! Nothing is asked of a registry for an image the engine has, so a machine without any registry works with images built on it.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt;

use crate::{
    docker::client::{Fault, within},
    error::Error,
    limit,
};

/// Brings an image because a create answered 404 with these `words`; if the image is there they were about something else.
pub(crate) async fn bring(docker: &bollard::Docker, image: &str, words: String) -> Result<(), Error> {
    match docker.inspect_image(image).await.map_err(Fault::from) {
        Ok(_) => return Err(Error::Refused(words)),
        Err(Fault::Answer(404, _)) => {}
        Err(fault) => return Err(fault.into()),
    }
    tracing::info!(image, "image is missing, pulling it");
    let options = CreateImageOptionsBuilder::new().from_image(image).build();
    let pull = async {
        let answers = docker.create_image(Some(options), None, None);
        answers.try_for_each(|_| std::future::ready(Ok(()))).await.map_err(|failure| explained(image, failure.into()))
    };
    within(limit::PULL, "pull the image", pull).await
}

fn explained(image: &str, fault: Fault) -> Error {
    let say = |words: String| format!("the engine does not have the image {image} and could not pull it: {words}");
    match fault {
        Fault::Answer(400..=499, words) => Error::Refused(say(words)),
        Fault::Answer(_, words) | Fault::Error(Error::Broken(words)) => Error::Broken(say(words)),
        Fault::Error(error) => error,
    }
}
