//! Compression: raw deflate over a preset dictionary.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::MetadataError;

/// Dictionary `v1`. It never changes: every recovery point needs it to be read.
pub const DICTIONARY: &[u8] = include_bytes!("dictionary-v1.txt");

/// The most that a packed text may grow to: far above the settings of any table, small enough to be harmless.
pub const MAX_UNPACKED_BYTES: usize = 1 << 20;

/// Compresses `text` as a raw deflate stream over [`DICTIONARY`].
pub fn deflate(text: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    stream.set_dictionary(DICTIONARY).expect("a fresh raw stream takes a dictionary");
    let mut packed = Vec::with_capacity(text.len() / 2 + 64);
    loop {
        let rest = &text[consumed(stream.total_in())..];
        let status = stream
            .compress_vec(rest, &mut packed, FlushCompress::Finish)
            .expect("a stream that is finished once is in no wrong state");
        if status == Status::StreamEnd {
            return packed;
        }
        packed.reserve(packed.capacity() + 64);
    }
}

/// Decompresses what [`deflate`] made, up to [`MAX_UNPACKED_BYTES`] bytes.
///
/// # Errors
/// When the bytes are no such stream, continue after its end, or grow beyond [`MAX_UNPACKED_BYTES`].
pub fn inflate(packed: &[u8]) -> Result<Vec<u8>, MetadataError> {
    let mut stream = Decompress::new(false);
    stream.set_dictionary(DICTIONARY).map_err(|_| MetadataError::Deflate)?;
    let mut text = Vec::with_capacity(4096);
    loop {
        let (seen, made) = (stream.total_in(), text.len());
        let status = stream
            .decompress_vec(&packed[consumed(seen)..], &mut text, FlushDecompress::None)
            .map_err(|_| MetadataError::Deflate)?;
        if text.len() > MAX_UNPACKED_BYTES {
            return Err(MetadataError::TooLong { most: MAX_UNPACKED_BYTES });
        }
        if status == Status::StreamEnd {
            let whole = consumed(stream.total_in()) == packed.len();
            return if whole { Ok(text) } else { Err(MetadataError::Deflate) };
        }
        if text.len() < text.capacity() && stream.total_in() == seen && text.len() == made {
            return Err(MetadataError::Deflate);
        }
        if text.len() == text.capacity() {
            text.reserve(text.capacity());
        }
    }
}

fn consumed(total: u64) -> usize {
    usize::try_from(total).expect("no more is consumed than was given")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Digest;

    #[test]
    fn the_dictionary_never_changes() {
        assert_eq!(
            Digest::of(DICTIONARY).to_string(),
            "c99943df3e22f46d04954209305ccfb343b57f1e2ff6dbeceb64365a7d044cc5"
        );
    }

    #[test]
    fn a_stream_that_grows_without_end_is_refused() {
        let packed = deflate(&vec![b'a'; MAX_UNPACKED_BYTES + 1]);
        assert!(packed.len() < 8192);
        assert_eq!(inflate(&packed), Err(MetadataError::TooLong { most: MAX_UNPACKED_BYTES }));
        assert_eq!(inflate(&deflate(&vec![b'a'; MAX_UNPACKED_BYTES])).unwrap().len(), MAX_UNPACKED_BYTES);
    }

    #[test]
    fn a_cut_or_lengthened_stream_is_refused() {
        let packed = deflate(br#"{"attributes":{"pk":"S"},"nothing":"like the dictionary"}"#);
        for end in 0..packed.len() {
            assert!(inflate(&packed[..end]).is_err(), "cut to {end}");
        }
        assert_eq!(inflate(&[&packed[..], &[0]].concat()), Err(MetadataError::Deflate));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_unpacks(text in prop::collection::vec(any::<u8>(), 0..9000)) {
            prop_assert_eq!(inflate(&deflate(&text)).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = inflate(&bytes);
        }
    }
}
