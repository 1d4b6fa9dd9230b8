//! The contract of logs and executions.

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};

use crate::{
    contract::{LONG, Place, Verdict, failed, must, said, until},
    engine::LogOptions,
    error::{Class, Error},
    limit,
};

/// Both streams, unframed; parts of them; following; a bound.
pub async fn logs(place: &Place) -> Verdict {
    let line = "sh -c 'echo \"to out $WORD\"; echo to err >&2; trap \"exit 0\" TERM; while true; do sleep 0.1; done'";
    let mut spec = place.spec(51, line);
    spec.wish.environment.insert("WORD".to_owned(), "a  b".to_owned());
    said("create", place.engine.create(&place.mark(1), &spec).await)?;
    said("start", place.engine.start(&place.mark(1), spec.id).await)?;
    let all = LogOptions::default();
    until(10, "logs show both streams, with the environment in them", || async {
        let text = text(place, &all).await?;
        Ok(text.contains("to out a  b\n") && text.contains("to err\n") && text.len() == "to out a  b\nto err\n".len())
    })
    .await?;
    let out = text(place, &LogOptions { stderr: false, ..all.clone() }).await?;
    must(out == "to out a  b\n", "standard output can be had alone")?;
    let err = text(place, &LogOptions { stdout: false, ..all.clone() }).await?;
    must(err == "to err\n", "standard error can be had alone")?;
    let tail = text(place, &LogOptions { tail: Some(1), ..all.clone() }).await?;
    must(tail.lines().count() == 1, "the last line can be had alone")?;
    let timed = text(place, &LogOptions { timestamps: true, ..all.clone() }).await?;
    must(timed.lines().count() == 2 && timed.lines().all(|line| line.starts_with("20")), "lines can be had with their times")?;
    let cut = text(place, &LogOptions { bytes_max: 3, ..all.clone() }).await?;
    must(cut.contains("was cut") && cut.len() < 64, "logs beyond their bound are cut, with a note")?;

    let options = LogOptions { follow: true, ..all };
    let followed = said("following logs", place.engine.logs(spec.id, &options).await)?;
    let reader = async { read(followed).await };
    let stopper = async { said("stop", place.engine.stop(&place.mark(1), spec.id).await) };
    let (read, stopped) = futures::join!(reader, stopper);
    stopped?;
    must(read?.0.contains("to err\n"), "followed logs end when the container does")?;
    place.end(51).await
}

/// Output and exit status; a bound; refusals.
pub async fn executions(place: &Place) -> Verdict {
    place.run(61, LONG).await?;
    let (output, exit) = run(place, "sh -c 'echo \"one  two\"; echo three >&2; exit 3'").await?;
    must(output.contains("one  two\n") && output.contains("three\n"), "an execution shows both streams")?;
    must(exit == Some(3), "an execution tells its exit status")?;
    must(run(place, "true").await? == (String::new(), Some(0)), "a silent one too")?;
    let (_, exit) = run(place, "/no/such/program").await?;
    must(exit.is_some_and(|code| code != 0), "a program that is not there does not succeed")?;

    let (output, exit) = run(place, "sh -c 'head -c 3000000 /dev/zero | tr \"\\0\" x; exit 4'").await?;
    let bound = usize::try_from(limit::EXECUTE_BYTES).unwrap_or(usize::MAX);
    must(output.contains("was cut") && output.len() >= bound && output.len() < bound + 64, "output beyond its bound is cut, with a note")?;
    must(exit == Some(4), "what was cut tells its exit status all the same")?;

    for senseless in ["", "  ", "echo 'open"] {
        let answer = place.engine.execute(&place.mark(1), place.id(61), senseless).await;
        must(failed("a senseless command", answer)?.class() == Class::Refused, "a senseless command is refused")?;
    }
    said("stop", place.engine.stop(&place.mark(1), place.id(61)).await)?;
    let answer = place.engine.execute(&place.mark(1), place.id(61), "true").await;
    must(
        failed("an execution in what is stopped", answer)?.class() == Class::State,
        "an execution in what is stopped is refused for its state",
    )?;
    place.end(61).await
}

async fn run(place: &Place, command: &str) -> Result<(String, Option<i64>), String> {
    let execution = said("execute", place.engine.execute(&place.mark(1), place.id(61), command).await)?;
    let (output, _) = read(execution.output).await?;
    Ok((output, said("exit status", execution.exit.await)?))
}

async fn text(place: &Place, options: &LogOptions) -> Result<String, String> {
    let stream = said("logs", place.engine.logs(place.id(51), options).await)?;
    Ok(read(stream).await?.0)
}

/// All of a stream as text, and the number of its pieces.
async fn read(mut stream: BoxStream<'static, Result<Bytes, Error>>) -> Result<(String, usize), String> {
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&said("reading on", piece)?);
        pieces += 1;
    }
    String::from_utf8(bytes).map(|text| (text, pieces)).map_err(|error| format!("output must be free of framing: {error}"))
}
