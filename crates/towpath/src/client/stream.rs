//! The stream of events (server-sent events), through restarts of the server.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, header};

use super::Client;
use crate::failure::{Exit, Failure};

/// Time between two attempts to reach the server again.
const PAUSE: Duration = Duration::from_millis(500);
/// Longer lines than this are nothing that a server of ours sends.
const LONGEST: usize = 16 << 20;

/// What the stream gives.
#[derive(Debug)]
pub(crate) enum Signal {
    /// Something happened: look again.
    Event,
    /// Nothing happened; the stream lives.
    Alive,
    /// The server went away; it is looked for again.
    Lost,
    /// It is there again. Look at everything anew: nothing of the stream was missed, but time has passed.
    Back,
}

/// The events from now on.
#[derive(Debug)]
pub(crate) struct Events {
    client: Client,
    path: String,
    response: Option<Response>,
    buffer: Vec<u8>,
    last_id: Option<String>,
    lost: bool,
}

impl Events {
    /// Opens the stream of an environment's events.
    pub(crate) async fn open(client: Client, environment: &str) -> Result<Self, Failure> {
        let path = super::with_query("/api/v1/events/stream", &[("environment", environment.to_owned())]);
        let mut events = Self { client, path, response: None, buffer: Vec::new(), last_id: None, lost: false };
        events.response = Some(events.connect().await?);
        Ok(events)
    }

    /// Returns the client, with the address where the server is now.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for the next signal. What cannot be mended by waiting is an error. Safe to be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Result<Signal, Failure> {
        loop {
            if let Some(signal) = self.take() {
                return Ok(signal);
            }
            let Some(response) = &mut self.response else {
                tokio::time::sleep(PAUSE).await;
                self.client.refind();
                match self.connect().await {
                    Ok(response) => {
                        self.response = Some(response);
                        self.lost = false;
                        return Ok(Signal::Back);
                    }
                    Err(failure) if failure.exit == Exit::Unreachable => continue,
                    Err(failure) => return Err(failure),
                }
            };
            match response.chunk().await {
                Ok(Some(bytes)) if self.buffer.len() + bytes.len() <= LONGEST => self.buffer.extend_from_slice(&bytes),
                Ok(_) | Err(_) => {
                    self.response = None;
                    self.buffer.clear();
                    self.lost = true;
                    return Ok(Signal::Lost);
                }
            }
        }
    }

    async fn connect(&self) -> Result<Response, Failure> {
        let mut request = self.client.request(Method::GET, &self.path).header(header::ACCEPT, "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = self.client.send(request, "nothing was changed").await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        Err(Failure::new(Exit::Failed, "unexpected_answer", "the server gives no stream of events"))
    }

    /// Takes one whole message out of the buffer, if there is one.
    fn take(&mut self) -> Option<Signal> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let message: Vec<u8> = self.buffer.drain(..end + 2).collect();
        let text = String::from_utf8_lossy(&message);
        let id = text.lines().find_map(|line| line.strip_prefix("id:"));
        self.last_id = id.map(|id| id.trim().to_owned()).or(self.last_id.take());
        Some(if text.lines().any(|line| line.starts_with("data:")) { Signal::Event } else { Signal::Alive })
    }
}
