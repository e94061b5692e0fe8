//! Mailing a notice: into the log, or by SMTP (RFC 5321) to the server that the configuration names.

use std::io;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// Where mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mail {
    /// Into the log.
    Log,
    /// To a server: host and port.
    Smtp(String),
}

/// Why a notice was not mailed.
#[derive(Debug, thiserror::Error)]
pub(super) enum MailError {
    /// The server cannot be reached.
    #[error("the mail server `{server}` cannot be reached: {source}")]
    Unreachable { server: String, source: io::Error },
    /// It said no.
    #[error("the mail server `{server}` answered `{answer}`")]
    Refused { server: String, answer: String },
}

impl Mail {
    /// Reads `log:` or `smtp://HOST:PORT`.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        if url == "log:" {
            return Ok(Self::Log);
        }
        let server = url.strip_prefix("smtp://").filter(|server| server.contains(':'));
        let server = server.ok_or_else(|| format!("MAIL_URL: `{url}` is neither `log:` nor `smtp://HOST:PORT`"))?;
        Ok(Self::Smtp(server.to_owned()))
    }

    /// Sends a notice to the parents.
    pub(super) async fn send(&self, notice: &str) -> Result<(), MailError> {
        let Self::Smtp(server) = self else { return Ok(()) };
        let unreachable = |source| MailError::Unreachable { server: server.clone(), source };
        let stream = TcpStream::connect(server).await.map_err(unreachable)?;
        let mut stream = BufReader::new(stream);
        // A line that is a single dot would end the message (RFC 5321 section 4.5.2); a notice is one line behind a text.
        let message = format!("Subject: Notice\r\n\r\n{notice}\r\n.\r\n");
        let dialogue = [
            "",
            "EHLO board\r\n",
            "MAIL FROM:<board@school.example>\r\n",
            "RCPT TO:<parents@school.example>\r\n",
            "DATA\r\n",
            &message,
            "QUIT\r\n",
        ];
        for line in dialogue {
            stream.write_all(line.as_bytes()).await.map_err(unreachable)?;
            let answer = reply(&mut stream).await.map_err(unreachable)?;
            if !answer.starts_with(['2', '3']) {
                return Err(MailError::Refused { server: server.clone(), answer });
            }
        }
        Ok(())
    }
}

/// Reads a reply; all but its last line have `-` behind the code.
async fn reply(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}
