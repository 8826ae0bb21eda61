//! One pass over local headers and content, from front to back (rules 1, 4, 6, 7 and 13).

#[cfg(all(test, not(target_arch = "wasm32")))]
mod agreement;
#[cfg(not(target_arch = "wasm32"))]
mod block;
pub mod document;
mod pictures;
pub mod unpack;
mod whole;

use std::ops::ControlFlow;

use crate::{
    budget::Budget,
    content::{
        pictures::Misnamed,
        unpack::{Stated, Step, Unpacker},
    },
    directory::{
        Directory, Entry, extent,
        extra::{self, Around},
        is_old,
    },
    error::CheckError,
    findings::{
        code::Code,
        report::{Finding, Findings, ManifestEntry, Method},
    },
    format::{
        CentralHeader, DEFLATE, DESCRIPTOR_SIGNATURE, DESCRIPTOR_SIZE, FLAG_UTF8, LOCAL_SIZE, LocalHeader, STORED,
        SignatureSearch, signature_in, u32_at,
    },
    kinds::{
        kind::{Kind, extension},
        scope::Scope,
        sniff::{Ends, Expected, Sniffer},
    },
    limits::Options,
    source::{Part, ReadAt, Stream},
};

/// Called with the bytes of the upload read so far and their total; it can ask to stop.
pub type Progress<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// What the pass over the upload and those over its documents share.
pub(crate) struct Run<'a> {
    pub options: &'a Options,
    pub findings: Findings,
    pub budget: Budget,
    pub progress: &'a mut Progress<'a>,
    pub total: u64,
    pub done: u64,
    /// Bytes read and written since progress was told last.
    pub work: u64,
    /// Every entry is expanded as a stream, small ones too. The report is the same.
    pub streaming: bool,
}

/// How much work lies between two calls of the progress callback.
const PROGRESS_EVERY: u64 = 1 << 20;

impl Run<'_> {
    fn worked(&mut self, bytes: u64) -> Result<(), CheckError> {
        self.work += bytes;
        if self.work < PROGRESS_EVERY {
            return Ok(());
        }
        self.work = 0;
        self.tell()
    }

    pub(crate) fn tell(&mut self) -> Result<(), CheckError> {
        match (self.progress)(self.done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CheckError::Cancelled),
        }
    }
}

/// Reads all content; the manifest of what is kept. None when a budget ran out on the way.
pub(crate) fn read(
    source: &dyn ReadAt,
    directory: &Directory,
    scope: &Scope,
    run: &mut Run<'_>,
) -> Result<Option<Vec<ManifestEntry>>, CheckError> {
    let mut pass = Pass {
        source,
        scope,
        parts: &directory.entries,
        stream: Stream::new(source, 0, directory.offset),
        unpacker: if run.streaming { Unpacker::streaming() } else { Unpacker::new() },
        sniffer: Sniffer::new(),
        run,
        names: Vec::new(),
        manifest: Vec::with_capacity(if scope.document.is_none() { directory.entries.len() } else { 0 }),
        misnamed: Vec::new(),
    };
    let mut ordered: Vec<&Entry> = directory.entries.iter().collect();
    ordered.sort_by_key(|entry| entry.header.offset);
    // Where the next header must be, and up to where the directory's pass would have seen a gap itself.
    let (mut expected, mut seen) = (Some(0), 0);
    for entry in ordered {
        let start = u64::from(entry.header.offset);
        pass.fits(expected, start, seen);
        expected = pass.entry(entry)?;
        if pass.run.budget.exhausted {
            return Ok(None);
        }
        seen = extent(&entry.header).1;
        if scope.document.is_none() {
            pass.run.done = pass.stream.position();
        }
    }
    pass.fits(expected, directory.offset, seen);
    let Pass { run, mut manifest, misnamed, .. } = pass;
    pictures::correct(source, &mut manifest, &misnamed, run)?;
    Ok(Some(manifest))
}

struct Pass<'a, 'run> {
    source: &'a dyn ReadAt,
    scope: &'a Scope,
    /// All entries of the archive at hand.
    parts: &'a [Entry],
    run: &'a mut Run<'run>,
    stream: Stream<'a>,
    unpacker: Unpacker,
    sniffer: Sniffer,
    /// Name and extra of the local header at hand.
    names: Vec<u8>,
    manifest: Vec<ManifestEntry>,
    misnamed: Vec<Misnamed>,
}

impl Pass<'_, '_> {
    fn add(&mut self, finding: Finding) {
        self.run.findings.add(self.scope.apply(finding));
    }

    /// Nothing between two entries, and no entry in another. `expected` is unknown after an entry without a header or
    /// descriptor.
    fn fits(&mut self, expected: Option<u64>, start: u64, seen: u64) {
        let Some(expected) = expected else {
            return;
        };
        if start < expected {
            self.add(Finding::new(Code::EntriesOverlap).offset(start));
        } else if start > expected && start <= seen {
            self.add(Finding::new(Code::HiddenData).offset(expected).detail(format!("{} bytes", start - expected)));
        }
    }

    /// Reads one entry; where it ends, unless its header or its descriptor is not there.
    fn entry(&mut self, entry: &Entry) -> Result<Option<u64>, CheckError> {
        let central = &entry.header;
        let start = u64::from(central.offset);
        let at = |code| Finding::new(code).entry(&entry.name.text).offset(start);
        self.stream.seek(start);
        let mut header = [0; LOCAL_SIZE];
        let local = match self.stream.fill(&mut header)? {
            true => LocalHeader::parse(&header),
            false => None,
        };
        let Some(local) = local else {
            self.add(at(Code::LocalHeaderMissing));
            return Ok(None);
        };
        self.names.resize(usize::from(local.name_len) + usize::from(local.extra_len), 0);
        if !self.stream.fill(&mut self.names)? {
            self.add(at(Code::LocalHeaderMissing));
            return Ok(None);
        }
        let (name, extra) = self.names.split_at(usize::from(local.name_len));
        let same_name = name == entry.raw_name();
        let plain = self.scope.document.is_some() && entry.raw_name().is_ascii();
        let differences = differences(&local, central, same_name, plain);
        let around =
            Around { local: true, header: central, raw_name: entry.raw_name(), unicode: entry.unicode.as_deref() };
        let mut extra = extra::problems(extra, &around);
        // One word about ZIP64, not one for each place that shows it.
        let zip64 = entry.readable && [local.compressed, local.size].contains(&u32::MAX);
        if zip64 {
            extra.retain(|(code, _)| *code != Code::Zip64);
            self.add(at(Code::Zip64));
        } else if entry.readable && is_old(central.needed) && !is_old(local.needed) {
            self.add(at(Code::VersionUnsupported).detail((local.needed & 0xff).to_string()));
        }
        if !differences.is_empty() && !zip64 {
            self.add(at(Code::HeaderMismatch).detail(differences.join(", ")));
        }
        for (code, detail) in extra {
            if !entry.extra.contains(&code) {
                self.add(at(code).detail(detail));
            }
        }

        let data_offset = self.stream.position();
        let end = data_offset + u64::from(central.compressed);
        if entry.readable {
            self.content(entry, data_offset)?;
        }
        self.stream.seek(end);
        if central.has_descriptor() && entry.readable {
            let mut descriptor = [0; DESCRIPTOR_SIZE];
            let there = self.stream.fill(&mut descriptor)?;
            if there && entry.header.method == STORED && signature_in(&descriptor[1..]).is_some() {
                self.add(Finding::new(Code::DescriptorNotAllowed).entry(&entry.name.text).offset(end));
            }
            if !there || !describes(&descriptor, central) {
                self.add(Finding::new(Code::DescriptorInvalid).entry(&entry.name.text).offset(end));
                return Ok(None);
            }
            return Ok(Some(end + DESCRIPTOR_SIZE as u64));
        }
        Ok(Some(end))
    }

    fn content(&mut self, entry: &Entry, data_offset: u64) -> Result<(), CheckError> {
        let stated = stated(&entry.header);
        self.sniffer.begin(entry.expected, stated.size);
        if entry.expected == Expected::ContentTypes {
            self.sniffer.among(self.parts.iter().map(|part| extension(&part.name.text)).collect());
        }
        let document = match entry.expected {
            Expected::Kind(kind) if kind.is_document() => Some(kind),
            _ => None,
        };
        // The upload can be read again at any place; a part of a document only from the document's start.
        let again = self.scope.document.is_none();
        let keep = document.is_some()
            && stated.size <= self.run.options.limits.document_memory
            && !(again && stated.method == Method::Stored);
        let mut kept: Vec<u8> = Vec::new();

        // A reader that does not know the size ends stored content at the first record it sees.
        let mut signatures =
            (stated.method == Method::Stored && entry.header.has_descriptor()).then(SignatureSearch::default);
        self.unpacker.begin(stated);
        let bad = loop {
            let (produced, used) = self.unpacker.counts();
            match self.unpacker.next(&mut self.stream)? {
                Step::Content(content) => {
                    self.sniffer.feed(content);
                    if let Some(search) = &mut signatures {
                        search.feed(content);
                    }
                    if keep {
                        if kept.capacity() - kept.len() < content.len() {
                            kept.reserve_exact(content.len().max(PROGRESS_EVERY as usize));
                        }
                        kept.extend_from_slice(content);
                    }
                }
                Step::Done => break None,
                Step::Bad(code) => break Some(code),
            }
            let (now, used_now) = self.unpacker.counts();
            if again {
                self.run.done = data_offset + used_now;
            }
            self.run.worked((now - produced) + (used_now - used))?;
        };
        let at = |code| Finding::new(code).entry(&entry.name.text).offset(data_offset);
        if let Some(code) = bad {
            let (produced, used) = self.unpacker.counts();
            let detail = match code {
                Code::CrcMismatch => format!("{:08x} / {:08x}", stated.crc32, self.unpacker.crc32()),
                Code::DataAfterStream => format!("{} bytes", stated.compressed - used),
                Code::SmallerThanStated => format!("{} / {produced} bytes", stated.size),
                Code::LargerThanStated => format!("{} bytes", stated.size),
                _ => format!("after {used} bytes"),
            };
            self.add(at(code).detail(detail));
            return Ok(());
        }
        if let Some(place) = signatures.and_then(|search| search.found()) {
            self.add(at(Code::DescriptorNotAllowed).detail(format!("PK at {place}")));
        }
        let picture = self.sniffer.instead();
        let verdict = self.sniffer.finish();
        let fits = verdict.iter().all(|(code, _)| *code == Code::TextEncoding);
        for (code, detail) in verdict {
            if code == Code::EmbeddedObject && self.scope.document.is_none() {
                // Not in a document, so it is the file itself; its type was refused by its name already.
                continue;
            }
            self.add(match detail {
                Some(detail) => at(code).detail(detail),
                None => at(code),
            });
        }
        if let Some(kind) = document.filter(|_| fits) {
            let content = if keep { Ok(kept) } else { Err(self.sniffer.take_ends()) };
            self.document(entry, kind, stated, data_offset, content)?;
        }
        if let Expected::Kind(kind) = entry.expected
            && self.scope.document.is_none()
        {
            if let Some(kind) = picture {
                self.misnamed.push(Misnamed { at: self.manifest.len(), kind });
            }
            self.manifest.push(ManifestEntry {
                name: entry.name.text.clone(),
                renamed: entry.is_renamed(),
                media_type: kind.media_type().into(),
                size: stated.size,
                compressed_size: stated.compressed,
                crc32: stated.crc32,
                method: stated.method,
                data_offset,
            });
        }
        Ok(())
    }

    /// Looks into a document: all of its content, or its ends when it is too large to be kept.
    fn document(
        &mut self,
        entry: &Entry,
        kind: Kind,
        stated: Stated,
        data_offset: u64,
        content: Result<Vec<u8>, Ends>,
    ) -> Result<(), CheckError> {
        let scope = self.scope.document(&entry.name.text, kind);
        if scope.depth > self.run.options.limits.document_depth {
            return Ok(());
        }
        match (content, stated.method) {
            (Ok(kept), _) => document::check(&kept, kind, &scope, self.run),
            (Err(_), _) if self.scope.document.is_some() => {
                let most = self.run.options.limits.document_memory;
                self.add(
                    Finding::new(Code::NestedTooDeep)
                        .entry(&entry.name.text)
                        .offset(data_offset)
                        .detail(format!("{} > {most} bytes", stated.size)),
                );
                Ok(())
            }
            (Err(_), Method::Stored) => {
                let part = Part::new(self.source, data_offset, stated.size);
                document::check(&part, kind, &scope, self.run)
            }
            (Err(ends), Method::Deflate) => {
                let expanded = document::Expanded::new(self.source, data_offset, stated, ends);
                document::check(&expanded, kind, &scope, self.run)
            }
        }
    }
}

fn stated(header: &CentralHeader) -> Stated {
    Stated {
        method: if header.method == DEFLATE { Method::Deflate } else { Method::Stored },
        compressed: header.compressed.into(),
        size: header.size.into(),
        crc32: header.crc32,
    }
}

/// The fields in which the two headers of an entry disagree (rule 4).
///
/// Times and versions may differ: neither changes what is unpacked, and neither is kept. `plain`, an ASCII name
/// in a document, lets the flags differ that say how hard the packer tried and how the name is encoded.
fn differences(local: &LocalHeader, central: &CentralHeader, same_name: bool, plain: bool) -> Vec<&'static str> {
    let idle = if plain { 0b110 | FLAG_UTF8 } else { 0 };
    // With a descriptor the local fields are zero, or already right.
    let free = central.has_descriptor();
    let number = |local: u32, central: u32| local == central || (free && local == 0);
    [
        ("name", same_name),
        ("flags", local.flags & !idle == central.flags & !idle),
        ("method", local.method == central.method),
        ("crc32", number(local.crc32, central.crc32)),
        ("compressed size", number(local.compressed, central.compressed)),
        ("size", number(local.size, central.size)),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(field, _)| field)
    .collect()
}

/// A descriptor with signature that repeats what the directory states (rule 6).
fn describes(descriptor: &[u8; DESCRIPTOR_SIZE], central: &CentralHeader) -> bool {
    u32_at(descriptor, 0) == DESCRIPTOR_SIGNATURE
        && u32_at(descriptor, 4) == central.crc32
        && u32_at(descriptor, 8) == central.compressed
        && u32_at(descriptor, 12) == central.size
}
