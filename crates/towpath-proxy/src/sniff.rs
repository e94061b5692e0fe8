//! Tells HTTP/2 with prior knowledge from HTTP/1 by its first bytes, and gives them back to who reads the connection.
//!
//! What begins like the HTTP/2 preface and is not it is neither: it must not be taken for HTTP/1.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf as _, Bytes};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// RFC 9113 section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Enough of the preface that no HTTP/1 request begins like it (RFC 9113 reserves the method).
const TELLING: &[u8] = b"PRI ";

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What the bytes so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Is(Protocol),
    Neither,
    NeedMore,
}

/// Judges the first bytes of a connection.
pub(crate) fn judge(bytes: &[u8]) -> Verdict {
    if bytes.starts_with(PREFACE) {
        Verdict::Is(Protocol::Http2)
    } else if PREFACE.starts_with(bytes) {
        Verdict::NeedMore
    } else if bytes.starts_with(TELLING) {
        Verdict::Neither
    } else {
        Verdict::Is(Protocol::Http1)
    }
}

/// A client's connection with the bytes that were read to tell its protocol.
#[derive(Debug)]
pub(crate) struct Sniffed {
    first: Bytes,
    stream: TcpStream,
}

/// Reads until the protocol is known; `None` if the client left or speaks neither.
pub(crate) async fn sniff(mut stream: TcpStream) -> io::Result<Option<(Protocol, Sniffed)>> {
    let mut buffer = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(None);
        }
        match judge(&buffer) {
            Verdict::Is(protocol) => return Ok(Some((protocol, Sniffed { first: Bytes::from(buffer), stream }))),
            Verdict::Neither => return Ok(None),
            Verdict::NeedMore => {}
        }
    }
}

impl AsyncRead for Sniffed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let count = self.first.len().min(buf.remaining());
        if let Some(part) = self.first.get(..count) {
            buf.put_slice(part);
        }
        self.first.advance(count);
        if self.first.is_empty() {
            // Gives the buffer back: the connection may live long.
            self.first = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Sniffed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
