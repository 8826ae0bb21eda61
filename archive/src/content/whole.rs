//! Expanding a small entry at once, by libdeflate, which takes about half as long over it as a stream.
//!
//! It only ever says yes: whatever it does not expand to exactly what is stated is left to the stream, whose verdict
//! counts. It is not asked about streams that it may understand and others do not ([`block`]). WebAssembly has no C, and
//! streams everything.

#[cfg(not(target_arch = "wasm32"))]
use crate::content::block;

/// The largest content that is expanded at once, in bytes.
pub(super) const MOST: u64 = 1 << 20;

/// As long as so many bytes may be read and written, libdeflate asks for the ends of its buffers less often. Of a small
/// entry, that is a good part.
#[cfg(not(target_arch = "wasm32"))]
const READ_MORE: usize = 64;
#[cfg(not(target_arch = "wasm32"))]
const WRITE_MORE: usize = 320;

/// Expands entries one after the other into one buffer, which grows to what the largest of them needs.
#[derive(Default)]
pub(super) struct Whole {
    #[cfg(not(target_arch = "wasm32"))]
    inflate: Option<libdeflate::Decompressor>,
    content: Vec<u8>,
}

impl Whole {
    /// A stream that begins so is worth being seen as a whole: its first block is dynamic, and the last one.
    pub(super) fn is_candidate(first: u8) -> bool {
        cfg!(not(target_arch = "wasm32")) && first & 0b111 == 0b101
    }

    /// Whether the first `packed` bytes of `ahead` are a stream of exactly `size` bytes, at most [`MOST`]; they are then
    /// the [`content`](Self::content).
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn expand(&mut self, ahead: &[u8], packed: usize, size: usize) -> bool {
        if !block::is_plain(&ahead[..packed]) {
            return false;
        }
        if self.inflate.is_none() {
            self.inflate = libdeflate::Decompressor::new();
        }
        let Some(inflate) = &mut self.inflate else {
            return false;
        };
        let room = size + WRITE_MORE;
        if self.content.len() < room {
            self.content.resize(room, 0);
        }
        let ahead = &ahead[..ahead.len().min(packed + READ_MORE)];
        inflate.expand(ahead, &mut self.content[..room]) == Some((packed, size))
    }

    #[cfg(target_arch = "wasm32")]
    pub(super) fn expand(&mut self, _: &[u8], _: usize, _: usize) -> bool {
        false
    }

    /// What was expanded last, and behind it what was there before.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) mod libdeflate {
    #![expect(unsafe_code, reason = "the safe binding does not tell how much of the packed bytes was used")]

    use std::ptr::NonNull;

    use libdeflate_sys::{
        libdeflate_alloc_decompressor, libdeflate_decompressor, libdeflate_deflate_decompress_ex,
        libdeflate_free_decompressor, libdeflate_result_LIBDEFLATE_SUCCESS,
    };

    /// The tables that libdeflate decodes by.
    pub(in crate::content) struct Decompressor(NonNull<libdeflate_decompressor>);

    impl Decompressor {
        /// None without memory.
        pub(in crate::content) fn new() -> Option<Self> {
            // SAFETY: it takes nothing, and returns null or what `drop` frees.
            NonNull::new(unsafe { libdeflate_alloc_decompressor() }).map(Self)
        }

        /// Expands one stream; how many packed bytes it has, and how many bytes of `content` were written. None when it is
        /// broken or too long.
        pub(in crate::content) fn expand(&mut self, packed: &[u8], content: &mut [u8]) -> Option<(usize, usize)> {
            let (mut used, mut written) = (0, 0);
            // SAFETY: the tables are this struct's own, borrowed as mutable. Both buffers are initialised, do not
            // overlap, and are as long as is said; libdeflate reads and writes within them whatever the stream says.
            // The two counters are written when it succeeds.
            let result = unsafe {
                libdeflate_deflate_decompress_ex(
                    self.0.as_ptr(),
                    packed.as_ptr().cast(),
                    packed.len(),
                    content.as_mut_ptr().cast(),
                    content.len(),
                    &raw mut used,
                    &raw mut written,
                )
            };
            (result == libdeflate_result_LIBDEFLATE_SUCCESS).then_some((used, written))
        }
    }

    impl Drop for Decompressor {
        fn drop(&mut self) {
            // SAFETY: `new` allocated it, and nothing else frees it.
            unsafe { libdeflate_free_decompressor(self.0.as_ptr()) }
        }
    }
}
