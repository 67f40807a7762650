//! The message: its layout, written and read.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::crypto::{COMMITMENT, IV, MessageKey, TAG, frame_iv};
use super::error::EsdkError;
use super::format::{Context, FRAME, MESSAGE_ID, SUITE};
use super::keys::{DataKey, WrappedKey};
use super::read::Reader;

const VERSION: u8 = 2;
const FRAMED: u8 = 2;
const LAST_FRAME: u32 = u32::MAX;

/// A message that has been read and not yet opened. Nothing in it is trusted before [`Message::open`].
pub struct Message<'a> {
    message_id: [u8; MESSAGE_ID],
    context: Context,
    wrapped_keys: Vec<WrappedKey>,
    frame_length: usize,
    commitment: [u8; COMMITMENT],
    header: &'a [u8],
    header_tag: [u8; TAG],
    frames: Vec<Frame<'a>>,
}

struct Frame<'a> {
    number: u32,
    iv: [u8; IV],
    text: &'a [u8],
    tag: [u8; TAG],
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} frames under {:?})", self.frames.len(), self.wrapped_keys)
    }
}

/// Seals `plaintext` under `context` with `data_key`, which `wrapped` lets its owner find again.
///
/// `message_id` must be random: it is the salt from which the message's own keys are derived.
///
/// # Errors
/// When the context or the wrapped key does not fit its length fields.
#[expect(clippy::needless_pass_by_value, reason = "a data key seals one message and is gone")]
pub fn seal(
    plaintext: &[u8],
    context: &Context,
    data_key: DataKey,
    wrapped: &WrappedKey,
    message_id: [u8; MESSAGE_ID],
) -> Result<Vec<u8>, EsdkError> {
    let key = MessageKey::derive(&data_key, message_id)?;
    let mut out = Vec::with_capacity(sealed_len(plaintext.len(), context, wrapped));
    out.push(VERSION);
    out.extend(SUITE.to_be_bytes());
    out.extend(message_id);
    put(&mut out, &context_bytes(context)?, "encryption context")?;
    out.extend(1u16.to_be_bytes());
    put(&mut out, wrapped.provider.as_bytes(), "provider of the data key")?;
    put(&mut out, wrapped.key.as_bytes(), "name of the wrapping key")?;
    put(&mut out, &wrapped.wrapped, "wrapped data key")?;
    out.push(FRAMED);
    out.extend((FRAME as u32).to_be_bytes());
    out.extend(key.commitment);
    let tag = key.header_tag(&out)?;
    out.extend(tag);

    // The last chunk goes into the last frame, which is empty only for an empty text.
    let whole_frames = plaintext.len().saturating_sub(1) / FRAME;
    let (before, last) = plaintext.split_at(whole_frames * FRAME);
    let mut number = 0u32;
    for (chunk, is_last) in before.chunks(FRAME).map(|chunk| (chunk, false)).chain([(last, true)]) {
        number = number.checked_add(1).filter(|n| *n != LAST_FRAME).ok_or(EsdkError::TooLong("text"))?;
        if is_last {
            out.extend(LAST_FRAME.to_be_bytes());
        }
        out.extend(number.to_be_bytes());
        out.extend(frame_iv(number));
        if is_last {
            out.extend((chunk.len() as u32).to_be_bytes());
        }
        let start = out.len();
        out.extend(chunk);
        let tag = key.seal_frame(number, is_last, &mut out[start..])?;
        out.extend(tag);
    }
    Ok(out)
}

/// The length of the message that [`seal`] makes of `plaintext` bytes, known beforehand so that one data key
/// is enough: the tags that a message takes are counted before it is sealed.
pub fn sealed_len(plaintext: usize, context: &Context, wrapped: &WrappedKey) -> usize {
    let pairs: usize = context.iter().map(|(name, value)| 2 + name.len() + 2 + value.len()).sum();
    let context = 2 + if context.is_empty() { 0 } else { 2 + pairs };
    let keys = 2 + 2 + wrapped.provider.len() + 2 + wrapped.key.len() + 2 + wrapped.wrapped.len();
    let header = 1 + 2 + MESSAGE_ID + context + keys + 1 + 4 + COMMITMENT + TAG;
    let whole_frames = plaintext.saturating_sub(1) / FRAME;
    header + whole_frames * (4 + IV + TAG) + (4 + 4 + IV + 4 + TAG) + plaintext
}

/// The context as AWS writes it: nothing at all when empty, else a count and the pairs in order of the names'
/// bytes.
fn context_bytes(context: &Context) -> Result<Vec<u8>, EsdkError> {
    let mut out = Vec::new();
    if context.is_empty() {
        return Ok(out);
    }
    let too_long = EsdkError::TooLong("encryption context");
    out.extend(u16::try_from(context.len()).map_err(|_| too_long)?.to_be_bytes());
    for (name, value) in context {
        put(&mut out, name.as_bytes(), "name in the encryption context")?;
        put(&mut out, value.as_bytes(), "value in the encryption context")?;
    }
    Ok(out)
}

fn put(out: &mut Vec<u8>, bytes: &[u8], what: &'static str) -> Result<(), EsdkError> {
    out.extend(u16::try_from(bytes.len()).map_err(|_| EsdkError::TooLong(what))?.to_be_bytes());
    out.extend(bytes);
    Ok(())
}

impl<'a> Message<'a> {
    /// Reads the layout of a message, of one frame or several. Authenticates nothing yet.
    ///
    /// # Errors
    /// When the bytes are no message of version 2 in suite 0x0478 with framed text.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EsdkError> {
        let mut from = Reader::new(bytes);
        let version = from.byte()?;
        expect("version", version.into(), VERSION.into())?;
        expect("suite", from.short()?.into(), SUITE.into())?;
        let message_id = from.array()?;
        let context = read_context(&mut from)?;
        let mut wrapped_keys = Vec::new();
        for _ in 0..from.short()? {
            let provider = from.text("provider of a data key")?;
            let key = from.text("name of a wrapping key")?;
            wrapped_keys.push(WrappedKey { provider, key, wrapped: from.prefixed()?.to_vec() });
        }
        if wrapped_keys.is_empty() {
            return Err(from.malformed("number of data keys"));
        }
        expect("content type", from.byte()?.into(), FRAMED.into())?;
        let frame_length = from.int()? as usize;
        if frame_length == 0 {
            return Err(from.malformed("frame length"));
        }
        let commitment = from.array()?;
        let header = from.seen();
        let header_tag = from.array()?;
        let frames = read_frames(&mut from, frame_length)?;
        Ok(Self { message_id, context, wrapped_keys, frame_length, commitment, header, header_tag, frames })
    }

    /// The encryption context, to be compared with what it must be before a key service is asked.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The wrapped data keys, at least one.
    pub fn wrapped_keys(&self) -> &[WrappedKey] {
        &self.wrapped_keys
    }

    /// The random id, which is the salt of the message's keys.
    pub fn message_id(&self) -> [u8; MESSAGE_ID] {
        self.message_id
    }

    /// The greatest length of the text in one frame.
    pub fn frame_length(&self) -> usize {
        self.frame_length
    }

    /// Opens the message: the commitment first, in constant time, then the header, then every frame.
    ///
    /// # Errors
    /// When the data key is another, or anything was changed. Nothing of the text is given then.
    pub fn open(&self, data_key: &DataKey) -> Result<Vec<u8>, EsdkError> {
        let key = MessageKey::derive(data_key, self.message_id)?;
        verify_slices_are_equal(&key.commitment, &self.commitment).map_err(|_| EsdkError::Commitment)?;
        key.check_header(self.header, &self.header_tag)?;
        let mut plaintext = Vec::with_capacity(self.frames.iter().map(|frame| frame.text.len()).sum());
        for (index, frame) in self.frames.iter().enumerate() {
            let start = plaintext.len();
            plaintext.extend(frame.text);
            let is_last = index + 1 == self.frames.len();
            key.open_frame(frame.number, is_last, frame.iv, &frame.tag, &mut plaintext[start..])?;
        }
        Ok(plaintext)
    }
}

fn expect(what: &'static str, found: u32, expected: u32) -> Result<(), EsdkError> {
    if found == expected { Ok(()) } else { Err(EsdkError::Unsupported { what, found, expected }) }
}

/// Reads the context, which must be in the one order that it is written in, without a name twice.
fn read_context(from: &mut Reader<'_>) -> Result<Context, EsdkError> {
    let what = "encryption context";
    let length = from.short()? as usize;
    let end = from.at() + length;
    let mut context = Context::new();
    if length == 0 {
        return Ok(context);
    }
    let count = from.short()? as usize;
    for _ in 0..count {
        let name = from.text(what)?;
        let value = from.text(what)?;
        if context.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(from.malformed(what));
        }
        context.insert(name, value);
    }
    if count == 0 || from.at() != end { Err(from.malformed(what)) } else { Ok(context) }
}

/// Reads frames 1, 2, ... to the last, and the end of the message behind it.
fn read_frames<'a>(from: &mut Reader<'a>, frame_length: usize) -> Result<Vec<Frame<'a>>, EsdkError> {
    let mut frames = Vec::new();
    for expected in 1..LAST_FRAME {
        let mut number = from.int()?;
        let is_last = number == LAST_FRAME;
        if is_last {
            number = from.int()?;
        }
        if number != expected {
            return Err(from.malformed("frame number"));
        }
        let iv = from.array()?;
        let length = if is_last { from.int()? as usize } else { frame_length };
        if length > frame_length {
            return Err(from.malformed("length of the last frame"));
        }
        frames.push(Frame { number, iv, text: from.take(length)?, tag: from.array()? });
        if is_last {
            break;
        }
    }
    from.end()?;
    Ok(frames)
}
