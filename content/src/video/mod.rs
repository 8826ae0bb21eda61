//! One picture out of a video, and its duration and size, by ffmpeg and ffprobe.
//!
//! The demuxer is named, never guessed, and only local files may be opened: a "video" that is really a playlist would
//! otherwise make ffmpeg read other files or fetch addresses. A stored entry is read in place through the `subfile`
//! protocol; a deflated one is unpacked to scratch first.

pub mod tool;

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    time::Duration,
};

use serde::Deserialize;
use tempfile::NamedTempFile;

use crate::{
    entries::{ArchiveError, Entry, FileArchive},
    kind::{self, Kind},
    video::tool::{ToolError, ToolLimits},
};

/// A frame as PNG is far below this.
const FRAME_BYTES: u64 = 16 << 20;
/// What ffprobe prints about a file, at most.
const PROBE_BYTES: u64 = 64 << 10;

/// Why a video gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("no frame came out")]
    NoFrame,
    #[error("{0}")]
    Unreadable(String),
}

/// What a media file says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Media {
    pub duration_seconds: Option<f64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// A media entry that a program can open. Keeps the unpacked file, if there is one, until it is dropped.
struct Source {
    address: OsString,
    demuxer: &'static str,
    _unpacked: Option<NamedTempFile>,
}

impl Source {
    fn of(
        archive: &mut FileArchive,
        path: &Path,
        entry: &Entry,
        scratch: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Self, VideoError> {
        let demuxer = match (entry.kind, kind::extension(&entry.name).as_str()) {
            (Kind::WebM, _) => "matroska",
            (Kind::Mp4, _) | (_, "m4a") => "mov",
            (_, "mp3") => "mp3",
            (_, "ogg") => "ogg",
            (_, "wav") => "wav",
            _ => return Err(VideoError::Unreadable("not a media file".into())),
        };
        if let Some((start, end)) = archive.stored_range(entry)? {
            let mut address = OsString::from(format!("subfile,,start,{start},end,{end},,:"));
            address.push(std::path::absolute(path).map_err(ArchiveError::Io)?);
            return Ok(Self { address, demuxer, _unpacked: None });
        }
        let file = archive.unpack(entry, scratch, cancelled)?;
        let mut address = OsString::from("file:");
        address.push(file.path());
        Ok(Self { address, demuxer, _unpacked: Some(file) })
    }

    /// The arguments that open it, for ffmpeg and ffprobe alike.
    fn input(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            ["-protocol_whitelist", "file,subfile", "-f", self.demuxer, "-i"].map(OsString::from).to_vec();
        arguments.push(self.address.clone());
        arguments
    }
}

/// How to call the programs.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    pub ffmpeg: &'a OsStr,
    pub ffprobe: &'a OsStr,
    /// Wall-clock time for each run.
    pub time: Duration,
}

/// A frame as PNG: at a tenth of the running time (the first frames are often black), at most ten seconds in; the
/// very first one if there is nothing there. Upright, square pixels, at most `width` pixels wide.
pub fn frame(
    archive: &mut FileArchive,
    path: &Path,
    entry: &Entry,
    scratch: &Path,
    tools: Tools<'_>,
    width: u32,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u8>, VideoError> {
    let source = Source::of(archive, path, entry, scratch, cancelled)?;
    let duration = probe_source(&source, tools, cancelled)?.duration_seconds.unwrap_or(0.0);
    let into = (duration / 10.0).clamp(0.0, 10.0);
    let mut starts = vec![into];
    if into > 0.0 {
        starts.push(0.0);
    }
    for start in starts {
        let mut arguments: Vec<OsString> =
            ["-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1", "-ss"].map(OsString::from).to_vec();
        arguments.push(format!("{start:.3}").into());
        arguments.extend(source.input());
        let scale = format!("scale=iw*sar:ih,scale='min({width},iw)':-1,setsar=1");
        arguments.extend(["-map", "0:v:0", "-an", "-sn", "-dn", "-frames:v", "1", "-vf"].map(OsString::from));
        arguments.push(scale.into());
        arguments.extend(
            ["-map_metadata", "-1", "-c:v", "png", "-pix_fmt", "rgb24", "-f", "image2pipe", "pipe:1"]
                .map(OsString::from),
        );
        let limits = ToolLimits { time: tools.time, output: FRAME_BYTES };
        let png = tool::run(tools.ffmpeg, &arguments, limits, cancelled)?;
        if !png.is_empty() {
            return Ok(png);
        }
    }
    Err(VideoError::NoFrame)
}

/// Duration and, for videos, the size of the first video stream.
pub fn probe(
    archive: &mut FileArchive,
    path: &Path,
    entry: &Entry,
    scratch: &Path,
    tools: Tools<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Media, VideoError> {
    let source = Source::of(archive, path, entry, scratch, cancelled)?;
    probe_source(&source, tools, cancelled)
}

#[derive(Deserialize)]
struct Probed {
    #[serde(default)]
    streams: Vec<ProbedStream>,
    format: Option<ProbedFormat>,
}

#[derive(Deserialize)]
struct ProbedStream {
    codec_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Deserialize)]
struct ProbedFormat {
    duration: Option<String>,
}

fn probe_source(source: &Source, tools: Tools<'_>, cancelled: &dyn Fn() -> bool) -> Result<Media, VideoError> {
    let mut arguments: Vec<OsString> = [
        "-hide_banner",
        "-loglevel",
        "error",
        "-show_entries",
        "format=duration:stream=codec_type,width,height",
        "-of",
        "json",
    ]
    .map(OsString::from)
    .to_vec();
    arguments.extend(source.input());
    let limits = ToolLimits { time: tools.time, output: PROBE_BYTES };
    let output = tool::run(tools.ffprobe, &arguments, limits, cancelled)?;
    let probed: Probed =
        serde_json::from_slice(&output).map_err(|error| VideoError::Unreadable(format!("ffprobe: {error}")))?;
    let video = probed.streams.iter().find(|stream| stream.codec_type.as_deref() == Some("video"));
    Ok(Media {
        duration_seconds: probed
            .format
            .and_then(|format| format.duration?.parse().ok())
            .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0),
        width: video.and_then(|stream| stream.width).filter(|side| *side > 0),
        height: video.and_then(|stream| stream.height).filter(|side| *side > 0),
    })
}
