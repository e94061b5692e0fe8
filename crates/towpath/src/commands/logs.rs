//! `towpath logs`: what instances wrote, and what they go on writing.

use std::{collections::BTreeMap, time::Duration};

use towpath_server::api::types::LogChunk;

use super::Outcome;
use crate::{
    cli::LogsArgs,
    client::Client,
    context::Context,
    failure::{Exit, Failure},
    output::Paint,
};

/// Time between two looks while following.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// An instance: service, revision, index.
type Key = (String, u64, u32);

pub(crate) async fn run(context: &Context, args: LogsArgs) -> Outcome {
    let environment = context.environment(&args.environment);
    let mut client = context.client()?;
    let mut query = vec![("tail", args.tail.to_string())];
    query.extend(args.service.iter().map(|service| ("service", service.clone())));
    query.extend(args.revision.iter().map(|revision| ("revision", revision.0.to_string())));
    query.extend(args.instance.iter().map(|index| ("index", index.to_string())));
    let logs = client.logs(&environment, &query).await?;
    if logs.chunks.is_empty() {
        context.out.progress("no instance has a log here");
    }
    let mut next = BTreeMap::new();
    let several = logs.chunks.len() > 1;
    for chunk in &logs.chunks {
        print(context, chunk, several || args.follow)?;
        next.insert(key(chunk), chunk.next);
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
        }
        match look_again(context, &client, &environment, &query, &mut next).await {
            Ok(()) => {}
            // The server may be starting again.
            Err(failure) if failure.exit == Exit::Unreachable => client.refind(),
            Err(failure) => return Err(failure),
        }
    }
}

/// Prints what instances wrote since the last look, and the beginning of what new instances wrote.
async fn look_again(
    context: &Context,
    client: &Client,
    environment: &str,
    query: &[(&str, String)],
    next: &mut BTreeMap<Key, u64>,
) -> Result<(), Failure> {
    let seen = client.logs(environment, query).await?;
    for chunk in seen.chunks {
        let key = key(&chunk);
        let Some(from) = next.get(&key).copied() else {
            print(context, &chunk, true)?;
            next.insert(key, chunk.next);
            continue;
        };
        if chunk.next == from {
            continue;
        }
        let query = [
            ("service", key.0.clone()),
            ("revision", key.1.to_string()),
            ("index", key.2.to_string()),
            ("from", from.to_string()),
        ];
        for chunk in client.logs(environment, &query).await?.chunks {
            print(context, &chunk, true)?;
            next.insert(key.clone(), chunk.next);
        }
    }
    Ok(())
}

fn key(chunk: &LogChunk) -> Key {
    (chunk.service.clone(), chunk.revision, chunk.index)
}

fn print(context: &Context, chunk: &LogChunk, named: bool) -> Result<(), Failure> {
    if !context.out.is_text() {
        return if chunk.text.is_empty() { Ok(()) } else { context.out.line(chunk) };
    }
    context.out.data(&text(chunk, named, context.out.paint()))
}

fn text(chunk: &LogChunk, named: bool, paint: Paint) -> String {
    let name = if named { format!("{}/d{}/{} ", chunk.service, chunk.revision, chunk.index) } else { String::new() };
    chunk.text.lines().map(|line| format!("{}{line}\n", paint.dim(&name))).collect()
}
