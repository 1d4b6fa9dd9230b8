//! What containers say: logs and executions, without the engine's framing, bounded in bytes and in time.

use std::time::Duration;

use bollard::{
    container::LogOutput,
    errors::Error as Failure,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    query_parameters::LogsOptionsBuilder,
};
use bytes::Bytes;
use futures::{
    FutureExt, Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use crate::{
    docker::{client::Fault, wish},
    engine::{Execution, LogOptions},
    error::Error,
    limit,
};

/// What is read beyond the cut of an execution's output, so that its exit status still comes. Bytes.
const BEYOND: u64 = 16 * limit::EXECUTE_BYTES;
/// How long and how often an exit status is waited for after the output has ended.
const EXIT_WAIT: Duration = Duration::from_secs(2);
const EXIT_PAUSE: Duration = Duration::from_millis(20);

/// The logs of the container with this id of the engine.
pub(crate) fn logs(docker: &bollard::Docker, external_id: &str, options: &LogOptions) -> BoxStream<'static, Result<Bytes, Error>> {
    let query = LogsOptionsBuilder::new()
        .stdout(options.stdout)
        .stderr(options.stderr)
        .timestamps(options.timestamps)
        .follow(options.follow)
        .since(options.since.and_then(|since| i32::try_from(since).ok()).unwrap_or(0))
        .tail(&options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()))
        .build();
    let silence = (!options.follow).then_some(limit::SILENCE);
    // The library's stream borrows nothing, but its type does not say so; the client moves in with it.
    let docker = docker.clone();
    let external_id = external_id.to_owned();
    let output = stream::once(async move { raw(docker.logs(&external_id, Some(query))).boxed() }).flatten();
    Cut { left: options.bytes_max, beyond: 0, silence, until: None, noted: false, inner: Some(output.boxed()) }.stream()
}

/// Runs a command line in the container with this id of the engine.
pub(crate) async fn execute(docker: &bollard::Docker, external_id: &str, command: &str) -> Result<Execution, Error> {
    let words = wish::words(command)?;
    if words.is_empty() {
        return Err(Error::Refused("there is no command to execute".to_owned()));
    }
    let options =
        CreateExecOptions { cmd: Some(words), attach_stdout: Some(true), attach_stderr: Some(true), ..CreateExecOptions::default() };
    let id = docker.create_exec(external_id, options).await.map_err(|failure| Error::from(Fault::from(failure)))?.id;
    let started = docker.start_exec(&id, Some(StartExecOptions::default())).await;
    let StartExecResults::Attached { output, input } = started.map_err(|failure| Error::from(Fault::from(failure)))? else {
        return Err(Error::Broken("the engine ran the command without showing its output".to_owned()));
    };
    // The writing half is kept as long as the output is read: closing it early makes some engines close both.
    let output = raw(output).map(move |piece| {
        let _kept = &input;
        piece
    });
    let until = Some(Instant::now() + limit::EXECUTE);
    let cut = Cut { left: limit::EXECUTE_BYTES, beyond: BEYOND, silence: None, until, noted: false, inner: Some(output.boxed()) };
    Ok(Execution { output: cut.stream(), exit: exit(docker.clone(), id).boxed() })
}

/// The exit status: the engine notes it a moment after it has closed the output.
async fn exit(docker: bollard::Docker, id: String) -> Result<Option<i64>, Error> {
    let end = Instant::now() + EXIT_WAIT;
    loop {
        let shown = tokio::time::timeout(limit::LOOK, docker.inspect_exec(&id)).await;
        let shown = shown.map_err(|_| Error::Timeout("the Docker Engine does not say how the command ended".to_owned()))?;
        let shown = shown.map_err(|failure| Error::from(Fault::from(failure)))?;
        if shown.running == Some(false) {
            return Ok(shown.exit_code);
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        tokio::time::sleep(EXIT_PAUSE).await;
    }
}

fn raw(output: impl Stream<Item = Result<LogOutput, Failure>> + Send) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    output.map(|piece| piece.map(LogOutput::into_bytes).map_err(|failure| Fault::from(failure).into()))
}

/// A stream with an end: of bytes, of silence, of time.
struct Cut {
    /// Bytes that may still be handed out.
    left: u64,
    /// Bytes that are still read, and dropped, after that.
    beyond: u64,
    /// The longest wait for a piece.
    silence: Option<Duration>,
    /// When it ends, whatever comes.
    until: Option<Instant>,
    /// Whether the note about the cut went out.
    noted: bool,
    /// Taken away at the end.
    inner: Option<BoxStream<'static, Result<Bytes, Error>>>,
}

impl Cut {
    fn stream(self) -> BoxStream<'static, Result<Bytes, Error>> {
        stream::unfold(self, |mut cut| async move {
            let piece = cut.next().await?;
            Some((piece, cut))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        loop {
            let piece = self.piece().await?;
            let Ok(bytes) = piece else {
                self.inner = None;
                return Some(piece);
            };
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if length <= self.left {
                self.left -= length;
                return Some(Ok(bytes));
            }
            if let Some(last) = self.shorten(&bytes) {
                return Some(Ok(last));
            }
            self.beyond = self.beyond.saturating_sub(length);
        }
    }

    /// The next piece from inside; an error when it takes too long, the end when nothing more is wanted.
    async fn piece(&mut self) -> Option<Result<Bytes, Error>> {
        if self.noted && self.beyond == 0 {
            self.inner = None;
        }
        let inner = self.inner.as_mut()?;
        let patience = self.silence.map(|silence| Instant::now() + silence);
        let end = [patience, self.until].into_iter().flatten().min();
        let Some(end) = end else { return inner.next().await };
        match tokio::time::timeout_at(end, inner.next()).await {
            Ok(piece) => piece,
            Err(_) => Some(Err(Error::Timeout("the output goes on for too long; it is no longer read".to_owned()))),
        }
    }

    /// What may still go out of a piece that is too long, with a note; `None` when the note went out before.
    fn shorten(&mut self, bytes: &Bytes) -> Option<Bytes> {
        if std::mem::replace(&mut self.noted, true) {
            return None;
        }
        let keep = usize::try_from(self.left).unwrap_or(usize::MAX);
        let mut last = bytes.get(..keep).unwrap_or(bytes).to_vec();
        last.extend_from_slice(b"\n[the rest of the output was cut]\n");
        self.left = 0;
        Some(last.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    fn cut(left: u64, beyond: u64, pieces: &[&'static str]) -> Cut {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Cut { left, beyond, silence: None, until: None, noted: false, inner: Some(stream::iter(pieces).boxed()) }
    }

    async fn text(cut: Cut) -> String {
        let pieces: Vec<Bytes> = cut.stream().map(Result::unwrap).collect().await;
        String::from_utf8(pieces.concat()).unwrap()
    }

    #[tokio::test]
    async fn output_within_its_bound_is_left_alone() {
        assert_eq!(text(cut(6, 0, &["abc", "def"])).await, "abcdef");
    }

    #[tokio::test]
    async fn output_beyond_its_bound_is_cut_once_with_a_note() {
        for beyond in [0, 3, 100] {
            assert_eq!(text(cut(5, beyond, &["abc", "def", "ghi", "jkl"])).await, "abcde\n[the rest of the output was cut]\n");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_length_end_a_stream_with_an_error() {
        let never = || Some(stream::pending().boxed());
        let silent = Cut { silence: Some(Duration::from_secs(3)), inner: never(), ..cut(1, 0, &[]) };
        let long = Cut { until: Some(Instant::now() + Duration::from_secs(9)), inner: never(), ..cut(1, 0, &[]) };
        for cut in [silent, long] {
            let pieces: Vec<_> = cut.stream().collect().await;
            assert_eq!(pieces.into_iter().map(|piece| piece.unwrap_err().class()).collect::<Vec<_>>(), [Class::Timeout]);
        }
    }
}
