//! The worker's end of the channel to its loader.

use std::io;

use super::super::protocol::frame::{Decoder, Encoder, Kind};
use super::super::protocol::message::body;
use super::super::sys::exit_code::{MISLED, ORPHANED};
use super::super::sys::{Handle, Link, exit_now};
use crate::error::Result;

/// The worker's end of the channel.
pub(super) struct Connection {
    pub(super) link: Link,
    encoder: Encoder,
    decoder: Decoder,
    out: Vec<u8>,
}

impl Connection {
    pub(super) fn new(link: Handle) -> Self {
        let (encoder, decoder) = (Encoder::default(), Decoder::default());
        Self { link: Link::new(link), encoder, decoder, out: Vec::new() }
    }

    /// Sends a message.
    pub(super) fn say<T: serde::Serialize>(&mut self, kind: Kind, message: &T) -> io::Result<()> {
        self.send(kind, &[&encoded(message)?])
    }

    /// Waits for the next frame and returns it.
    pub(super) fn hear(&mut self) -> io::Result<(Kind, Vec<u8>)> {
        loop {
            let frame = self.decoder.next().map_err(|wrong| io::Error::other(wrong.0))?;
            if let Some(frame) = frame {
                return Ok((frame.kind, frame.body.to_vec()));
            }
            match self.link.receive(self.decoder.room())? {
                0 => exit_now(ORPHANED),
                bytes => self.decoder.came(bytes),
            }
        }
    }

    /// Sends a frame with these parts as its body.
    pub(super) fn send(&mut self, kind: Kind, parts: &[&[u8]]) -> io::Result<()> {
        self.out.clear();
        self.encoder.write(&mut self.out, kind, parts);
        self.link.send(&self.out)
    }

    /// Tells the loader why this worker ends, and ends the process. A failed send is ignored,
    /// because most often the loader is already gone.
    pub(super) fn end_in_trouble(&mut self, error: &io::Error) -> ! {
        match self.say(Kind::Trouble, &error.to_string()) {
            Ok(()) => exit_now(MISLED),
            Err(_) => exit_now(ORPHANED),
        }
    }

    /// Starts a thread that ends this process when the loader is gone.
    pub(super) fn watch(&self) -> io::Result<()> {
        let watcher = self.link.watcher()?;
        std::thread::Builder::new().name("windrow-watch".into()).stack_size(64 << 10).spawn(
            move || {
                watcher();
                exit_now(ORPHANED)
            },
        )?;
        Ok(())
    }
}

/// Encodes a message as the body of a frame.
pub(super) fn encoded<T: serde::Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let encoded: Result<_> = body(message);
    encoded.map_err(|error| io::Error::other(error.to_string()))
}
